/** One HTTP exchange that comes through the tunnel: done with the device over a keep-alive connection, streamed. */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createSecureContext } from "node:tls";
import { hostAndPort } from "../../addresses.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Code, StreamError } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { REQUEST_ID_HEADER } from "../../../shared/telemetry/request-id.ts";
import { readTraceparent, TRACEPARENT } from "../../../shared/telemetry/trace.ts";
import { encodeHead, HeadReader } from "../../../shared/tunnel/head.ts";
import { endToEnd, type RequestHead, RequestHeadSchema } from "../../../shared/tunnel/http.ts";
import type { LogFields } from "../../log.ts";
import { AgentFailure } from "../failure.ts";
import { reasonOf } from "../reason.ts";
import type { ServiceConfig } from "../config/schema.ts";
import type { Address } from "./dial.ts";
import { room } from "./pump.ts";

const CONNECTIONS: http.AgentOptions = {
  keepAlive: true,
  timeout: LIMITS.agentHttpIdleMs,
  maxSockets: LIMITS.agentHttpConnections,
  noDelay: true,
};

/** Plain HTTP; devices share it. */
export const deviceAgent = (): http.Agent => new http.Agent(CONNECTIONS);

const pem = (file: string | undefined): Buffer | undefined => (file === undefined ? undefined : readFileSync(file));

/** For one device that speaks HTTPS. @throws AgentFailure where a file cannot be read, or holds no certificate or key */
export function secureAgent(
  service: string,
  { ca, cert, key, name }: NonNullable<ServiceConfig["https"]>,
): https.Agent {
  try {
    const files = { ca: pem(ca), cert: pem(cert), key: pem(key) };
    createSecureContext(files);
    const servername = name === undefined ? {} : { servername: name };
    return new https.Agent({ ...CONNECTIONS, ...files, minVersion: "TLSv1.2", ...servername });
  } catch (thrown) {
    throw new AgentFailure(`service ${service}: https: ${reasonOf(thrown)}`, 2);
  }
}

export interface ExchangeFailure {
  /** `cancelled`: who asked wants no more. */
  readonly code: Code;
  readonly reason: string;
}

export interface Exchange {
  readonly head: RequestHead;
  /** Of the body: null where it has none. */
  readonly first: Uint8Array | null;
  /** What the head says that the body has; null where it says nothing. */
  readonly bodyBytes: number | null;
}

/**
 * A body of another length than its head says. Written as it is, the device would take what is too much for the next
 * request on a connection that others use as well, or what others send for what is missing.
 */
export class BodyLengthError extends Error {
  constructor() {
    super("the body is not as long as its head says");
  }
}

/** Is told of a request's head as soon as that is there. */
export type SeeHead = (head: RequestHead) => void;

/** What the edge calls a request, in its log and ours. */
export function namesOf({ headers }: RequestHead): LogFields {
  const sent = new Map(pairsOf(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const id = sent.get(REQUEST_ID_HEADER.toLowerCase());
  const trace = readTraceparent(sent.get(TRACEPARENT) ?? null);
  return {
    ...(id === undefined ? {} : { request_id: id }),
    ...(trace === null ? {} : { trace_id: trace.traceId }),
  };
}

/** Resolves when the exchange is over; the stream is then ended, or reset for the reason returned. */
export async function exchangeHttp(
  stream: MuxStream,
  address: Address,
  agent: http.Agent,
  seeHead?: SeeHead,
): Promise<Result<null, ExchangeFailure>> {
  const read = await readExchange(stream, seeHead);
  const done = read.ok ? await forward(stream, read.value, address, agent) : read;
  if (!done.ok) stream.reset(done.error.code, done.error.reason.slice(0, 100));
  return done;
}

export const failed = (code: Code, reason: string) => err({ code, reason });

/** What was thrown while bytes went to or from the stream: its own end, or the device's. */
export const brokenBy = (thrown: unknown) =>
  failed(thrown instanceof StreamError ? "cancelled" : "service-failed", reasonOf(thrown));

export async function readExchange(stream: MuxStream, seeHead?: SeeHead): Promise<Result<Exchange, ExchangeFailure>> {
  const reader = new HeadReader(RequestHeadSchema);
  try {
    while (reader.head === null) {
      const chunk = await stream.read();
      if (chunk === null || !reader.push(chunk)) return failed("protocol-error", "this is no head of a request");
    }
    const { head, rest } = reader;
    seeHead?.(head);
    if (head.headers.length % 2 !== 0) return failed("protocol-error", "a header without a value");
    const [length, ...more] = pairsOf(head.headers).filter(([name]) => name.toLowerCase() === CONTENT_LENGTH);
    if (length === undefined) {
      // Only the first byte, or the end, tells whether such a request has a body.
      return ok({ head, first: rest.length === 0 ? await stream.read() : rest, bodyBytes: null });
    }
    if (more.length > 0 || !LENGTH.test(length[1])) return failed("protocol-error", "a length that is none");
    return ok({ head, first: rest, bodyBytes: Number(length[1]) });
  } catch (thrown) {
    return brokenBy(thrown);
  }
}

const CONTENT_LENGTH = "content-length";
const LENGTH = /^[0-9]{1,15}$/;

/** Of names and values in turn. */
const pairsOf = (headers: readonly string[]): (readonly [string, string])[] =>
  headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1] ?? ""] as const] : []));

