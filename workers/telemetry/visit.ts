/** One request, from its coming in to its answer, for metrics, log and traces. */
import { isolateLog } from "../../durable-objects/telemetry/bounded-log.ts";
import type { Scope } from "../../durable-objects/telemetry/scope.ts";
import { beginTrace, isRecorded, spans } from "../../durable-objects/telemetry/spans.ts";
import { type OperationId, OPERATIONS } from "../../shared/api/contract.ts";
import type { ErrorCode } from "../../shared/errors/errors.ts";
import { NO_OPERATION } from "../../shared/metrics/tally.ts";
import type { Span } from "../../shared/telemetry/otlp.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "../../shared/telemetry/request-id.ts";
import { readTraceparent, TRACEPARENT, type TraceContext } from "../../shared/telemetry/trace.ts";
import type { Background } from "../clients/directory.ts";
import type { Env } from "../env.ts";
import type { Incoming } from "../middleware/incoming.ts";
import { tallies } from "./tallies.ts";

/** What is done for it is done `inScope` of its visit. */
export interface Visit extends Scope {
  /** The sender's place in the trace; null: it told none. */
  readonly parent: TraceContext | null;
  readonly method: string;
  readonly startMs: number;
  operation: OperationId | typeof NO_OPERATION;
  /** Why it was refused. */
  fault: ErrorCode | null;
}

export function beginVisit({ method, headers }: Pick<Incoming, "method" | "headers">, env: Env): Visit {
  const parent = readTraceparent(headers.get(TRACEPARENT));
  const trace = beginTrace(parent, env);
  return {
    requestId: requestIdOf(headers.get(REQUEST_ID_HEADER), () => crypto.randomUUID()),
    trace,
    parent,
    calls: isRecorded(trace, env) ? [] : null,
    isOver: false,
    method,
    startMs: Date.now(),
    operation: NO_OPERATION,
    fault: null,
  };
}

/** So that who has the answer finds it in the log. */
export function withRequestId(answer: Response, { requestId }: Visit): Response {
  try {
    answer.headers.set(REQUEST_ID_HEADER, requestId);
    return answer;
  } catch {
    // As it came from an object: its headers cannot be changed.
    const { status, headers, webSocket } = answer;
    const init = webSocket === null ? answer : { status, headers, webSocket };
    const response = new Response(answer.body, init);
    response.headers.set(REQUEST_ID_HEADER, requestId);
    return response;
  }
}

/** Counts it, and says what went wrong. Never waits, never throws. */
export function endVisit(visit: Visit, status: number, env: Env, background: Background): void {
  const { operation, startMs } = visit;
  const endMs = Date.now();
  tallies.count(operation, status, (endMs - startMs) / 1000);
  if (status >= 500 || status === 403) logRefusal(visit, status, endMs);
  const { trace, calls } = visit;
  if (trace !== null && calls !== null) spans.add([spanOf(visit, trace, status, endMs), ...calls], env, background);
  visit.isOver = true;
  tallies.flushIfDue(env, background, endMs);
}

/** Why a caller is answered 401: the answer itself says nothing (ETSI GS QKD 014 wants it empty). */
export const logUnauthorised = (reason: string): void =>
  isolateLog.note({ level: "warn", event: "unauthorised", reason });

/** 401 is told where its reason is known, an error where it was caught. */
function logRefusal(visit: Visit, status: number, endMs: number): void {
  const { operation, method, fault, startMs } = visit;
  const fields = { method, status, ms: endMs - startMs };
  const level = status === 500 ? "error" : "warn";
  isolateLog.note({ level, event: "refused", reason: `${operation}: ${fault ?? status}`, fields });
}

const spanOf = (visit: Visit, trace: TraceContext, status: number, endMs: number): Span => {
  const { operation, parent, method, requestId, startMs } = visit;
  const route = operation === NO_OPERATION ? {} : { "http.route": OPERATIONS[operation].path };
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: parent?.spanId ?? null,
    name: operation === NO_OPERATION ? method : operation,
    kind: "server",
    startMs,
    endMs,
    attributes: {
      "http.request.method": method,
      ...route,
      "http.response.status_code": status,
      "qkd.request_id": requestId,
    },
    isError: status >= 500,
  };
};
