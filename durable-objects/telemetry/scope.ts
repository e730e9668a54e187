/**
 * The request that something is done for, wherever the code is: in the Worker from its coming in to its answer, in an object
 * for as long as a call takes that is made for it. Alarms, timers and what goes on after the answer are for none.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "../../shared/telemetry/otlp.ts";
import type { ScopeIds } from "../../shared/telemetry/scope.ts";

/** `trace` is the span's own place, whose children the calls are. */
export interface Scope extends ScopeIds {
  /** Calls of objects so far; null: no spans are made of them. */
  readonly calls: Span[] | null;
  /** It is answered. What it has begun, or set a timer for, may go on. */
  isOver: boolean;
}

const storage = new AsyncLocalStorage<Scope | null>();

export const inScope = <T>(scope: Scope | null, work: () => T): T => storage.run(scope, work);

/** Null: what is done now is for no request. */
export function currentScope(): Scope | null {
  const scope = storage.getStore() ?? null;
  return scope === null || scope.isOver ? null : scope;
}

/** What a line of the log tells of the request that it is about. */
export function scopeFields(): Readonly<Record<string, string>> {
  const scope = currentScope();
  if (scope === null) return {};
  const { requestId, trace } = scope;
  return { request_id: requestId, ...(trace === null ? {} : { trace_id: trace.traceId }) };
}
