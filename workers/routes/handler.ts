/** What a route's handler is given, and what it gives back. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { CONTRACT, OperationId, StreamingId } from "../../shared/api/contract.ts";
import type { Result } from "../../shared/result.ts";
import type { PoolCalls } from "../clients/pool-calls.ts";
import type { Env } from "../env.ts";
import type { Authenticated } from "../middleware/authenticate.ts";
import type { Incoming } from "../middleware/incoming.ts";
import type { Answer } from "../middleware/respond.ts";
import type { Visit } from "../telemetry/visit.ts";

export interface Call {
  readonly request: Incoming;
  readonly env: Env;
  readonly context: Pick<ExecutionContext, "waitUntil">;
  readonly pools: PoolCalls;
  readonly visit: Visit;
  /** Of the path, decoded once. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Bound of the body, from the contract. */
  readonly maxBodyBytes: number;
}

/** A call by somebody who may make it. */
export interface AuthenticatedCall extends Call {
  readonly caller: Authenticated;
}

export type Reply = Promise<Result<Answer, Fault>>;
export type Handler = (call: AuthenticatedCall) => Reply;
/** Of an operation that answers by itself, and so gets the request itself. */
export type StreamReply = Promise<Result<Response, Fault>>;
export type AnyReply = Promise<Result<Answer | Response, Fault>>;

type CallOf<Id extends OperationId> = (typeof CONTRACT)[Id]["action"] extends null ? Call : AuthenticatedCall;

/** One handler an operation: a missing one, or a public one for a route that needs a caller, does not compile. */
export type Handlers = {
  readonly [Id in OperationId]: (call: CallOf<Id>) => Id extends StreamingId ? StreamReply : Reply;
};
