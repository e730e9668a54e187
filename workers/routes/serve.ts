/** One operation, served: its parameters, who calls, may they, and then the handler. */
import { CONTRACT, type OperationId, OPERATIONS, type StreamingId } from "../../shared/api/contract.ts";
import { countsSession } from "../../shared/api/operation.ts";
import { allows } from "../../shared/auth/policy.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolCalls } from "../clients/pool-calls.ts";
import type { Env } from "../env.ts";
import { auditRefusal } from "../middleware/audited-refusals.ts";
import { authenticate } from "../middleware/authenticate.ts";
import type { Incoming } from "../middleware/incoming.ts";
import { pathParameters, rawPath, rawQuery } from "../middleware/path.ts";
import { logUnauthorised, type Visit } from "../telemetry/visit.ts";
import type { AuthenticatedCall, AnyReply, Call, Reply } from "./handler.ts";
import { HANDLERS } from "./table.ts";

/** What surrounds a request. */
export interface Surroundings {
  readonly env: Env;
  readonly context: Pick<ExecutionContext, "waitUntil">;
  readonly pools: PoolCalls;
  readonly visit: Visit;
}

function callOf(id: OperationId, request: Incoming, surroundings: Surroundings): Result<Call, Fault> {
  const operation = OPERATIONS[id];
  const path = pathParameters(operation.path, rawPath(request.url));
  if (!path.ok) return path;
  const query = new URLSearchParams(rawQuery(request.url));
  return ok({ ...surroundings, request, path: path.value, query, maxBodyBytes: operation.request?.maxBytes ?? 0 });
}

/** @returns the call with who makes it; `unauthorised`, `forbidden`, `directory-unavailable` */
async function withCaller(id: OperationId, call: Call): Promise<Result<AuthenticatedCall, Fault>> {
  const operation = OPERATIONS[id];
  const { action, tag, snapshotAgeMs } = operation;
  const lookout = { snapshotAgeMs, takesSession: countsSession(operation) };
  const caller = await authenticate(call.request, call.env, call.context, lookout);
  if (!caller.ok) {
    if (caller.error.code === "unauthorised") {
      logUnauthorised(caller.error.message);
      auditRefusal(call, { who: "unknown", operation: id, code: "unauthorised", reason: caller.error.message });
    }
    return caller;
  }
  if (action === "authenticated" || (action !== null && allows(caller.value.grant, action)))
    return ok({ ...call, caller: caller.value });
  const reason = `you may not do this (${action})`;
  auditRefusal(call, { who: principalName(caller.value.grant.principal), operation: id, code: "forbidden", reason });
  // ETSI 014 knows 401 only; elsewhere a caller who is known but not allowed is told so.
  return fail(tag === "Keys" ? "unauthorised" : "forbidden", reason);
}

/** Serves `id`, whose path template the request's path matches. Of those that stream, `request` is a `Request`. */
export async function serve(
  id: Exclude<OperationId, StreamingId>,
  request: Incoming,
  surroundings: Surroundings,
): Reply;
export async function serve(id: OperationId, request: Request, surroundings: Surroundings): AnyReply;
export async function serve(id: OperationId, request: Incoming, surroundings: Surroundings): AnyReply {
  surroundings.visit.operation = id;
  const reply = await serveCall(id, request, surroundings);
  if (!reply.ok) surroundings.visit.fault = reply.error.code;
  return reply;
}

async function serveCall(id: OperationId, request: Incoming, surroundings: Surroundings): AnyReply {
  const call = callOf(id, request, surroundings);
  if (!call.ok) return call;
  const handler = HANDLERS[id] as (call: Call) => AnyReply;
  if (CONTRACT[id].action === null) return await handler(call.value);
  const authenticated = await withCaller(id, call.value);
  if (!authenticated.ok) return authenticated;
  return await handler(authenticated.value);
}
