/** A plain HTTP port of this machine for clients that know no authentication: only named addresses may connect. */
import http from "node:http";
import type { Socket } from "node:net";
import { GrowingBuffer } from "../../../shared/etsi004/growing-buffer.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Log, throttled } from "../../log.ts";
import type { AllowList } from "../etsi004/allow-list.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { listenAt, type Listening, type LocalPlace } from "../etsi004/listen-at.ts";
import { endOnceRead } from "../etsi014-tls/answers.ts";

/** Above what any call may wait for at the edge. */
export const PATIENCE_MS = LIMITS.streamTimeoutMs + LIMITS.agentRequestMs;

const SERVER = {
  maxHeaderSize: LIMITS.headerBytes,
  headersTimeout: LIMITS.localRequestMs,
  requestTimeout: LIMITS.localRequestMs,
  keepAliveTimeout: LIMITS.localKeepAliveMs,
  noDelay: true,
} as const satisfies http.ServerOptions;

export interface HttpListenerOptions {
  readonly place: LocalPlace;
  readonly mayConnect: AllowList;
  /** @param refused for what strangers are told: they shall not fill the disk */
  readonly serve: (refused: Log) => (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>;
  readonly log: Log;
}

/** @throws AgentFailure where the port cannot be had */
export async function listenHttp({ place, mayConnect, serve, log }: HttpListenerOptions): Promise<Listening> {
  const refused = throttled(log, LIMITS.localLogMs);
  const serveOne = serve(refused);
  const server = http.createServer(SERVER, (request, response) => void serveOne(request, response));
  server.maxConnections = LIMITS.localConnections;
  server.on("drop", () => refused("warn", "connection refused", { reason: "as many connections as may be" }));
  server.prependListener("connection", (socket: Socket) => {
    if (mayConnect(socket.remoteAddress)) return;
    refused("warn", "connection refused", { reason: "not allowed", from: socket.remoteAddress ?? "" });
    socket.destroy();
  });
  const port = await listenAt(server, place, log);
  return {
    port,
    stop: () => void server.close(),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What this side of the edge says itself. */
export interface OwnAnswer {
  readonly httpStatus: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = "text/plain; charset=utf-8";
export const said = (httpStatus: number, text: string): OwnAnswer => ({
  httpStatus,
  contentType: TEXT,
  body: `${text}\n`,
});

export const pathOf = ({ url = "" }: http.IncomingMessage): string => /^[^?]*/.exec(url)?.[0] ?? "";

/** Null where it is larger; what is left of it is read, and dropped, with the answer. */
export async function bodyOf(request: http.IncomingMessage, mostBytes: number): Promise<Uint8Array | null> {
  if (Number(request.headers["content-length"] ?? 0) > mostBytes) return null;
  const body = new GrowingBuffer();
  // Destroyed, as iterators do on their own, it could not be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (body.byteLength + chunk.length > mostBytes) return null;
    body.append(chunk);
  }
  return body.take();
}

type EdgeBytes = Awaited<ReturnType<Ask>>;

/** @param names of the headers that mean something to the clients */
export function passOn(
  { status, headers, bytes }: EdgeBytes,
  names: readonly string[],
  response: http.ServerResponse,
): void {
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(status, { "cache-control": "no-store", "content-length": bytes.length });
  response.end(bytes, () => bytes.fill(0));
}

export function answer(request: http.IncomingMessage, response: http.ServerResponse, own: OwnAnswer): void {
  const { httpStatus, contentType, body } = own;
  response.writeHead(httpStatus, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.write(body);
  endOnceRead(request, response);
}
