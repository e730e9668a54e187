/**
 * The first end's half of a small relayed block is held in memory until the other's comes, which is a moment later: one
 * commit then takes both in. Nobody is given anything of a half without its twin, so a crash in between costs what any
 * fault on the way does: the pads. What waits for longer is recorded by whatever commit comes next, or by one of its own.
 */
import type { BlockId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type AssessedBlock, judge, type Judgement, refusalOfRoom } from "./block-judge.ts";
import { MOVES, type PreparedBlock } from "./block-moves.ts";
import { isAuditFull, type PoolContext } from "./context.ts";

/** Those of one pool. In memory only, and sealed. */
export class FirstHalves {
  readonly #held = new Map<BlockId, PreparedBlock>();

  get size(): number {
    return this.#held.size;
  }

  of(id: BlockId): PreparedBlock | undefined {
    return this.#held.get(id);
  }

  put(block: PreparedBlock): void {
    this.#held.set(block.id, block);
  }

  takeAll(): readonly PreparedBlock[] {
    const all = [...this.#held.values()];
    this.forget();
    return all;
  }

  /** After a rollback: they may have been recorded in it. */
  forget(): void {
    this.#held.clear();
  }
}

/** Holds it, if it is one that is held. @returns false where a commit is to record it */
export function holdFirst(pool: PoolContext, block: PreparedBlock, { verdict, known }: Judgement): boolean {
  const { firstHalves, half } = pool;
  const isFirst = verdict === "wait" && known === undefined && firstHalves.of(block.id) === undefined;
  const isSmall = block.bits <= LIMITS.unitBytes * 8 && firstHalves.size < LIMITS.heldHalves;
  if (!isFirst || !isSmall || block.origin !== "relayed" || half.ownNode !== null) return false;
  if (!pool.isLeased() || isAuditFull(pool)) return false;
  // It may have been recorded while its material was made ready.
  if (judge(pool, block).verdict !== "wait") return false;
  if (firstHalves.size === 0) setTimeout(() => void recordHeld(pool), LIMITS.heldHalfMs);
  firstHalves.put(block);
  return true;
}

async function recordHeld(pool: PoolContext): Promise<void> {
  if (pool.firstHalves.size === 0) return;
  // What cannot be recorded is forgotten: its twin will find none.
  await pool.commits.run(() => null).catch(() => null);
}

/** What will be said of the other end's half, where the first is held and is the same; undefined: there is no such. */
export function judgeWithHeld(pool: PoolContext, block: AssessedBlock): Judgement | undefined {
  const held = pool.firstHalves.of(block.id);
  if (held === undefined || held.node === block.node || held.bits !== block.bits) return undefined;
  if (!crypto.subtle.timingSafeEqual(held.fingerprint, block.fingerprint)) return undefined;
  const { id, bits, fingerprint, health, node, nowMs: atMs } = held;
  const known = { seq: 0, id, bits, fingerprint, health, node, atMs, state: "unmatched", reason: null } as const;
  return { verdict: "take", known, overlapped: undefined, duplicate: false };
}

/** First thing in a commit: so its works find them where all halves are that wait. */
export function recordFirstHalves(pool: PoolContext): void {
  if (pool.firstHalves.size === 0) return;
  for (const block of pool.firstHalves.takeAll()) {
    const judgement = judge(pool, block);
    const isWelcome = judgement.verdict === "wait" && refusalOfRoom(pool, block, judgement) === null;
    if (isWelcome && pool.isLeased()) MOVES.wait(pool, block, judgement);
  }
}
