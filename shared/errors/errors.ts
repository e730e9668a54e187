/**
 * Every way a request can fail: one union of stable codes, one map to HTTP.
 *
 * A `Fault` travels from objects to Workers to clients. Its message never carries key bytes, and never more about
 * other parties' keys than the standard forces.
 */
import { err } from "../result.ts";

/** code -> HTTP status. The messages of the five codes marked "014" are mandated, in `MANDATED_MESSAGES`. */
export const HTTP_STATUS = {
  "bad-request": 400,
  "size-not-octets": 400, // 014
  "extension-mandatory-unsupported": 400, // 014
  "extension-mandatory-unmet": 400, // 014
  "extension-optional-unhandled": 400, // 014
  "key-not-found": 400, // 014
  "unknown-sae": 400,
  "no-route": 400,
  unauthorised: 401,
  forbidden: 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "request-timeout": 408,
  conflict: 409,
  "precondition-failed": 412,
  "body-too-large": 413,
  "uri-too-long": 414,
  "unsupported-media-type": 415,
  "misdirected-request": 421,
  "idempotency-mismatch": 422,
  "upgrade-required": 426,
  "precondition-required": 428,
  "rate-limited": 429,
  "headers-too-large": 431,
  internal: 500,
  "not-enough-keys": 503,
  "over-quota": 503, // of who asks; others may have keys
  "no-path": 503, // no chain of links with key joins two nodes at present
  "link-budget": 503, // relays may take no more of a link's key for now
  "on-its-way": 503, // to who would not wait for keys that others must take part in, or bring in
  "pool-full": 503,
  "audit-full": 503,
  "directory-unavailable": 503,
  unavailable: 503, // an object did not answer
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof HTTP_STATUS;

/** ETSI GS QKD 014 V1.1.1 clauses 6.2 and 6.4: exact texts, lower case, HTTP 400. */
export const MANDATED_MESSAGES = {
  "size-not-octets": "size shall be a multiple of 8",
  "extension-mandatory-unsupported": "not all extension_mandatory parameters are supported",
  "extension-mandatory-unmet": "not all extension_mandatory request options could be met",
  "extension-optional-unhandled": "not all extension_optional request options handled",
  "key-not-found": "one or more keys specified are not found on KME",
} as const satisfies Partial<Record<ErrorCode, string>>;

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };
export type FaultDetail = { [name: string]: JsonValue };

export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  /** ETSI 014 6.5: name/value objects. */
  readonly details?: FaultDetail[];
  /** Seconds, for the `Retry-After` header of 429 and 503. */
  readonly retryAfterSeconds?: number;
}

/** A fault with a message of our own. */
export function fault(code: ErrorCode, message: string, details?: FaultDetail[]): Fault {
  return details === undefined ? { code, message } : { code, message, details };
}

/** A fault whose message ETSI 014 mandates. */
export function mandatedFault(code: keyof typeof MANDATED_MESSAGES, details?: FaultDetail[]): Fault {
  return fault(code, MANDATED_MESSAGES[code], details);
}

/** Shorthand for `err(fault(...))`. */
export const fail = (code: ErrorCode, message: string, details?: FaultDetail[]) => err(fault(code, message, details));
