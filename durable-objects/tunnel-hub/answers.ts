/** Faults as the hub answers them by itself, where it speaks HTTP. */
import { type Fault, HTTP_STATUS } from "../../shared/errors/errors.ts";
import { errorObject } from "../../shared/etsi014/error.ts";

export const respondFault = (problem: Fault, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(errorObject(problem), {
    status: HTTP_STATUS[problem.code],
    headers: {
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...(problem.retryAfterSeconds === undefined ? {} : { "Retry-After": String(problem.retryAfterSeconds) }),
      ...headers,
    },
  });
