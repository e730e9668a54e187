/** Error object (ETSI GS QKD 014 V1.1.1 clause 6.5); the project's other routes answer with it too. */
import * as v from "valibot";
import type { Fault, FaultDetail } from "../errors/errors.ts";

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

export function errorObject(fault: Fault): ErrorObject {
  return fault.details === undefined ? { message: fault.message } : { message: fault.message, details: fault.details };
}
