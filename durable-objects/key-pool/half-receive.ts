/** Takes in what the other half posts: each message once, in order, and durably before it is answered. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { HalfAnswer, HalfBatch, NumberedMessage } from "../../shared/keypool/half.ts";
import { flawOfBatch } from "../../shared/keypool/half-checks.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commitLeased } from "./context.ts";
import { applyMessage } from "./half-apply.ts";
import { disagree, type HalfParts } from "./half-parts.ts";
import { yieldUnits } from "./half-yield.ts";

type Answer = Result<HalfAnswer, Fault>;

export async function receiveBatch(parts: HalfParts, batch: HalfBatch): Promise<Answer> {
  const { pool, other } = parts;
  const flaw = flawOfBatch(batch, { pair: pool.pairName, shard: pool.shard, from: other });
  if (flaw !== null) return fail("bad-request", flaw);
  try {
    return await commitLeased(pool, () => take(parts, batch, applyMessage));
  } catch {
    return await takeAlone(parts, batch);
  }
}

/** One message that cannot be taken in must not keep the others for ever: it is refused. */
async function takeAlone(parts: HalfParts, batch: HalfBatch): Promise<Answer> {
  let answer: Answer = ok({ applied: 0, refused: [], yieldedBytes: 0 });
  for (const message of batch.messages) {
    const alone = { ...batch, messages: [message], wantBytes: 0 };
    try {
      answer = await commitLeased(parts.pool, () => take(parts, alone, applyMessage));
    } catch {
      answer = await commitLeased(parts.pool, () => take(parts, alone, park));
    }
    if (!answer.ok) return answer;
  }
  return answer;
}

function park(parts: HalfParts, { kind }: NumberedMessage["message"]): Result<null, Fault> {
  const { pool, other } = parts;
  const detail = `a message of kind ${kind} could not be taken in and was refused`;
  pool.standingAlarms.raise("stuck", other, detail, { nowMs: Date.now() });
  return fail("internal", "the message could not be taken in");
}

/** What was seen before is not done again; what comes too early is left for later. */
function take(parts: HalfParts, batch: HalfBatch, apply: typeof applyMessage): Answer {
  const { log } = parts;
  const known = log.incoming;
  if (batch.generation < known.generation) return fail("conflict", "this log has ended");
  const isNew = batch.generation > known.generation;
  if (isNew && known.generation > 0) disagree(parts, "the other half has voided all it had and begins anew");
  log.forgetRefused(isNew ? Number.MAX_SAFE_INTEGER : batch.settled);
  let applied = isNew ? 0 : known.applied;
  for (const { seq, message } of batch.messages) {
    if (seq !== applied + 1) continue;
    const outcome = apply(parts, message);
    if (!outcome.ok) log.refuse(seq, outcome.error);
    applied = seq;
  }
  if (isNew || applied !== known.applied) log.setIncoming(batch.generation, applied);
  const yieldedBytes = batch.wantBytes > 0 ? yieldUnits(parts, batch.wantBytes) : 0;
  return ok({ applied, refused: log.refused(), yieldedBytes });
}
