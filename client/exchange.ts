/** Requests of all clients: by `fetch`, bounded in time and size, sent again after a 503 where that is safe. */
import { parseJson } from "../shared/bytes/json.ts";
import { CLIENT } from "../shared/limits-client.ts";
import { Deadline, unlessAborted } from "./deadline.ts";
import { AnswerError, UnreachableError } from "./errors.ts";
import type { CallOptions, Fetch, RequestOptions } from "./options.ts";
import { isTooLong, pauseAfter, retryAfterSeconds } from "./waiting.ts";

export interface HttpAnswer {
  readonly status: number;
  /** Undefined: no JSON. */
  readonly json: unknown;
  readonly retryAfterSeconds: number | null;
}

export interface Call extends CallOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent by POST; without one it is a GET. */
  readonly body?: string;
  /** Has an answer 503 consumed nothing? So it is where nothing else is said. */
  readonly isRepeatable?: ((answer: HttpAnswer) => boolean) | undefined;
}

export const FORM_TYPE = "application/x-www-form-urlencoded";

/** The one status that says "later": 429 says "too much", and more of the same does not help. */
const UNAVAILABLE = 503;
const globalFetch: Fetch = (url, init) => globalThis.fetch(url, init);

/**
 * @param callOf makes the call, for each attempt anew: a token may have been renewed in between
 * @throws UnreachableError, AnswerError for an answer that is too large, and the signal's reason
 */
export async function exchange(
  callOf: () => Call | Promise<Call>,
  options: RequestOptions,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const { attempts = CLIENT.clientAttempts } = options;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const call = await unlessAborted(Promise.resolve(callOf()), signal);
    const answer = await attemptOnce(call, options, signal);
    const { status, retryAfterSeconds: seconds } = answer;
    const isLater = status === UNAVAILABLE && (call.isRepeatable?.(answer) ?? true);
    if (!isLater || attempt >= attempts || isTooLong(seconds)) return answer;
    await pauseAfter(attempt, seconds, signal, options);
  }
}

async function attemptOnce(call: Call, options: RequestOptions, signal: AbortSignal | undefined): Promise<HttpAnswer> {
  const { fetch = globalFetch, timeoutMs = CLIENT.clientTimeoutMs } = options;
  // Without its query, which may name a key.
  const { pathname } = new URL(call.url);
  const deadline = new Deadline(timeoutMs, signal);
  try {
    return await unlessAborted(answerTo(call, pathname, fetch, deadline.signal), deadline.signal);
  } catch (error) {
    if (error instanceof AnswerError) throw error;
    signal?.throwIfAborted();
    const reason = deadline.isLate ? "no answer in time" : reasonOf(error);
    throw new UnreachableError(`${pathname}: ${reason}`, { cause: error });
  } finally {
    deadline.clear();
  }
}

async function answerTo(
  { url, headers, body }: Call,
  pathname: string,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: { Accept: "application/json", ...headers },
    ...(body === undefined ? {} : { body }),
    // A key management entity has no reason to send its clients, with their tokens, elsewhere.
    redirect: "manual",
    signal,
  });
  const json = parseJson(await readText(response, pathname), CLIENT.clientJsonDepth);
  return {
    status: response.status,
    json: json.ok ? json.value : undefined,
    retryAfterSeconds: retryAfterSeconds(response.headers.get("Retry-After"), Date.now()),
  };
}

/** `fetch` says "fetch failed", and hides why. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? inner.message : String(inner);
}

async function readText(response: Response, path: string): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let [text, sizeBytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    sizeBytes += value.length;
    if (sizeBytes > CLIENT.clientAnswerBytes) {
      await reader.cancel();
      throw new AnswerError(`${path}: an answer of more than ${CLIENT.clientAnswerBytes} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
