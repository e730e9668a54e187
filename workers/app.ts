/**
 * The Worker: composition only. Routes come from the contract; what each does is in routes/; who is calling is decided
 * in middleware/authenticate.ts.
 */
import { Hono } from "hono";
import { CONTRACT, OPERATION_IDS, type OperationId, OPERATIONS } from "../shared/api/contract.ts";
import { allows } from "../shared/auth/policy.ts";
import { fail, type Fault, fault } from "../shared/errors/errors.ts";
import { ok, type Result } from "../shared/result.ts";
import type { Env } from "./env.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { discardBody } from "./middleware/body.ts";
import { checkBounds } from "./middleware/bounds.ts";
import { honoPath, pathParameters, rawPath } from "./middleware/path.ts";
import { refusals } from "./middleware/refusals.ts";
import { respondFault, respondUnexpected } from "./middleware/respond.ts";
import type { AuthenticatedCall, Call, PublicHandler, Reply } from "./routes/handler.ts";
import { HANDLERS } from "./routes/table.ts";

type Context = Pick<ExecutionContext, "waitUntil">;

function callOf(id: OperationId, request: Request, env: Env, context: Context): Result<Call, Fault> {
  const operation = OPERATIONS[id];
  const path = pathParameters(operation.path, rawPath(request.url));
  if (!path.ok) return path;
  const query = new URL(request.url).searchParams;
  return ok({ request, env, context, path: path.value, query, maxBodyBytes: operation.request?.maxBytes ?? 0 });
}

/** @returns the call with who makes it; `unauthorised`, `forbidden`, `directory-unavailable` */
async function withCaller(id: OperationId, call: Call): Promise<Result<AuthenticatedCall, Fault>> {
  const { action, tag, snapshotAgeMs } = OPERATIONS[id];
  const caller = await authenticate(call.request, call.env, call.context, snapshotAgeMs);
  if (!caller.ok) {
    if (caller.error.code === "unauthorised") refusals.note(caller.error.message);
    return caller;
  }
  if (action === "authenticated" || (action !== null && allows(caller.value.grant, action)))
    return ok({ ...call, caller: caller.value });
  // ETSI 014 knows 401 only; elsewhere a caller who is known but not allowed is told so.
  return fail(tag === "Keys" ? "unauthorised" : "forbidden", `you may not do this (${action})`);
}

async function serve(id: OperationId, request: Request, env: Env, context: Context): Reply {
  const call = callOf(id, request, env, context);
  if (!call.ok) return call;
  if (CONTRACT[id].action === null) return await (HANDLERS[id] as PublicHandler)(call.value);
  const authenticated = await withCaller(id, call.value);
  if (!authenticated.ok) return authenticated;
  return await HANDLERS[id](authenticated.value);
}

/** Path template -> the methods it has, for 405's `Allow`. */
const METHODS_BY_PATH = Map.groupBy(OPERATION_IDS, (id) => OPERATIONS[id].path);

const allowOf = (ids: readonly OperationId[]): string =>
  ids.map((id) => OPERATIONS[id].method.toUpperCase()).join(", ");

export function createApp(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>({ getPath: (request) => rawPath(request.url) });
  for (const id of OPERATION_IDS) {
    const { method, path } = OPERATIONS[id];
    app.on(method.toUpperCase(), honoPath(path), async (c) => {
      const reply = await serve(id, c.req.raw, c.env, c.executionCtx);
      return reply.ok ? reply.value : respondFault(reply.error);
    });
  }
  for (const [path, ids] of METHODS_BY_PATH) {
    const Allow = allowOf(ids);
    app.all(honoPath(path), () => respondFault(fault("method-not-allowed", `this path has ${Allow} only`), { Allow }));
  }
  app.notFound(() => respondFault(fault("not-found", "no such path")));
  app.onError((error, c) => respondUnexpected(error, `${c.req.method} ${c.req.routePath}`));
  return app;
}

const app = createApp();

/** Hono would answer HEAD as GET and drop the body: a HEAD on enc_keys would consume a key that nobody gets. */
const withoutHead = (request: Request): Request =>
  request.method === "HEAD" ? new Request(request.url, { method: "OPTIONS" }) : request;

export default {
  async fetch(request, env, context) {
    const bounds = checkBounds(request);
    const response = bounds.ok ? await app.fetch(withoutHead(request), env, context) : respondFault(bounds.error);
    await discardBody(request);
    return request.method === "HEAD" ? new Response(null, response) : response;
  },
} satisfies ExportedHandler<Env>;
