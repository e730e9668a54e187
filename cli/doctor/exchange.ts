/** Raw calls over mutual TLS, for cases to judge: nothing is parsed away, and everything stands in the transcript, without keys. */
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { SecureContextOptions } from "node:tls";
import { LIMITS } from "../../shared/limits.ts";
import type { Redactor } from "./redact.ts";
import type { Transcript } from "./transcript.ts";

/** PEM; neither for a caller who shows no certificate. */
export interface Identity {
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Whether the body's bytes are UTF-8. */
  readonly isUtf8: boolean;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
}

export interface Call {
  /** GET, or POST where there is a body. */
  readonly method?: string;
  /** JSON by `JSON.stringify`; text and bytes go out as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Else a connection of its own. */
  readonly agent?: Agent;
  readonly tls?: Pick<SecureContextOptions, "minVersion" | "maxVersion" | "ciphers">;
}

export interface Caller {
  /** As in reports: `sae-a`. */
  readonly name: string;
  readonly identity: Identity;
}

/** Where the calls of a run are kept, and what ends those under way. */
export interface Recording {
  readonly transcript: Transcript;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/**
 * One call on a connection of its own.
 * @param ca PEM of the authority that the server's certificate has to be of
 * @throws what the connection or handshake failed with; that, too, stands in the transcript
 */
export async function exchange(
  url: string,
  ca: string,
  caller: Caller,
  call: Call,
  record: Recording,
): Promise<Answer> {
  const who = `${caller.name} -> ${new URL(url).origin}`;
  const sent = sentText(url, call);
  try {
    const answer = await answerOf(await open(url, ca, caller.identity, call, record.signal));
    for (const key of keysIn(answer.json)) record.redactor.learn(key);
    record.transcript.add(who, sent, receivedText(answer));
    return answer;
  } catch (thrown) {
    record.transcript.add(who, sent, `no answer: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    throw thrown;
  }
}

/** Sends a call, and reads none of the answer's body. */
export async function open(
  url: string,
  ca: string,
  identity: Identity,
  call: Call,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const body = bytesOf(call.body);
  const sent = request(url, {
    ca,
    ...identity,
    method: methodOf(call),
    headers: { ...(body === undefined ? {} : { "Content-Length": body.length }), ...headersOf(call) },
    agent: call.agent ?? new Agent({ keepAlive: false, maxCachedSessions: 0 }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMITS.doctorCallMs)]),
    ...call.tls,
  });
  // A server that has answered may stop reading; before the answer, `once` rejects.
  sent.on("error", () => undefined);
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

const methodOf = ({ method, body }: Call): string => method ?? (body === undefined ? "GET" : "POST");
const headersOf = ({ body, headers }: Call) => ({
  ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  ...headers,
});

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LIMITS.doctorAnswerBytes) throw new Error(`an answer of more than ${LIMITS.doctorAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  const text = whole.toString("utf8");
  const isUtf8 = Buffer.from(text).equals(whole);
  return { status: response.statusCode ?? 0, headers: response.headers, text, isUtf8, json: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Those of a key container, however much else is wrong with it. */
function keysIn(json: unknown): readonly string[] {
  const keys = (json as { keys?: unknown } | null | undefined)?.keys;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((entry: { key?: unknown } | null) => (typeof entry?.key === "string" ? [entry.key] : []));
}

/** Of the connection, not of the answer. */
const NOT_SHOWN = new Set(["connection", "date", "keep-alive", "transfer-encoding"]);

const lines = (headers: object): string =>
  Object.entries(headers)
    .filter(([name]) => !NOT_SHOWN.has(name))
    .map(([name, value]) => `${name}: ${String(value)}\n`)
    .join("");

const sentText = (url: string, call: Call): string =>
  `${methodOf(call)} ${new URL(url).pathname}${new URL(url).search}\n${lines(headersOf(call))}${bodyText(call.body)}`;

function bodyText(body: unknown): string {
  if (body === undefined) return "";
  if (body instanceof Uint8Array) return `\n(${body.length} bytes)`;
  return `\n${typeof body === "string" ? body : JSON.stringify(body)}`;
}

const receivedText = ({ status, headers, text }: Answer): string => `HTTP ${status}\n${lines(headers)}\n${text}`;
