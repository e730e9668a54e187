/**
 * The Worker: composition only. Routes come from the contract; what each does is in routes/; who is calling is decided
 * in middleware/authenticate.ts.
 */
import { Hono } from "hono";
import { deployedEnv } from "../durable-objects/deployed.ts";
import { inScope } from "../durable-objects/telemetry/scope.ts";
import { OPERATION_IDS, type OperationId, OPERATIONS } from "../shared/api/contract.ts";
import { fault } from "../shared/errors/errors.ts";
import { methodsOf } from "../shared/api/operation.ts";
import { isBatch, serveBatch } from "./batch.ts";
import { callsOf } from "./clients/pool-calls.ts";
import type { Env } from "./env.ts";
import { discardBody } from "./middleware/body.ts";
import { checkBounds } from "./middleware/bounds.ts";
import { withOrigin } from "./middleware/browsers.ts";
import { honoPath, rawPath } from "./middleware/path.ts";
import { respondFault, respondFaultOf, respondUnexpected, toResponse } from "./middleware/respond.ts";
import { serve } from "./routes/serve.ts";
import { beginVisit, endVisit, type Visit, withRequestId } from "./telemetry/visit.ts";

/** Path template -> the methods it has, for 405's `Allow`. */
const METHODS_BY_PATH = Map.groupBy(OPERATION_IDS, (id) => OPERATIONS[id].path);

const upperCase = (id: OperationId): string[] => methodsOf(OPERATIONS[id]).map((method) => method.toUpperCase());
const allowOf = (ids: readonly OperationId[]): string => ids.flatMap(upperCase).join(", ");
/** Paths whose HEAD is not ours to answer, or answers as GET without its body: of files. */
const WITH_HEAD = OPERATION_IDS.filter((id) => OPERATIONS[id].method === "any" || OPERATIONS[id].tag === "Pages").map(
  (id) => new RegExp(`^${OPERATIONS[id].path.replace(/\{\+.*$/, ".*").replaceAll(/\{[^}]+\}/g, "[^/]+")}$`),
);

/** What routes get besides the request. */
interface Around {
  readonly env: Env;
  readonly visit: Visit;
}

export function createApp(): Hono<{ Bindings: Around }> {
  const app = new Hono<{ Bindings: Around }>({ getPath: (request) => rawPath(request.url) });
  for (const id of OPERATION_IDS) {
    app.on(upperCase(id), honoPath(OPERATIONS[id].path), async (c) => {
      const { env, visit } = c.env;
      const surroundings = { env, visit, context: c.executionCtx, pools: callsOf(env) };
      const reply = await serve(id, c.req.raw, surroundings);
      return toResponse(reply.ok ? reply.value : respondFaultOf(OPERATIONS[id], reply.error));
    });
  }
  for (const [path, ids] of METHODS_BY_PATH) {
    const Allow = allowOf(ids);
    const [operation = {}] = ids.map((id) => OPERATIONS[id]);
    app.all(honoPath(path), () =>
      toResponse(respondFaultOf(operation, fault("method-not-allowed", `this path has ${Allow} only`), { Allow })),
    );
  }
  app.notFound(() => toResponse(respondFault(fault("not-found", "no such path"))));
  app.onError((error, c) => toResponse(respondUnexpected(error, c.env.visit)));
  return app;
}

const app = createApp();

/** Hono would answer HEAD as GET and drop the body: a HEAD on enc_keys would consume a key that nobody gets. */
const withoutHead = (request: Request): Request =>
  request.method === "HEAD" && !WITH_HEAD.some((path) => path.test(rawPath(request.url)))
    ? new Request(request.url, { method: "OPTIONS" })
    : request;

export default {
  async fetch(request, bindings, context) {
    const env = deployedEnv(bindings);
    if (isBatch(request, env)) return await serveBatch(request, env, context);
    const visit = beginVisit(request, env);
    return await inScope(visit, async () => await serveVisit(request, { env, visit }, context));
  },
} satisfies ExportedHandler<Env>;

async function serveVisit(request: Request, around: Around, context: ExecutionContext): Promise<Response> {
  const { env, visit } = around;
  const bounds = checkBounds(request);
  const answer = bounds.ok
    ? await withOrigin(request, env, context, async () => await app.fetch(withoutHead(request), around, context))
    : toResponse(respondFault(bounds.error));
  const response = withRequestId(answer, visit);
  endVisit(visit, response.status, env, context);
  await discardBody(request);
  return request.method === "HEAD" ? new Response(null, response) : response;
}
