/** A batch of key requests from a KME front on the same machine: see shared/batch/batch.ts. */
import { ALONE, asciiJson, type Batch, type BatchAnswer, type BatchRequest, type KeyVerb, keyVerbOf, writeAnswers } from "../shared/batch/batch.ts";
import type { OperationId } from "../shared/api/contract.ts";
import { fail, type Fault } from "../shared/errors/errors.ts";
import type { Result } from "../shared/result.ts";
import { BatchedCalls } from "./clients/pool-calls.ts";
import type { Env } from "./env.ts";
import { checkTarget } from "./middleware/bounds.ts";
import type { Incoming } from "./middleware/incoming.ts";
import { type Answer, respondFault, respondUnexpected } from "./middleware/respond.ts";
import { serve, type Surroundings } from "./routes/serve.ts";

const OPERATION: Readonly<Record<`${BatchRequest["method"]} ${KeyVerb}`, OperationId>> = {
  "GET enc_keys": "getEncKeys",
  "POST enc_keys": "postEncKeys",
  "GET dec_keys": "getDecKeys",
  "POST dec_keys": "postDecKeys",
};
/** Scheme and host of no importance: nothing here looks at them. */
const ORIGIN = "http://edge";

/** Only a front can say so: it speaks through the engine's own socket, whose word `request.cf` is. */
export const isBatch = (request: Request, env: Env): boolean =>
  env.QKD_MTLS === "front" && (request.cf as { qkd?: { batch?: boolean } } | undefined)?.qkd?.batch === true;

/** Answers come in the order of the requests, when the last of them is there. */
export async function serveBatch(
  request: Request,
  env: Env,
  context: Surroundings["context"],
): Promise<Response> {
  // Of our own front, as the blob in `request.cf` is.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const batch = (await request.json()) as Batch<unknown>;
  const calls = new BatchedCalls(env, batch.requests.length);
  const answers = await Promise.all(
    batch.requests.map(async (item) => {
      const pools = calls.member();
      const answer = await answerItem(incomingOf(item, batch.callers[item.caller]), { env, context, pools });
      pools.ended();
      return answer;
    }),
  );
  return new Response(writeAnswers(answers));
}

function incomingOf({ method, target, body, idempotencyKey }: BatchRequest, cf: unknown): Incoming {
  return {
    method,
    url: ORIGIN + target,
    headers: { get: (name) => (name === "Idempotency-Key" ? idempotencyKey : null) },
    body,
    cf,
  };
}

async function answerItem(request: Incoming, surroundings: Surroundings): Promise<BatchAnswer> {
  try {
    const reply = await serveKeys(request, surroundings);
    if (!reply.ok && reply.error.code === "on-its-way") return { status: ALONE, headers: [], body: "" };
    return written(reply.ok ? reply.value : respondFault(reply.error));
  } catch (error) {
    return written(respondUnexpected(error, `${request.method} in a batch`));
  }
}

async function serveKeys(request: Incoming, surroundings: Surroundings): Promise<Result<Answer, Fault>> {
  const target = checkTarget(request.url);
  if (!target.ok) return target;
  const verb = keyVerbOf(request.url.slice(ORIGIN.length));
  if (verb === null) return fail("not-found", "no such path");
  return await serve(OPERATION[`${request.method as BatchRequest["method"]} ${verb}`], request, surroundings);
}

const written = ({ status, headers, body, ascii }: Answer): BatchAnswer => ({
  status,
  headers: Object.entries(headers).flat(),
  body: body === null ? "" : ascii === true ? body : asciiJson(body),
});
