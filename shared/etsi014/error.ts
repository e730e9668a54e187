/** Error object (ETSI GS QKD 014 V1.1.1 clause 6.5); the project's other routes answer with it too. */
import * as v from "valibot";
import type { ErrorCode, Fault, FaultDetail } from "../errors/errors.ts";

export const ErrorSchema = v.looseObject({
  message: v.pipe(v.string(), v.nonEmpty()),
  details: v.optional(v.array(v.looseObject({}))),
});

export interface ErrorObject {
  readonly message: string;
  readonly details?: readonly FaultDetail[];
}

/** The standard's own sample text, for what went wrong on our side. */
export const INTERNAL_MESSAGE = "key data access error";

/** Of several causes of one 503, each for another to act on: its code comes first. */
const TOLD_BY_CODE: ReadonlySet<ErrorCode> = new Set(["no-path", "link-budget"]);

/** What a client reads of a fault. */
export const messageOf = ({ code, message }: Pick<Fault, "code" | "message">): string =>
  TOLD_BY_CODE.has(code) ? `${code}: ${message}` : message;

export function errorObject(fault: Fault): ErrorObject {
  const message = messageOf(fault);
  return fault.details === undefined ? { message } : { message, details: fault.details };
}
