/** Answers: one place for the headers every one of them carries, and the only place where faults become HTTP. */
import { type Fault, fault, HTTP_STATUS } from "../../shared/errors/errors.ts";
import type { Operation } from "../../shared/api/operation.ts";
import { problemOf } from "../../shared/etsi020/problem.ts";
import { keyFault } from "../../shared/open-qkd-network/answers.ts";
import { INVALID_TOKEN, INVALID_TOKEN_CHALLENGE, oauthFaultBody } from "../../shared/open-qkd-network/oauth-errors.ts";
import { errorObject, INTERNAL_MESSAGE } from "../../shared/etsi014/error.ts";
import { isolateLog } from "../../durable-objects/telemetry/bounded-log.ts";
import type { Visit } from "../telemetry/visit.ts";

/** Nothing here may be stored: GET returns key material. */
const EVERYWHERE = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" } as const;
const RETRYABLE: ReadonlySet<number> = new Set([429, 503]);
const DEFAULT_RETRY_SECONDS = 1;

export type HeaderTable = Readonly<Record<string, string>>;

/** An answer as routes give it; it becomes a `Response`, or a part of a batch's. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderTable;
  readonly body: string | null;
  /** True where the body is known to be ASCII. */
  readonly ascii?: boolean;
}

export const toResponse = (answer: Answer | Response): Response =>
  answer instanceof Response ? answer : new Response(answer.body, { status: answer.status, headers: answer.headers });

const JSON_HEADERS: HeaderTable = { ...EVERYWHERE, "Content-Type": "application/json" };

/** A key container: JSON already written, of nothing but ASCII. */
export const respondContainer = (body: string): Answer => ({ status: 200, headers: JSON_HEADERS, body, ascii: true });

/** A body already written. */
export const respond = (body: string | null, contentType: string, status = 200, headers: HeaderTable = {}): Answer => ({
  status,
  headers: { ...EVERYWHERE, "Content-Type": contentType, ...headers },
  body,
});

export const respondJson = (body: unknown, status = 200, headers: HeaderTable = {}): Answer =>
  respond(JSON.stringify(body), "application/json", status, headers);

/** ETSI 014 wants 401 without a body (clause 5.2 to 5.4); RFC 9110 wants it with a challenge. */
const ANSWER_401: Answer = {
  status: 401,
  headers: { ...EVERYWHERE, "WWW-Authenticate": 'Bearer realm="qkd-edge"' },
  body: null,
};

/** @param body in place of the Error object, for protocols with errors of their own */
export function respondFault(problem: Fault, headers: HeaderTable = {}, body: object = errorObject(problem)): Answer {
  const status = HTTP_STATUS[problem.code];
  if (status === HTTP_STATUS.unauthorised) return ANSWER_401;
  const retry = RETRYABLE.has(status)
    ? { "Retry-After": String(problem.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS) }
    : {};
  return respondJson(body, status, { ...retry, ...headers });
}

const FAULT_BODIES: Readonly<Record<NonNullable<Operation["faults"]>, (problem: Fault) => object>> = {
  problem: problemOf,
  oauth: oauthFaultBody,
  "site-key": (problem) => keyFault(problem).body,
};

/** In the form of the operation's protocol. */
export function respondFaultOf({ faults }: Pick<Operation, "faults">, problem: Fault, headers?: HeaderTable): Answer {
  if (faults === undefined) return respondFault(problem, headers);
  if (faults === "site-key" && problem.code === "unauthorised") {
    return respondJson(INVALID_TOKEN, 401, { "WWW-Authenticate": INVALID_TOKEN_CHALLENGE, ...headers });
  }
  return respondFault(problem, headers, FAULT_BODIES[faults](problem));
}

/** For what nobody expected: the standard's generic message to the client, the name of the error to the log. */
export function respondUnexpected(error: unknown, visit: Visit): Answer {
  const named = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const fields = { method: visit.method, error: named };
  isolateLog.note({ level: "error", event: "unexpected", reason: visit.operation, fields });
  return respondFault(fault("internal", INTERNAL_MESSAGE));
}