const NONE: ReadonlySet<string> = new Set();

async function forward(
  stream: MuxStream,
  exchange: Exchange,
  address: Address,
  agent: http.Agent,
): Promise<Result<null, ExchangeFailure>> {
  let first: http.ClientRequest;
  try {
    first = open(exchange, address, agent);
  } catch (thrown) {
    // Node's own check of what may stand in a head.
    return failed("protocol-error", reasonOf(thrown));
  }
  let got = await send(stream, exchange, first);
  // A connection kept alive may be closed by the device just when it is taken: nothing was asked then.
  const stale = !got.ok && first.reusedSocket && exchange.first === null && SAFE.has(exchange.head.method);
  if (stale) got = await send(stream, exchange, open(exchange, address, agent));
  if (!got.ok) return got;
  const { statusCode = 0, rawHeaders } = got.value;
  const head = encodeHead({ status: statusCode, headers: endToEnd(pairsOf(rawHeaders), NONE) });
  if (statusCode > LAST_STATUS || head === null) {
    got.value.destroy();
    return failed("service-failed", `the device answers ${statusCode} with a head that cannot be passed on`);
  }
  try {
    await stream.write(head);
    for await (const chunk of got.value as AsyncIterable<Buffer>) await stream.write(chunk);
    await stream.end();
    return ok(null);
  } catch (thrown) {
    return brokenBy(thrown);
  }
}

/** RFC 9110 9.2.1: to ask twice does no harm. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const LAST_STATUS = 599;

function open({ head, first }: Exchange, { host, port }: Address, agent: http.Agent): http.ClientRequest {
  const headers = endToEnd(pairsOf(head.headers), NONE);
  const has = (name: string): boolean => headers.some((text, at) => at % 2 === 0 && text === name);
  if (!has("host")) headers.push("host", hostAndPort(host, port));
  if (first !== null && !has(CONTENT_LENGTH)) headers.push("transfer-encoding", "chunked");
  const { request } = agent instanceof https.Agent ? https : http;
  return request({ agent, host, port, method: head.method, path: head.target, headers, setHost: false });
}

/** The body goes on while the answer comes: a device may answer before it has all of it. */
async function send(
  stream: MuxStream,
  exchange: Exchange,
  request: http.ClientRequest,
): Promise<Result<http.IncomingMessage, ExchangeFailure>> {
  const { promise, resolve } = Promise.withResolvers<Result<http.IncomingMessage, ExchangeFailure>>();
  let connected = false;
  request.once("socket", (socket) => {
    connected = !socket.connecting;
    // Connections are used again and again: a listener that waits for nothing would stay.
    if (socket.connecting) socket.once("connect", () => (connected = true));
  });
  request.once("response", (response) => resolve(ok(response)));
  request.on("error", (error) => {
    const code = connected ? "service-failed" : "dial-failed";
    resolve(failed(error instanceof BodyLengthError ? "protocol-error" : code, reasonOf(error)));
  });
  void giveUpWith(stream, request, (reason) => resolve(failed("cancelled", reason)));
  void sendBody(stream, exchange, request);
  return await promise;
}

async function giveUpWith(
  stream: MuxStream,
  request: http.ClientRequest,
  told: (reason: string) => void,
): Promise<void> {
  const end = await stream.closed;
  if (end.kind !== "reset") return;
  told(end.reason);
  request.destroy();
}

/** To its end, even if the device has heard enough: the stream is not over before. */
async function sendBody(stream: MuxStream, exchange: Exchange, request: http.ClientRequest): Promise<void> {
  const { first, bodyBytes } = exchange;
  let sentBytes = 0;
  try {
    // A head waits for the body's first byte otherwise, and that may wait for the answer.
    if (first?.length === 0) request.flushHeaders();
    for (let chunk = first; chunk !== null; chunk = await stream.read()) {
      sentBytes += chunk.length;
      if (bodyBytes !== null && sentBytes > bodyBytes) throw new BodyLengthError();
      if (chunk.length > 0 && request.writable && !request.write(chunk)) await room(request);
    }
    if (bodyBytes !== null && sentBytes < bodyBytes) throw new BodyLengthError();
    // Not before: only a request that has ended leaves its connection to others.
    request.end();
  } catch (thrown) {
    request.destroy(thrown instanceof Error ? thrown : undefined);
  }
}
