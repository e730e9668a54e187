/**
 * Blocks that this half has and the other has not told of. Nobody is given anything of them; and for relayed key of which
 * the other end never heard that it is equal, or a device that fed one end alone, they would lie here for ever. So they
 * are voided after a while, and the other half is told, so that it uses nothing of what may still come there.
 */
import type { BlockId } from "../../shared/ids.ts";
import type { GivingUp } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import { commit, type PoolContext } from "./context.ts";
import type { HalfParts } from "./half-parts.ts";
import type { LoneBlock } from "./half-units.ts";
import { auditTakenBack } from "./taken-back.ts";
import { patienceMs } from "./waiting-blocks.ts";

/** Of blocks of 1 MiB so many have units for one batch. */
const BLOCKS_A_BATCH = 4;

/** When the first of them is given up; Infinity: there is none. May be early. */
export const nextLoneMs = (pool: PoolContext): number => pool.half.loneSinceMs + patienceMs(pool.config());

/** One batch. @returns true where more may be due */
export const voidLone = async (pool: PoolContext, nowMs: number): Promise<boolean> =>
  await pool.half.giveUpLone(nowMs - patienceMs(pool.config()), nowMs);

export async function giveUpLone(parts: HalfParts, sinceMs: number, nowMs: number): Promise<boolean> {
  const { pool, log, units } = parts;
  if (units.loneSinceMs > sinceMs) return false;
  const done = await commit(pool, () => {
    // As they are now: the other half may have told of them meanwhile.
    const lone = units.lone(sinceMs, BLOCKS_A_BATCH);
    for (const { seq, id } of lone) {
      voidBlock(parts, seq);
      log.append({ kind: "give-up", block: id });
    }
    if (lone.length > 0) tell(parts, lone, nowMs);
    return ok(lone.length);
  });
  units.recountLone();
  return done.ok && done.value === BLOCKS_A_BATCH;
}

/** Of relays that the other node has begun and takes back: one, or (null) all. */
export async function takeBackLone(parts: HalfParts, relay: RelayId | null): Promise<Result<null, Fault>> {
  const { pool, log, own, other, units } = parts;
  const done = await commit(pool, () => {
    const isMeant = ({ id, seq }: LoneBlock): boolean =>
      (relay === null || id === blockOfRelay(relay)) && pool.relayed.of(seq)?.paths[0]?.[0] === other;
    const lone = units.lone(Number.MAX_SAFE_INTEGER, LIMITS.alarmBatchRows).filter(isMeant);
    for (const { seq, id } of lone) {
      voidBlock(parts, seq);
      log.append({ kind: "give-up", block: id });
    }
    auditTakenBack(pool, own, lone);
    return ok(null);
  });
  units.recountLone();
  return done;
}

/** What the other half has given up. @returns always well: it may never have come here, or be gone */
export function applyGivingUp(parts: HalfParts, { block: id }: GivingUp): Result<null, Fault> {
  const { pool, units } = parts;
  units.forgetTaken(id);
  const block = pool.blocks.byId(id);
  // It came after all, and nothing of it was given: that half lets nothing be announced of it.
  if (block?.state === "matched") voidBlock(parts, block.seq);
  return ok(null);
}

function voidBlock({ pool, units }: HalfParts, seq: number): void {
  for (const unit of units.availableOf(seq)) {
    pool.books.move("available", "voided", pool.books.discardUnit(unit) * 8);
  }
  pool.blocks.setState(seq, "voided", null);
}

function tell({ pool, own, other }: HalfParts, lone: readonly LoneBlock[], nowMs: number): void {
  const first: BlockId | undefined = lone[0]?.id;
  const detail = `${other} never told of ${first ?? ""}${lone.length > 1 ? ` and ${lone.length - 1} more` : ""}`;
  pool.standingAlarms.raise("twin-missing", other, detail, { nowMs, times: lone.length });
  pool.books.audit({
    atMs: nowMs,
    act: "block.voided",
    who: "system",
    node: own,
    detail: { first_block: first ?? null, blocks: lone.length, missing: other, pool: pool.pairName },
  });
}
