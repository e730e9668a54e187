/** Requests of both clients: by `fetch`, bounded in time and size, repeated where that is safe. */
import { parseJson } from "../shared/bytes/json.ts";
import { LIMITS } from "../shared/limits.ts";
import { isRetryable, parseRetryAfter, retryDelayMs } from "../shared/retry.ts";
import { AnswerError, RefusedError, UnreachableError } from "./errors.ts";

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface ClientOptions {
  /** Where the key management entity is: `https://kme.example.org:9000`, perhaps with a path before `/api`. */
  readonly baseUrl: string;
  /** Bearer token, or what gives one: asked before each request. None where `fetch` shows a certificate. */
  readonly token?: string | (() => string | Promise<string>);
  /** In place of the global one: with a client certificate, over a service binding, through a proxy ... */
  readonly fetch?: Fetch;
  /** Of one request. An OPEN_CONNECT may wait for as long as its QOS.Timeout says. */
  readonly timeoutMs?: number;
  /** How often a request is sent at most, where the answer says "later" and nothing was consumed; 1: never again. */
  readonly attempts?: number;
  /** Waits between attempts; rejects once the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Undefined: no JSON. */
  readonly json: unknown;
  readonly retryAfterSeconds: number | null;
}

export interface HttpCall extends CallOptions {
  /** With its query, percent-encoded. */
  readonly path: string;
  /** Sent as JSON, by POST; without one it is a GET. */
  readonly body?: object;
  /** Has an answer that is to be asked for again later consumed nothing? 429 and 503 only come to be judged. */
  readonly isRepeatable?: (answer: HttpAnswer) => boolean;
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const globalFetch: Fetch = (url, init) => globalThis.fetch(url, init);

export class Http {
  readonly #base: string;
  readonly #options: ClientOptions;
  readonly #fetch: Fetch;

  /** @throws TypeError for a URL that is none, or over which keys would go in clear text */
  constructor(options: ClientOptions) {
    const url = new URL(options.baseUrl);
    const isLocal = url.protocol === "http:" && LOOPBACK.has(url.hostname);
    // A fetch of the caller's own may have other means than TLS, as between Workers.
    if (url.protocol !== "https:" && !isLocal && options.fetch === undefined) {
      throw new TypeError(`${url.origin} would carry keys in clear text: https://, or http:// on loopback`);
    }
    this.#base = url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#options = options;
    this.#fetch = options.fetch ?? globalFetch;
  }

  urlOf(path: string): string {
    return this.#base + path;
  }

  async headers(): Promise<Record<string, string>> {
    const { token } = this.#options;
    if (token === undefined) return {};
    return { Authorization: `Bearer ${typeof token === "string" ? token : await token()}` };
  }

  async pause(attempt: number, retryAfterSeconds: number | null, signal: AbortSignal | undefined): Promise<void> {
    const { pause = pauseMs } = this.#options;
    await pause(retryDelayMs(attempt, retryAfterSeconds, Math.random()), signal);
  }

  /**
   * @throws UnreachableError, AnswerError for one that is too large, and the signal's reason
   */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const { isRepeatable = () => true, signal } = call;
    const { attempts = LIMITS.clientAttempts } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#attempt(call);
      if (attempt >= attempts || !isRetryable(answer.status) || !isRepeatable(answer)) return answer;
      await this.pause(attempt, answer.retryAfterSeconds, signal);
    }
  }

  async #attempt({ path, body, signal }: HttpCall): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    const headers: Record<string, string> = { Accept: "application/json", ...(await this.headers()) };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const inTime = AbortSignal.timeout(this.#options.timeoutMs ?? LIMITS.clientTimeoutMs);
    try {
      const response = await this.#fetch(this.urlOf(path), {
        method: body === undefined ? "GET" : "POST",
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A key management entity has no reason to send its clients, with their tokens, elsewhere.
        redirect: "manual",
        signal: signal === undefined ? inTime : AbortSignal.any([signal, inTime]),
      });
      const text = await readText(response, path);
      const json = parseJson(text, LIMITS.clientJsonDepth);
      return {
        status: response.status,
        json: json.ok ? json.value : undefined,
        retryAfterSeconds: parseRetryAfter(response.headers.get("Retry-After")),
      };
    } catch (error) {
      if (error instanceof AnswerError) throw error;
      signal?.throwIfAborted();
      throw new UnreachableError(`${path}: ${inTime.aborted ? "no answer in time" : reasonOf(error)}`, {
        cause: error,
      });
    }
  }
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
    if (sizeBytes > LIMITS.clientAnswerBytes) {
      await reader.cancel();
      throw new AnswerError(`${path}: an answer of more than ${LIMITS.clientAnswerBytes} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** @throws the signal's reason */
async function pauseMs(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The Error object's message; of an answer without one, as a proxy's page or an empty 401, the status alone. */
export function refusal({ status, json }: HttpAnswer): RefusedError {
  const { message, details } = isRecord(json) ? json : {};
  const text = typeof message === "string" && message !== "" ? `${message} (HTTP ${status})` : `HTTP ${status}`;
  return new RefusedError(text, status, Array.isArray(details) ? details : []);
}

/**
 * An id as one segment of a path, percent-encoded exactly once.
 * @throws TypeError for what no URL can hold as a segment
 */
export function segmentOf(id: string): string {
  if (id === "" || id === "." || id === "..") throw new TypeError(`"${id}" cannot be a part of a URL's path`);
  return encodeURIComponent(id);
}
