/**
 * A QKD module as its clients know it, on a local port: requests are passed to the edge for the SAE of this listener, and
 * answers as they come. The bindings themselves, and all state, are the edge's.
 */
import http from "node:http";
import type { Socket } from "node:net";
import { fail } from "../../../shared/errors/errors.ts";
import { GrowingBuffer } from "../../../shared/etsi004/growing-buffer.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { failureOf } from "../../agent/link/edge.ts";
import { type Log, throttled } from "../../log.ts";
import { allowList } from "../etsi004/allow-list.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { mayConnectTo, type QkdModuleConfig } from "../etsi004/config.ts";
import { listenAt, type LocalService } from "../etsi004/listen-at.ts";
import { endOnceRead } from "../etsi014-tls/answers.ts";
import { objectionTo } from "./guard.ts";
import { type OwnAnswer, type Passed, passedAt, type Trouble } from "./paths.ts";

export interface QkdModuleOptions {
  readonly config: QkdModuleConfig;
  readonly ask: Ask;
  readonly log: Log;
}

const SERVER = {
  maxHeaderSize: LIMITS.headerBytes,
  headersTimeout: LIMITS.localRequestMs,
  requestTimeout: LIMITS.localRequestMs,
  keepAliveTimeout: LIMITS.localKeepAliveMs,
  noDelay: true,
} as const satisfies http.ServerOptions;

/** @throws AgentFailure where the port cannot be had */
export async function startQkdModule({ config, ask, log }: QkdModuleOptions): Promise<LocalService> {
  const refused = throttled(log, LIMITS.localLogMs);
  const mayConnect = mayConnectTo(config);
  const front = new Front({ config, ask, log: refused });
  const server = http.createServer(SERVER, (request, response) => void front.serve(request, response));
  server.maxConnections = LIMITS.localConnections;
  server.on("drop", () => refused("warn", "connection refused", { reason: "as many connections as may be" }));
  server.prependListener("connection", (socket: Socket) => {
    if (mayConnect(socket.remoteAddress)) return;
    refused("warn", "connection refused", { reason: "not allowed", from: socket.remoteAddress ?? "" });
    socket.destroy();
  });
  const port = await listenAt(server, config, log);
  return {
    kind: config.kind,
    port,
    stop: () => void server.close(),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Above what any call may wait for at the edge. */
const PATIENCE_MS = LIMITS.streamTimeoutMs + LIMITS.agentRequestMs;
const TEXT = "text/plain; charset=utf-8";
const said = (httpStatus: number, text: string): OwnAnswer => ({ httpStatus, contentType: TEXT, body: `${text}\n` });
const NOT_FOUND = said(404, "no such path");
const TOO_LARGE = fail("body-too-large", `the body may have ${LIMITS.qkdModuleBodyBytes} bytes`).error;

class Front {
  readonly #options: QkdModuleOptions;
  readonly #isPeerModule: (address: string | undefined) => boolean;

  constructor(options: QkdModuleOptions) {
    this.#options = options;
    this.#isPeerModule = allowList(options.config.peer_modules);
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const passed = passedAt(pathOf(request));
    const refusal = this.#refusal(request, passed);
    if (refusal !== null || passed === null) {
      if (refusal?.httpStatus === 403) this.#options.log("warn", "request refused", { reason: refusal.body.trim() });
      answer(request, response, refusal ?? NOT_FOUND);
      return;
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const own = (trouble: Trouble): void =>
      answer(request, response, passed.refusal(trouble, request.headers.accept ?? null));
    try {
      const body = await bodyOf(request);
      if (body === null) own({ kind: "body", fault: TOO_LARGE });
      else passOn(await this.#ask(request, passed, body, gone.signal), response);
    } catch (thrown) {
      if (gone.signal.aborted) return;
      this.#options.log("warn", "the edge cannot be asked", { reason: failureOf(thrown) });
      own({ kind: "edge" });
    }
  }

  #refusal(request: http.IncomingMessage, passed: Passed | null): OwnAnswer | null {
    const { headers, method, socket } = request;
    const { address, port, hosts } = this.#options.config;
    const door = { hosts: [...hosts, `${address}:${port}`], localAddress: socket.localAddress };
    const objection = objectionTo(headers, door);
    if (objection !== null) return said(403, objection);
    if (passed === null) return NOT_FOUND;
    if (method !== passed.method) return said(405, `only ${passed.method}`);
    if (passed.isOfPeer && !this.#isPeerModule(socket.remoteAddress))
      return said(403, "only the peer module may call this");
    return null;
  }

  #ask(request: http.IncomingMessage, passed: Passed, bytes: Uint8Array, gone: AbortSignal): ReturnType<Ask> {
    const { url = "", headers: told } = request;
    const { method } = passed;
    const content = { bytes, contentType: told["content-type"] ?? passed.contentType };
    const asked = { method, path: url, headers: { accept: told.accept ?? "*/*" } };
    const timely = AbortSignal.any([gone, AbortSignal.timeout(PATIENCE_MS)]);
    return this.#options.ask(method === "POST" ? { ...asked, body: content } : asked, timely);
  }
}

const pathOf = ({ url = "" }: http.IncomingMessage): string => /^[^?]*/.exec(url)?.[0] ?? "";

/** Null where it is larger than any request of the bindings; what is left of it is read, and dropped, with the answer. */
async function bodyOf(request: http.IncomingMessage): Promise<Uint8Array | null> {
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.qkdModuleBodyBytes) return null;
  const body = new GrowingBuffer();
  // Destroyed, as iterators do on their own, it could not be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (body.byteLength + chunk.length > LIMITS.qkdModuleBodyBytes) return null;
    body.append(chunk);
  }
  return body.take();
}

/** Headers that mean something to the bindings' clients. */
const HEADERS = ["content-type", "retry-after"] as const;

function passOn({ status, headers, bytes }: Awaited<ReturnType<Ask>>, response: http.ServerResponse): void {
  for (const name of HEADERS) {
    const value = headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(status, { "cache-control": "no-store", "content-length": bytes.length });
  response.end(bytes, () => bytes.fill(0));
}

function answer(request: http.IncomingMessage, response: http.ServerResponse, own: OwnAnswer): void {
  const { httpStatus, contentType, body } = own;
  response.writeHead(httpStatus, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.write(body);
  endOnceRead(request, response);
}
