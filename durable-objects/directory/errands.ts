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
import { drainedNode } from "../../shared/network/pool-config.ts";
import { moduleName, type QkdModuleRpc } from "../../shared/qkd-module/rpc.ts";
import { err, type Result } from "../../shared/result.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import { behind, FIRST_POOL, type PoolStore } from "./pool-store.ts";
import type { Errand, ErrandRow } from "./store.ts";
import { voidTarget } from "./void-walk.ts";

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
type Relays = Extract<Errand, { kind: "relays" }>;
type Void = Extract<Errand, { kind: "void" }>;

/** Where the Directory's errands lead. */
export interface Errands {
  readonly pools: Pools;
  readonly modules: Modules;
  /** Those that ever held key. */
  readonly known: PoolStore;
}

/** Does what is due, at most LIMITS.poolCallsPerAlarm calls to pools and modules and one errand more. */
export async function runErrands(parts: DirectoryParts, to: Errands): Promise<void> {
  let calls = 0;
  while (calls < LIMITS.poolCallsPerAlarm) {
    const [row] = parts.store.dueErrands(parts.nowMs(), 1);
    if (row === undefined) return;
    // One after the other: a step's outcome decides what comes next.
    // oxlint-disable-next-line no-await-in-loop
    calls += await runErrand(parts, row, to);
  }
}

/** @returns how many calls it took */
async function runErrand(parts: DirectoryParts, row: ErrandRow, to: Errands): Promise<number> {
  const { errand } = row;
  if (errand.kind === "refresh") return await refresh(parts, to, row, errand);
  if (errand.kind === "relays") return await refreshRelays(parts, to, row, errand);
  if (errand.kind === "void") return await voidStep(parts, to, row, errand);
  const answer = await attempt(() => to.modules(errand.link, errand.node).refresh(errand.sequence));
  if (answer.ok) parts.store.removeErrand(row.id);
  else postpone(parts, row, answer.error);
  return 1;
}

async function refresh(parts: DirectoryParts, { pools }: Errands, row: ErrandRow, errand: Refresh): Promise<number> {
  const { first = 0 } = errand;
  const shards = Array.from({ length: errand.shards }, (_, index) => first + index);
  const answers = await Promise.all(
    shards.map((shard) => attempt(() => pools(errand.pair, shard).refresh(errand.sequence))),
  );
  const failed = answers.find((answer) => !answer.ok);
  if (failed === undefined) parts.store.removeErrand(row.id);
  else postpone(parts, row, failed.error);
  return shards.length;
}

/** Some of the pools; one that cannot be told gets an errand of its own, so that it holds up no other. */
async function refreshRelays(
  { store, nowMs }: DirectoryParts,
  { pools, known }: Errands,
  row: ErrandRow,
  { node, from, sequence }: Relays,
): Promise<number> {
  const { configOf } = store.view();
  const places = known.poolsFrom(node, from, LIMITS.relayPoolsTold);
  const told = places.filter(({ pair, shard }) => {
    const { source, state } = configOf(pair, shard);
    return source === "relay" || state === "gone";
  });
  await Promise.all(
    told.map(async ({ pair, shard }) => {
      const answer = await attempt(() => pools(pair, shard).refresh(sequence));
      if (!answer.ok) store.putErrand({ kind: "refresh", pair, first: shard, shards: 1, sequence }, nowMs());
    }),
  );
  const last = places.at(-1);
  if (last === undefined) store.removeErrand(row.id);
  else store.advanceErrand(row.id, { kind: "relays", node, from: behind(last.name), sequence });
  return Math.max(told.length, 1);
}

/** One step at one pool; the last one ends the drain. */
async function voidStep(
  parts: DirectoryParts,
  { pools, known }: Errands,
  row: ErrandRow,
  errand: Void,
): Promise<number> {
  const { store } = parts;
  const drain = store.drain(errand.drainKey);
  if (drain === undefined) {
    store.removeErrand(row.id);
    return 0;
  }
  const target = voidTarget(drain, errand, store.view(), known);
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
  store.advanceErrand(row.id, { ...errand, ...target.onward(next), keys: errand.keys + keys });
  return 1;
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
      const node = drainedNode(drain);
      if (node !== null) store.putErrand({ kind: "relays", node: node.id, from: FIRST_POOL, sequence }, parts.nowMs());
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
  if (errand.kind === "relays") return errand.node ?? "every node";
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
