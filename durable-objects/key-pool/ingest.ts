/** Blocks come in: fingerprint, health, verdict; then what the verdict needs is made ready, and one commit does it. */
import { DEFAULT_DESIGN } from "../../shared/conditioning/lengths.ts";
import type { Conditioning } from "../../shared/conditioning/condition.ts";
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { assessHealth, untested } from "../../shared/health/health.ts";
import type { IngestOutcome, PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { type AssessedBlock, type Block, type Judgement, judge, KEEPS_BYTES, refusalOfRoom } from "./block-judge.ts";
import { AS_IT_WAITS, MOVES, type PreparedBlock, type SealedMaterial } from "./block-moves.ts";
import { commitLeased, type PoolContext } from "./context.ts";
import { holdFirst, judgeWithHeld } from "./first-halves.ts";
import { busy } from "./refusals.ts";
import { answerForgotten } from "./roll-back.ts";

/** How often a block is made ready anew because what it was made ready for changed meanwhile. */
const ATTEMPTS = 3;
const OVERTAKEN = null;

/** Takes a block in. Idempotent: the same id with the same bytes changes nothing the second time. */
export async function ingestBlock(pool: PoolContext, block: Block): Promise<Result<IngestOutcome, Fault>> {
  const forgotten = answerForgotten(pool, block);
  if (forgotten !== undefined) return forgotten;
  const refusal = pool.half.refusal();
  if (refusal !== null) return err(refusal);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const treatment = treatmentOf(pool.config(), block);
    const assessed = assess(pool, block, treatment);
    const expected = judgeWithHeld(pool, assessed) ?? judge(pool, assessed);
    const material = await materialFor(pool, assessed, expected, treatment);
    if (!material.ok) return material;
    if (holdFirst(pool, { ...assessed, material: material.value, nowMs: Date.now() }, expected)) {
      return ok({ outcome: "unmatched", bits: assessed.bits, health: assessed.health });
    }
    // As it is now: another push, or another configuration, may have come between.
    const outcome = await commitLeased<IngestOutcome | typeof OVERTAKEN>(pool, () => {
      const judgement = judge(pool, assessed);
      if (judgement.verdict !== expected.verdict || treatmentOf(pool.config(), block).name !== treatment.name) {
        return ok(OVERTAKEN);
      }
      if (material.value === AS_IT_WAITS && !waits(judgement)) return ok(OVERTAKEN);
      const refused = refusalOfRoom(pool, assessed, judgement) ?? refusalOfWay(pool, assessed, judgement);
      if (refused !== null) return err(refused);
      return MOVES[judgement.verdict](pool, { ...assessed, material: material.value, nowMs: Date.now() }, judgement);
    });
    if (!outcome.ok) return outcome;
    if (outcome.value !== OVERTAKEN) return ok(outcome.value);
  }
  return busy();
}

/** How the link treats a block of this origin. */
interface Treatment {
  /** Equal for equal treatments. */
  readonly name: string;
  /** Takes what fails a health test all the same. */
  readonly accepts: boolean;
  readonly conditioning: Conditioning | null;
}

/** What the pool makes itself has full entropy: there is nothing to condition. */
function treatmentOf({ health, conditioning }: PoolConfig, { origin }: Block): Treatment {
  const name = JSON.stringify([health, conditioning]);
  const accepts = health === "accept";
  if (health !== "condition" || conditioning === undefined || origin !== "pushed") {
    return { name, accepts, conditioning: null };
  }
  const { minEntropyPerBit, publicSeed } = conditioning;
  const design = { ...DEFAULT_DESIGN, minEntropyPerBit };
  return { name, accepts, conditioning: { design, publicSeed: Uint8Array.fromHex(publicSeed) } };
}

function assess(pool: PoolContext, block: Block, { accepts, conditioning }: Treatment): AssessedBlock {
  const wholeUnits = block.origin === "pushed" ? cut(block.bytes).filter((u) => u.length === LIMITS.unitBytes) : [];
  const bits = block.bytes.length * 8;
  // Relayed bits were tested on the link that they come from; to test them costs as much as all the rest.
  const isTested = block.origin !== "relayed";
  const health = isTested ? assessHealth(block.bytes, conditioning?.design.minEntropyPerBit) : untested(bits);
  return {
    ...block,
    bits,
    fingerprint: pool.secrets.fingerprint(block.bytes),
    unitFingerprints: wholeUnits.map((unit) => pool.secrets.fingerprint(unit)),
    health,
    passes: health.passed || accepts,
  };
}

function cut(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / LIMITS.unitBytes);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * LIMITS.unitBytes, (i + 1) * LIMITS.unitBytes));
}

const waits = ({ known }: Judgement): boolean => known?.state === "unmatched";

/** Sealed for what the verdict does; null where it keeps no bytes. */
async function materialFor(
  pool: PoolContext,
  block: AssessedBlock,
  judgement: Judgement,
  { conditioning }: Treatment,
): Promise<Result<PreparedBlock["material"], Fault>> {
  const { verdict } = judgement;
  if (!KEEPS_BYTES.has(verdict)) return ok(null);
  const full = refusalOfRoom(pool, block, judgement);
  if (full !== null) return err(full);
  if (verdict === "take" && waits(judgement) && conditioning === null) return ok(AS_IT_WAITS);
  // A block that waits is kept raw: it is compared with its twin, and conditioned once, when that has come.
  if (verdict === "wait" || conditioning === null) return ok(seal(pool, block.bytes));
  const conditioned = await pool.conditioner.run(block.bytes, block.id, conditioning);
  if (!conditioned.ok) return conditioned;
  const material = seal(pool, conditioned.value);
  conditioned.value.fill(0);
  return ok(material);
}

const seal = (pool: PoolContext, bytes: Uint8Array): SealedMaterial => ({
  bytes: bytes.length,
  units: cut(bytes).map((unit) => pool.vault.seal(unit)),
});

/** Both ends name the nodes that a key came over: to which of them it is known must not be in doubt. */
function refusalOfWay(pool: PoolContext, { id, relayed }: AssessedBlock, judgement: Judgement): Fault | null {
  if (relayed === undefined || !waits(judgement)) return null;
  const known = judgement.known === undefined ? undefined : pool.relayed.of(judgement.known.seq);
  if (JSON.stringify(known?.paths) === JSON.stringify(relayed.paths)) return null;
  return fault("conflict", `block ${id} is known to have come over other nodes`);
}
