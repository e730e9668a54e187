/** What the clients throw. No message holds a byte of key, nor quotes an answer that was to hold one. */
import type { Qos } from "../shared/etsi004/qos.ts";

/** Anything that went wrong, and no fault of the caller's code. */
export class QkdError extends Error {
  override readonly name: string = "QkdError";
}

/** No answer came: no connection, or none in time. Whether the request was served is not known. */
export class UnreachableError extends QkdError {
  override readonly name: string = "UnreachableError";
}

/** An answer came that cannot be used: no key of it was taken. */
export class AnswerError extends QkdError {
  override readonly name: string = "AnswerError";
}

/** An answer that says no, and when to ask again if it says that. */
export interface Refusal {
  /** HTTP's; of a WebSocket its close code. */
  readonly status: number;
  readonly retryAfterSeconds?: number | null;
  /** In its own words; the error's message where absent. */
  readonly reason?: string;
}

/** The key management entity says no. */
export class RefusedError extends QkdError {
  override readonly name: string = "RefusedError";
  readonly httpStatus: number;
  /** Its own words, for people: the message without status and codes. */
  readonly reason: string;
  /** Of the Error object (ETSI GS QKD 014 V1.1.1 clause 6.5). */
  readonly details: readonly unknown[];
  /** How long to wait, of 429 and 503; null where the answer does not say. */
  readonly retryAfterSeconds: number | null;

  constructor(
    message: string,
    { status, retryAfterSeconds = null, reason = message }: Refusal,
    details: readonly unknown[] = [],
  ) {
    super(message);
    this.httpStatus = status;
    this.reason = reason;
    this.details = details;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A call of ETSI GS QKD 004 that did not succeed. */
export class StreamError extends RefusedError {
  override readonly name: string = "StreamError";
  /** As in `STREAM_STATUS`. */
  readonly status: number;
  /** Of status 7: what could be had; asked for unchanged, it is. */
  readonly qos: Qos | undefined;
  /** Of status 8: the size that would do; no key was taken. */
  readonly metadataSize: number | undefined;

  constructor(
    message: string,
    refusal: Refusal,
    of: { readonly status: number; readonly qos?: Qos | undefined; readonly metadataSize?: number | undefined },
  ) {
    super(message, refusal);
    this.status = of.status;
    this.qos = of.qos;
    this.metadataSize = of.metadataSize;
  }
}

/** No token, or none that is good any more (RFC 6749 clause 5.2, RFC 6750 clause 3.1). */
export class OAuthError extends RefusedError {
  override readonly name: string = "OAuthError";
  /** `invalid_grant`: user and password, or the refresh token. `invalid_client`: id and secret. `invalid_token` ... */
  readonly code: string;

  constructor(code: string, message: string, refusal: Refusal) {
    super(message, refusal);
    this.code = code;
  }
}

/** The KMS has no such key, or none now: its index -2. */
export class NoKeyError extends RefusedError {
  override readonly name: string = "NoKeyError";
}
