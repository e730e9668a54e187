/**
 * Blocks whose twin does not come: after the policy's `unmatched_ttl_s` their bits expire, those of relayed key a
 * minute after they came. The block stays known for ever, so a twin that comes later changes nothing.
 */
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { discardWaiting } from "./block-moves.ts";
import type { PoolContext } from "./context.ts";
import { inOneBatch } from "./parking.ts";
import type { BlockRow } from "./rows.ts";

/**
 * Of relayed key both ends know within the time of a relay whether it is theirs, and what only one of them has takes the
 * room of what comes next; devices push when they can.
 */
export const patienceMs = ({ source, policy }: PoolConfig): number =>
  source === "relay" ? LIMITS.relayLoneMs : policy.unmatched_ttl_s * 1000;

/** When the first of the blocks that wait is given up; Infinity where none waits. May be early. */
export const nextGivingUpMs = (pool: PoolContext): number => pool.blocks.earliestWaitingMs + patienceMs(pool.config());

/** Gives up what has waited too long; at most one batch. @returns true where more may have */
export async function giveUpWaiting(pool: PoolContext, nowMs: number): Promise<boolean> {
  const sinceMs = nowMs - patienceMs(pool.config());
  const due = pool.blocks.waiting(sinceMs, BLOCKS_A_BATCH);
  const done = await inOneBatch(pool, due, nowMs, {
    work: (blocks) => {
      // As they are now: a twin may have come between.
      const late = blocks.flatMap(({ id }) => {
        const block = pool.blocks.byId(id);
        return block?.state === "unmatched" && block.atMs <= sinceMs ? [block] : [];
      });
      for (const block of late) giveUp(pool, block);
      for (const [pushedBy, ofEnd] of Map.groupBy(late, ({ node }) => node)) raise(pool, pushedBy, ofEnd, nowMs);
    },
    park: ({ id }) => {
      const block = pool.blocks.byId(id);
      if (block?.state !== "unmatched" || block.atMs > nowMs) return false;
      pool.blocks.waitForEver(block.seq);
      return true;
    },
    nameOf: ({ id }) => `block ${id}`,
  });
  pool.blocks.recountWaiting();
  return done && due.length === BLOCKS_A_BATCH;
}

/** Of 1 MiB each they have so many units that one batch stays a matter of milliseconds. */
const BLOCKS_A_BATCH = Math.ceil(LIMITS.alarmBatchRows / (LIMITS.fileBlockBytes / LIMITS.unitBytes));

function giveUp(pool: PoolContext, block: BlockRow): void {
  discardWaiting(pool, block);
  pool.books.move("unmatched", "expired", block.bits);
  pool.blocks.setState(block.seq, "expired", null);
}

function raise(pool: PoolContext, pushedBy: BlockRow["node"], blocks: readonly BlockRow[], nowMs: number): void {
  const { low, high } = pool.pair;
  const missing = pushedBy === low ? high : low;
  const [first] = blocks;
  const bits = blocks.reduce((sum, block) => sum + block.bits, 0);
  const detail = `${missing} never pushed ${first?.id ?? ""}${blocks.length > 1 ? ` and ${blocks.length - 1} more` : ""}`;
  pool.standingAlarms.raise("twin-missing", missing, detail, { nowMs, times: blocks.length });
  pool.books.audit({
    atMs: nowMs,
    act: "block.expired",
    who: "system",
    node: pushedBy ?? low,
    detail: { first_block: first?.id ?? null, blocks: blocks.length, bits, missing, pool: pool.pairName },
  });
}
