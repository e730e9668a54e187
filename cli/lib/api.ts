/** The edge's HTTP API as the commands need it: JSON answers, retries where a repeat is safe, clear failures. */
import { setTimeout as sleep } from "node:timers/promises";
import { CliFailure } from "./failure.ts";
import { isRecord } from "../../shared/records.ts";
import { isBrokenConnection, isRetryable, parseRetryAfter, RETRY, retryDelayMs } from "../../shared/retry.ts";
import type { Settings } from "./settings.ts";
import { type FetchLike, fetchWith } from "./tls-fetch.ts";

export interface Call {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly contentType?: string;
  readonly ifMatch?: number;
  /** RFC 7240. */
  readonly prefer?: string;
  /** Repeat on 429, 503 and connections that break: for calls that may safely happen twice. */
  readonly retry?: boolean;
  /** Statuses of 4xx/5xx that the caller handles itself. */
  readonly accept?: readonly number[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON body; null when empty. */
  readonly json: unknown;
}

/** An answer that says no. */
export class ApiFailure extends CliFailure {
  readonly status: number;
  readonly details: readonly unknown[];

  constructor(status: number, message: string, details: readonly unknown[], hint?: string) {
    super(message, hint);
    this.name = "ApiFailure";
    this.status = status;
    this.details = details;
  }
}

const TIMEOUT_MS = 60_000;

export class Api {
  readonly edge: string;
  readonly #token: string | null;
  readonly #fetch: FetchLike;
  readonly #onRetry: (reason: string, delayMs: number, attempt: number) => void;

  constructor(settings: Settings, onRetry: (reason: string, delayMs: number, attempt: number) => void = () => {}) {
    this.edge = settings.edge;
    this.#token = settings.token;
    this.#fetch = fetchWith(settings.tls);
    this.#onRetry = onRetry;
  }

  get(path: string): Promise<Answer> {
    return this.call({ path, retry: true });
  }

  /** @throws ApiFailure on an unaccepted 4xx/5xx; CliFailure when the edge cannot be reached */
  async call(call: Call): Promise<Answer> {
    const attempts = call.retry === true ? RETRY.attempts : 1;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(call);
      const isLast = attempt >= attempts;
      if (outcome instanceof Error) {
        if (isLast || !isBrokenConnection(outcome)) throw unreachable(this.edge, outcome, attempt);
        await this.#pause(outcome.message, attempt, null);
      } else if (isRetryable(outcome.status) && !isLast) {
        const retryAfter = parseRetryAfter(outcome.headers.get("retry-after"));
        await this.#pause(messageOf(outcome), attempt, retryAfter);
      } else if (outcome.status < 400 || call.accept?.includes(outcome.status) === true) {
        return outcome;
      } else {
        throw toFailure(outcome, this.#token !== null);
      }
    }
  }

  async #attempt(call: Call): Promise<Answer | Error> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#token !== null) headers["authorization"] = `Bearer ${this.#token}`;
    if (call.body !== undefined) headers["content-type"] = call.contentType ?? "application/json";
    if (call.ifMatch !== undefined) headers["if-match"] = `"${call.ifMatch}"`;
    if (call.prefer !== undefined) headers["prefer"] = call.prefer;
    try {
      const response = await this.#fetch(this.edge + call.path, {
        method: call.method ?? "GET",
        headers,
        body: call.body ?? null,
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, headers: response.headers, json: readBody(await response.text()) };
    } catch (error) {
      return networkError(error);
    }
  }

  async #pause(reason: string, attempt: number, retryAfterSeconds: number | null): Promise<void> {
    const delayMs = retryDelayMs(attempt, retryAfterSeconds, Math.random());
    this.#onRetry(reason, delayMs, attempt);
    await sleep(delayMs);
  }
}

function readBody(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return { message: text.slice(0, 200) };
  }
}

/** fetch says "fetch failed" and hides the reason in `cause`. */
export function networkError(error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const inner = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  return inner instanceof Error ? inner : new Error(String(inner));
}

/** What Node says of a server whose certificate no known authority has issued. */
const UNKNOWN_AUTHORITY: ReadonlySet<unknown> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** A connection that did not come about, or broke, with what helps. */
export function unreachable(edge: string, error: Error, attempts = 1): CliFailure {
  const code = "code" in error ? error.code : undefined;
  const reason = code === "ECONNREFUSED" ? "nothing listens there (connection refused)" : error.message;
  return new CliFailure(
    `cannot reach ${edge}: ${reason}${attempts > 1 ? ` (${attempts} attempts)` : ""}`,
    UNKNOWN_AUTHORITY.has(code)
      ? "--ca names the authority of its certificate"
      : "is it running? `npm start` runs one on this machine",
  );
}

function messageOf(answer: Answer): string {
  const message = isRecord(answer.json) ? answer.json["message"] : undefined;
  return typeof message === "string" ? message : `HTTP ${answer.status}`;
}

function toFailure(answer: Answer, hasToken: boolean): ApiFailure {
  if (answer.status === 401) {
    const hint = hasToken
      ? "the edge does not know this token, or it expired or was revoked"
      : "give --token-file or QKD_TOKEN";
    return new ApiFailure(401, "unauthorised (401)", [], hint);
  }
  const details = isRecord(answer.json) && Array.isArray(answer.json["details"]) ? answer.json["details"] : [];
  return new ApiFailure(answer.status, `${messageOf(answer)} (${answer.status})`, details);
}

/** `"7"` or `W/"7"` -> 7; null for anything else. */
export function parseETag(header: string | null): number | null {
  const match = /^(?:W\/)?"([0-9]{1,15})"$/.exec(header ?? "");
  return match?.[1] === undefined ? null : Number(match[1]);
}
