/**
 * The pool's storage turned out to be an old copy. What it holds may have been given out since the copy was made, so
 * everything is voided: keys not fetched, material unused or waiting for its twin, and what a change of policy could
 * let in later.
 *
 * Blocks pushed since then it has forgotten, and their bytes may have been given out too. Those that the audit logs
 * tell of are remembered by their ids; files known when the copy was made take no new blocks, as nobody can tell how
 * much of them had come. Material under ids that neither knows cannot be told from new material.
 */
import type { AuditLogRpc, ReportedCall } from "../../shared/audit/event.ts";
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { assessHealth } from "../../shared/health/health.ts";
import type { BlockId } from "../../shared/ids.ts";
import type { IngestOutcome } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { type Block, isBroughtIn } from "./block-judge.ts";
import { fileRangeOf } from "./block-store.ts";
import { commit, type PoolContext } from "./context.ts";
import type { ForgottenEvents } from "./lease-state.ts";
import { logUnavailable } from "./refusals.ts";
import { voidStep } from "./upkeep.ts";

type Outcome = Result<null, Fault>;
interface Reach {
  /** Name of the pool in audit logs. */
  readonly source: string;
  readonly logOf: (node: string) => Pick<AuditLogRpc, "reported">;
}

/** In bounded steps, each of them safe to repeat. Ends early with a fault: the next call goes on. */
export async function voidEverything(
  pool: PoolContext,
  forgotten: readonly ForgottenEvents[],
  reach: Reach,
): Promise<Outcome> {
  for (let after: number | null = 0; after !== null;) {
    const step = await voidStep(pool, { sae: null, after, reason: "state-rolled-back" });
    if (!step.ok) return step;
    after = step.value.next;
  }
  const lent = await voidLent(pool);
  if (!lent.ok) return lent;
  const closed = await commit(pool, () => {
    voidUnhealthy(pool);
    // What was asked of a sibling may have come: it is not asked for again, and the sibling is told so.
    pool.store.endTransfers();
    pool.forgotten.closeKnownFiles();
    return ok(null);
  });
  if (!closed.ok) return closed;
  for (const events of forgotten) {
    const remembered = await rememberBlocks(pool, events, reach);
    if (!remembered.ok) return remembered;
  }
  return ok(null);
}

/** Units set aside for siblings, which may have them. */
async function voidLent(pool: PoolContext): Promise<Outcome> {
  for (let more = true; more;) {
    const step = await commit(pool, () => {
      const units = pool.units.allLent(LIMITS.alarmBatchRows);
      for (const { id } of units) pool.books.move("reserved", "voided", pool.books.discardUnit(id) * 8);
      return ok(units.length === LIMITS.alarmBatchRows);
    });
    if (!step.ok) return step;
    more = step.value;
  }
  return ok(null);
}

/** Blocks kept out for their health come in when they are pushed again under another policy: they may have been. */
function voidUnhealthy(pool: PoolContext): void {
  const { blocks, bits } = pool.blocks.voidUnhealthy();
  pool.books.move("quarantined", "voided", bits);
  pool.books.count({ quarantinedBlocks: pool.books.totals.quarantinedBlocks - blocks });
}

/** Reads the events this pool has forgotten, a page at a time. */
async function rememberBlocks(
  pool: PoolContext,
  { node, afterSeq }: ForgottenEvents,
  { source, logOf }: Reach,
): Promise<Outcome> {
  for (let call: ReportedCall = { source, afterSeq }; ;) {
    let page: Awaited<ReturnType<AuditLogRpc["reported"]>>;
    try {
      page = await logOf(node).reported(call);
    } catch {
      return logUnavailable();
    }
    const blocks = page.records.flatMap(({ act, detail: { block } }) =>
      act === "block.ingested" && typeof block === "string" ? [block as BlockId] : [],
    );
    const stored = await commit(pool, () => {
      for (const block of blocks) {
        pool.forgotten.remember(block);
        const range = fileRangeOf(block);
        if (range !== null) pool.forgotten.close(range.file);
      }
      return ok(null);
    });
    if (!stored.ok || page.next === null) return stored;
    call = { source, afterSeq, after: page.next };
  }
}

/** The answer to a pushed block that is not known but may have come before a roll-back; undefined for any other. */
export function answerForgotten(
  pool: PoolContext,
  { id, bytes, origin }: Block,
): Result<IngestOutcome, Fault> | undefined {
  if (!isBroughtIn({ origin }) || pool.blocks.byId(id) !== undefined) return undefined;
  if (pool.forgotten.isForgotten(id)) {
    return ok({ outcome: "already-ingested", bits: bytes.length * 8, health: assessHealth(bytes) });
  }
  const range = fileRangeOf(id);
  if (range === null || !pool.forgotten.isClosed(range.file)) return undefined;
  return fail(
    "conflict",
    `block ${id}: the pool's storage was put back from a copy, so it cannot tell what of this file was pushed before; push material that never was, under a new file name`,
  );
}
