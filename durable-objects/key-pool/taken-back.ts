/**
 * Relayed key that its initiator takes back: the target has brought its half, and the other will never come. At once,
 * where `waiting-blocks` and `half-lone` would wait a minute for it; and nothing is wrong, so that no alarm is raised. The
 * block stays known as voided: a half of it that comes late changes nothing.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { discardWaiting } from "./block-moves.ts";
import { commit, type PoolContext } from "./context.ts";
import type { BlockRow } from "./rows.ts";

/** As `RelayedPoolRpc.takeBack`. */
export async function takeBack(
  pool: PoolContext,
  { node, relay }: { readonly node: NodeId; readonly relay: RelayId | null },
): Promise<Result<null, Fault>> {
  if (pool.half.ownNode !== null) return await pool.half.takeBack(relay);
  const done = await commit(pool, () => {
    const lone = waitingOf(pool, relay).filter((block) => block.state === "unmatched" && block.node === node);
    for (const block of lone) {
      discardWaiting(pool, block);
      pool.books.move("unmatched", "voided", block.bits);
      pool.blocks.setState(block.seq, "voided", null);
    }
    auditTakenBack(pool, node, lone);
    return ok(null);
  });
  pool.blocks.recountWaiting();
  return done;
}

/** Of those that wait, more than are ever under way at once. */
function waitingOf(pool: PoolContext, relay: RelayId | null): readonly BlockRow[] {
  if (relay === null) return pool.blocks.waiting(Number.MAX_SAFE_INTEGER, LIMITS.alarmBatchRows);
  const block = pool.blocks.byId(blockOfRelay(relay));
  return block === undefined ? [] : [block];
}

/** @param node that had brought them */
export function auditTakenBack(
  pool: Pick<PoolContext, "books" | "pairName">,
  node: NodeId,
  blocks: readonly Pick<BlockRow, "id">[],
): void {
  if (blocks.length === 0) return;
  pool.books.audit({
    atMs: Date.now(),
    act: "block.voided",
    who: "system",
    node,
    detail: { first_block: blocks[0]?.id ?? null, blocks: blocks.length, reason: "taken back", pool: pool.pairName },
  });
}
