/**
 * What the Directory has to do at pools and QKD modules, from its alarm: tell them to fetch their configuration, and void
 * the keys a drain has left. Every step is idempotent; one that fails is tried again, later each time, and does not hold up the
 * others. After three failures it counts as stuck: audited, and from then on tried rarely.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { parsePairName, type PairName } from "../../shared/ids.ts";
import type { KeyPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Drain } from "../../shared/network/directory-types.ts";
import { maxShardsOf, nodeId, saeId } from "../../shared/network/lookup.ts";
import { moduleName, type QkdModuleRpc } from "../../shared/qkd-module/rpc.ts";
import { err, type Result } from "../../shared/result.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import type { Errand, ErrandRow, NetworkView } from "./store.ts";

/** The pools, as far as the Directory calls them. */
export type Pools = (
  pair: PairName,
  shard: number,
) => Pick<KeyPoolRpc, "refresh" | "countPending" | "voidPending" | "status">;

/** The QKD modules, likewise. */
export type Modules = (link: string, node: string) => Pick<QkdModuleRpc, "refresh">;

/** Waits after the first, second ... failure; the last one for stuck errands. */
export const RETRY_MS = [1000, 5000, 15 * 60_000] as const;
/** Failures after which an errand is stuck. */
export const STUCK_ATTEMPTS = RETRY_MS.length;

type Refresh = Extract<Errand, { kind: "refresh" }>;
type Void = Extract<Errand, { kind: "void" }>;

/** Does what is due, at most LIMITS.poolCallsPerAlarm calls to pools and modules and one errand more. */
export async function runErrands(parts: DirectoryParts, pools: Pools, modules: Modules): Promise<void> {
  let calls = 0;
  while (calls < LIMITS.poolCallsPerAlarm) {
    const [row] = parts.store.dueErrands(parts.nowMs(), 1);
    if (row === undefined) return;
    // One after the other: a step's outcome decides what comes next.
    // oxlint-disable-next-line no-await-in-loop
    calls += await runErrand(parts, row, { pools, modules });
  }
}

/** @returns how many calls it took */
async function runErrand(
  parts: DirectoryParts,
  row: ErrandRow,
  { pools, modules }: { readonly pools: Pools; readonly modules: Modules },
): Promise<number> {
  const { errand } = row;
  if (errand.kind === "refresh") return await refresh(parts, pools, row, errand);
  if (errand.kind === "void") return await voidStep(parts, pools, row, errand);
  const answer = await attempt(() => modules(errand.link, errand.node).refresh(errand.sequence));
  if (answer.ok) parts.store.removeErrand(row.id);
  else postpone(parts, row, answer.error);
  return 1;
}

async function refresh(parts: DirectoryParts, pools: Pools, row: ErrandRow, errand: Refresh): Promise<number> {
  const shards = Array.from({ length: errand.shards }, (_, shard) => shard);
  const answers = await Promise.all(
    shards.map((shard) => attempt(() => pools(errand.pair, shard).refresh(errand.sequence))),
  );
  const failed = answers.find((answer) => !answer.ok);
  if (failed === undefined) parts.store.removeErrand(row.id);
  else postpone(parts, row, failed.error);
  return shards.length;
}

/** One step at one pool; the last one ends the drain. */
async function voidStep(parts: DirectoryParts, pools: Pools, row: ErrandRow, errand: Void): Promise<number> {
  const { store } = parts;
  const drain = store.drain(errand.drainKey);
  if (drain === undefined) {
    store.removeErrand(row.id);
    return 0;
  }
  const target = targetOf(drain, errand, store.view());
  if (target === null) {
    finishDrain(parts, errand, drain);
    return 0;
  }
  const who = drain.kind === "sae" ? { sae: saeId(drain.sae.id), node: nodeId(drain.sae.node) } : { sae: null };
  const call = { ...who, reason: reasonOf(drain), after: target.after };
  const answer = await attempt(() => pools(target.pair, target.shard).voidPending(call));
  if (!answer.ok) {
    postpone(parts, row, answer.error);
    return 1;
  }
  const { keys, next } = answer.value;
  const progress = next === null ? { shard: target.shard + 1, after: 0 } : { shard: target.shard, after: next };
  store.advanceErrand(row.id, { ...errand, ...progress, pairIndex: target.pairIndex, keys: errand.keys + keys });
  return 1;
}

/**
 * The next pool to go to, or null after the last; pairs that are gone by now hold nothing any more. Shards a pair does
 * not have itself are visited too: see `maxShardsOf`.
 */
function targetOf(drain: Drain, errand: Void, view: NetworkView) {
  const pairs = drain.kind === "sae" ? drain.pairs : [drain.pair];
  const shards = maxShardsOf(view);
  let { shard, after } = errand;
  for (let { pairIndex } = errand; pairIndex < pairs.length; pairIndex++) {
    const pair = pairs[pairIndex];
    const config = pair === undefined ? undefined : view.configOf(pair);
    if (pair !== undefined && config !== undefined && config.state !== "gone" && shard < shards) {
      return { pair, pairIndex, shard, after };
    }
    shard = 0;
    after = 0;
  }
  return null;
}

const reasonOf = (drain: Drain): string => (drain.kind === "sae" ? "sae-drained" : "pair-drained");

function finishDrain(parts: DirectoryParts, errand: Void, drain: Drain): void {
  const { store } = parts;
  store.transaction(() => {
    const before = store.view();
    store.dropDrain(errand.drainKey);
    const sequence = store.bump();
    if (drain.kind === "pair") {
      // Its pools, those that were visited, learn that they are gone.
      const shards = maxShardsOf(before);
      store.putErrand({ kind: "refresh", pair: drain.pair, shards, sequence }, parts.nowMs());
    }
    const what = drain.kind === "sae" ? { sae: drain.sae.id, node: drain.sae.node } : parsePairName(drain.pair);
    audit(parts, { act: "keys.void", who: "system", detail: { reason: reasonOf(drain), ...what, keys: errand.keys } });
  });
}

function postpone(parts: DirectoryParts, row: ErrandRow, why: Fault): void {
  const attempts = Math.min(row.attempts + 1, STUCK_ATTEMPTS);
  parts.store.transaction(() => {
    const dueMs = parts.nowMs() + (RETRY_MS[attempts - 1] ?? RETRY_MS[0]);
    if (!parts.store.postponeErrand(row.id, attempts, dueMs)) return;
    if (attempts < STUCK_ATTEMPTS || row.attempts >= STUCK_ATTEMPTS) return;
    const what = subjectOf(row.errand);
    audit(parts, { act: "directory.stuck", who: "system", detail: { errand: row.errand.kind, what, code: why.code } });
  });
}

function subjectOf(errand: Errand): string {
  if (errand.kind === "refresh") return errand.pair;
  return errand.kind === "module" ? moduleName(errand.link, errand.node) : errand.drainKey;
}

/** A pool's answer; an object that cannot be reached is a fault like any other. */
export async function attempt<T>(call: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
  try {
    return await call();
  } catch {
    return err({ code: "internal", message: "the pool cannot be reached" });
  }
}
