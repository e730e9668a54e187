/** A batch of key requests from a KME front on the same machine: see shared/batch/batch.ts. */
import { inScope } from "../durable-objects/telemetry/scope.ts";
import {
  ALONE,
  BATCH_PATH,
  type BatchAnswer,
  type BatchRequest,
  type KeyVerb,
  keyVerbOf,
  readBatch,
} from "../shared/batch/batch.ts";
import { fail, type Fault } from "../shared/errors/errors.ts";
import { LIMITS } from "../shared/limits.ts";
import type { Result } from "../shared/result.ts";
import { REQUEST_ID_HEADER } from "../shared/telemetry/request-id.ts";
import { TRACEPARENT } from "../shared/telemetry/trace.ts";
import { BatchedCalls } from "./clients/pool-calls.ts";
import type { Env } from "./env.ts";
import { Gathering } from "./gathering.ts";
import { checkTarget } from "./middleware/bounds.ts";
import type { Incoming } from "./middleware/incoming.ts";
import { type Answer, respondFault, respondUnexpected } from "./middleware/respond.ts";
import { serve, type Surroundings } from "./routes/serve.ts";
import { beginVisit, endVisit } from "./telemetry/visit.ts";

type KeyOperation = "getEncKeys" | "postEncKeys" | "getDecKeys" | "postDecKeys";
const OPERATION: Readonly<Record<`${BatchRequest["method"]} ${KeyVerb}`, KeyOperation>> = {
  "GET enc_keys": "getEncKeys",
  "POST enc_keys": "postEncKeys",
  "GET dec_keys": "getDecKeys",
  "POST dec_keys": "postDecKeys",
};
/** Scheme and host of no importance: nothing here looks at them. */
const ORIGIN = "http://edge";

/** Only a front can say so: it speaks through the engine's own socket, whose word `request.cf` is. */
export const isBatch = (request: Request, env: Env): boolean =>
  env.QKD_MTLS === "front" &&
  (request.cf as { qkd?: { batch?: boolean } } | undefined)?.qkd?.batch === true &&
  request.url.endsWith(BATCH_PATH);

export async function serveBatch(request: Request, env: Env, context: Surroundings["context"]): Promise<Response> {
  // Of our own front, as the blob in `request.cf` is.
  const { callers, requests } = readBatch<unknown>(await request.text());
  const calls = new BatchedCalls(env, requests.length);
  const answers = new Gathering(requests.length);
  requests.forEach((item, index) => {
    const pools = calls.member();
    const incoming = incomingOf(item, callers[item.caller]);
    const visit = beginVisit(incoming, env);
    void inScope(visit, async () => {
      const answer = await answerItem(incoming, { env, context, pools, visit });
      if (!pools.alone) endVisit(visit, answer.status, env, context);
      answers.add({ request: index, ...(pools.alone ? TO_COME_ALONE : answer) });
      pools.ended();
    });
  });
  return await answers.respond(LIMITS.batchPatienceMs);
}

function incomingOf(
  { method, target, body, idempotencyKey, requestId, traceparent }: BatchRequest,
  cf: unknown,
): Incoming {
  const headers: Readonly<Record<string, string | null>> = {
    "Idempotency-Key": idempotencyKey,
    [REQUEST_ID_HEADER]: requestId,
    [TRACEPARENT]: traceparent,
  };
  return {
    method,
    url: ORIGIN + target,
    headers: { get: (name) => headers[name] ?? null },
    body,
    cf,
  };
}

type Unnumbered = Omit<BatchAnswer, "request">;

const TO_COME_ALONE: Unnumbered = { status: ALONE, headers: {}, body: "", ascii: true };

/** Never rejects. */
async function answerItem(request: Incoming, surroundings: Surroundings): Promise<Unnumbered> {
  try {
    const reply = await serveKeys(request, surroundings);
    return written(reply.ok ? reply.value : respondFault(reply.error));
  } catch (error) {
    return written(respondUnexpected(error, surroundings.visit));
  }
}

async function serveKeys(request: Incoming, surroundings: Surroundings): Promise<Result<Answer, Fault>> {
  const target = checkTarget(request.url);
  if (!target.ok) return target;
  const verb = keyVerbOf(request.url.slice(ORIGIN.length));
  if (verb === null) return fail("not-found", "no such path");
  return await serve(OPERATION[`${request.method as BatchRequest["method"]} ${verb}`], request, surroundings);
}

const written = ({ body, ...answer }: Answer): Unnumbered => ({ ...answer, body: body ?? "" });
