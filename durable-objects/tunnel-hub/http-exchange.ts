/** One HTTP request of a Worker to a site's service, as shared/tunnel/http.ts says: a stream an exchange. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { CODES, type Ending, StreamError } from "../../shared/mux/codes.ts";
import type { MuxStream } from "../../shared/mux/stream.ts";
import { ok, type Result } from "../../shared/result.ts";
import { encodeHead, HeadReader } from "../../shared/tunnel/head.ts";
import {
  endToEnd,
  NOT_FOR_CLIENTS,
  NOT_FOR_SERVICES,
  type ResponseHead,
  ResponseHeadSchema,
} from "../../shared/tunnel/http.ts";
import { HTTP_PREFIX } from "../../shared/tunnel/services.ts";
import { receiveBody, sendBody } from "./http-bodies.ts";
import { Patience } from "./patience.ts";

export interface ExchangeHost {
  readonly start: (target: string) => Result<MuxStream, Ending>;
  /** Goes on after the answer has begun. */
  readonly background: (work: Promise<void>) => void;
}

/** One exchange that is under way. */
interface Exchange extends Pick<ExchangeHost, "background"> {
  readonly request: Request;
  readonly stream: MuxStream;
  readonly patience: Patience;
}

/** @returns the service's answer; `unavailable` where the site, or the service, cannot be reached or breaks off */
export async function exchange(
  service: string,
  request: Request,
  { start, background }: ExchangeHost,
): Promise<Result<Response, Fault>> {
  const head = requestHead(request);
  if (head === null) return fail("headers-too-large", "the request's head is too large for the tunnel");
  const started = start(HTTP_PREFIX + service);
  if (!started.ok) return unavailable(started.error);
  const stream = started.value;
  const patience = new Patience(LIMITS.tunnelHttpHeadMs, () => stream.reset("timed-out"));
  let endsWithBody = false;
  try {
    const answer = await answerOf(head, { request, stream, patience, background });
    endsWithBody = answer.ok && answer.value.streamed;
    return answer.ok ? ok(answer.value.response) : answer;
  } catch (error) {
    const opened = error instanceof StreamError ? await stream.opened : null;
    if (opened?.ok === false) return unavailable(opened.error);
    stream.reset("cancelled");
    return fail("unavailable", `the service broke off: ${error instanceof Error ? error.message : "unknown"}`);
  } finally {
    if (!endsWithBody) patience.end();
  }
}

/** `streamed`: its body is still under way. @throws {StreamError} */
async function answerOf(
  headBytes: Uint8Array,
  under: Exchange,
): Promise<Result<{ readonly response: Response; readonly streamed: boolean }, Fault>> {
  const { stream } = under;
  await sendRequest(headBytes, under);
  const reader = new HeadReader(ResponseHeadSchema);
  while (reader.head === null) {
    const chunk = await stream.read();
    if (chunk === null || !reader.push(chunk)) {
      stream.reset("protocol-error");
      return fail("unavailable", "the site's agent gave no answer that makes sense");
    }
  }
  return ok(await respond(reader.head, reader.rest, under));
}

const unavailable = ({ code, reason }: Ending) =>
  code === "unknown-service"
    ? fail("not-found", "the site exposes no such service")
    : fail("unavailable", reason === "" ? CODES[code].words : `${CODES[code].words}: ${reason}`);

function requestHead({ method, url, headers }: Request): Uint8Array | null {
  const target = url.slice(url.indexOf("/", url.indexOf("://") + 3));
  return encodeHead({ method, target, headers: endToEnd(headers, NOT_FOR_SERVICES) });
}

/** A small body goes with the head; a large one is sent on while the answer may begin. */
async function sendRequest(head: Uint8Array, { request, stream, background }: Exchange): Promise<void> {
  const { body } = request;
  if (body === null) {
    await stream.end(head);
  } else if (Number(request.headers.get("Content-Length") ?? Infinity) <= LIMITS.tunnelHttpSmallBytes) {
    const [, bytes] = await Promise.all([stream.write(head), request.bytes()]);
    await stream.end(bytes);
  } else {
    await stream.write(head);
    background(sendBody(body, stream));
  }
}

/** Statuses whose answers have no body (RFC 9110 6.4.1). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

async function respond(
  head: ResponseHead,
  rest: Uint8Array,
  { request, stream, patience, background }: Exchange,
): Promise<{ readonly response: Response; readonly streamed: boolean }> {
  const headers = responseHeaders(head);
  const length = lengthOf(headers);
  // As the service encoded it: nothing here looks in.
  const init: ResponseInit = { status: head.status, headers, encodeBody: "manual" };
  if (request.method === "HEAD" || BODILESS.has(head.status)) {
    stream.reset("cancelled");
    return { response: new Response(null, init), streamed: false };
  }
  if (length !== null && length <= LIMITS.tunnelHttpSmallBytes) {
    const body = await smallBody(rest, length, stream);
    return { response: new Response(body, init), streamed: false };
  }
  const pipe = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  background(receiveBody(rest, stream, pipe.writable, patience));
  return { response: new Response(pipe.readable, init), streamed: true };
}

async function smallBody(rest: Uint8Array, length: number, stream: MuxStream): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let chunk: Uint8Array | null = rest; chunk !== null; chunk = await stream.read()) {
    if (at + chunk.length > length) throw new Error("the answer is longer than it says");
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new Error("the answer is shorter than it says");
  return bytes;
}

/**
 * The service's, and what keeps a page of a device from acting as one of the edge's: both are of one origin to a browser.
 * @throws TypeError for what is no header
 */
function responseHeaders({ headers: listed }: ResponseHead): Headers {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < listed.length; at += 2) pairs.push([listed[at] ?? "", listed[at + 1] ?? ""]);
  const headers = new Headers();
  const kept = endToEnd(pairs, NOT_FOR_CLIENTS);
  for (let at = 0; at < kept.length; at += 2) headers.append(kept[at] ?? "", kept[at + 1] ?? "");
  headers.set("Cache-Control", "no-store");
  headers.set("Content-Security-Policy", "sandbox");
  headers.set("X-Content-Type-Options", "nosniff");
  return headers;
}

function lengthOf(headers: Headers): number | null {
  const text = headers.get("Content-Length") ?? "";
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}
