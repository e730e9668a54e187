/** What tells a request goes with each call of an object that is made for it: as one text, in a header or beside the arguments. */
import { readTraceparent, type TraceContext, writeTraceparent } from "./trace.ts";

/** Of a call by `fetch`. Between the Worker and its objects: nobody outside is told, nor heard. */
export const SCOPE_HEADER = "Qkd-Scope";

export interface ScopeIds {
  readonly requestId: string;
  /** Where the caller is in the trace; null: there is none. */
  readonly trace: TraceContext | null;
}

/** No request id has a space: see request-id.ts. */
export const writeScope = ({ requestId, trace }: ScopeIds): string =>
  trace === null ? requestId : `${requestId} ${writeTraceparent(trace)}`;

/** @param text as `writeScope` has it: of a caller of this deployment */
export function readScope(text: string): ScopeIds {
  const at = text.indexOf(" ");
  if (at === -1) return { requestId: text, trace: null };
  return { requestId: text.slice(0, at), trace: readTraceparent(text.slice(at + 1)) };
}
