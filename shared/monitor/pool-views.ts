/** Links and pairs: what their pools and modules have answered. */
import type { MonitorLink, MonitorPair } from "../api/monitor-schemas.ts";
import { parsePairName, poolName } from "../ids.ts";
import { type Rates, sumOfRates, timeToEmptySeconds } from "../keypool/rates.ts";
import { disjointPathsOf } from "../keypool/relay-shard.ts";
import { BIT_STATES, type Ledger, type PoolStatus } from "../keypool/types.ts";
import type { ModuleAnswer } from "../qkd-module/rpc.ts";
import type { ModuleState } from "../qkd-module/status.ts";
import { moduleNames, type RelayedPool } from "./answers.ts";
import { judge, LINK_LINES, PAIR_LINES } from "./health.ts";
import type { WatchedLink } from "./network.ts";
import type { Seen } from "./seen.ts";

export function linkView(link: WatchedLink, seen: Seen): MonitorLink {
  const { answers, network } = seen;
  const { isElsewhere } = link;
  const names = isElsewhere ? [] : link.shards.map((shard) => poolName(link.pair, shard));
  const pools = names.map((name) => answers.pools.get(name) ?? null);
  const modules = isElsewhere ? [] : moduleNames(link).map((name) => answers.modules.get(name) ?? null);
  const missing = [
    ...(pools.includes(null) ? ["its pool"] : []),
    ...(modules.includes(null) ? ["a QKD module of it"] : []),
  ];
  const known = pools.filter((pool) => pool !== null);
  const stock = stockView(known.length < names.length || isElsewhere ? [] : known, `link:${link.id}`, seen);
  const problem = problemOf(link, seen);
  const view = {
    id: link.id,
    nodes: [...link.nodes] as [string, string],
    source: link.source,
    simulated: known.length === 0 ? null : known.some(({ simulated }) => simulated),
    low_bits: marksOf(known, "lowBytes"),
    high_bits: marksOf(known, "highBytes"),
    capacity_bits: 8 * network.poolCapacityBytes * link.shards.length,
    ...stock,
    qber: qberOf(modules),
    module_state: modules.length === 0 || modules.includes(null) ? null : worstState(modules),
    relays_may_use: problem === undefined ? null : problem === null,
  };
  const moduleAlarms = new Set<string>(modules.flatMap((module) => module?.alarms.map(({ code }) => code) ?? []));
  const facts = { link: view, missing, moduleAlarms, problem: problem ?? null, isElsewhere };
  return { ...view, ...judge(LINK_LINES, facts), alarms: 0 };
}

export function pairView({ pair, shard }: RelayedPool, seen: Seen): MonitorPair {
  const id = poolName(pair, shard);
  const pool = seen.answers.pools.get(id) ?? null;
  const { low, high } = parsePairName(pair);
  const { ledger_bits: _, conserved: __, ...stock } = stockView(pool === null ? [] : [pool], `pair:${id}`, seen);
  const view = {
    id,
    nodes: [low, high] as [string, string],
    disjoint_paths: disjointPathsOf(shard),
    ...stock,
    target_bits: pool?.relay === undefined ? null : 8 * pool.relay.targetBytes,
  };
  const facts = {
    pair: view,
    missing: pool === null ? ["its pool"] : [],
    isDraining: pool?.state === "draining",
    lastFault: pool?.relay?.lastFault ?? null,
  };
  return { ...view, ...judge(PAIR_LINES, facts), alarms: 0 };
}

type StockView = Pick<
  MonitorLink,
  "level" | "available_bits" | "key_rate_bps" | "use_rate_bps" | "empty_in_s" | "ledger_bits" | "conserved"
>;

const LEVELS = ["empty", "low", "normal", "high"] as const;

/** Of all the shards; nothing where none is known. */
function stockView(pools: readonly PoolStatus[], id: string, { meters }: Seen): StockView {
  if (pools.length === 0) {
    const [level, rate, count] = [null, null, null];
    const rates = { key_rate_bps: rate, use_rate_bps: rate, empty_in_s: rate };
    return { level, available_bits: count, ...rates, ledger_bits: null, conserved: null };
  }
  const ledger = ledgerOf(pools);
  // Until there are two samples the pools' own, of two minutes.
  const rates: Rates | null = meters.rates(id) ?? sumOfRates(pools.map((pool) => pool.rates));
  return {
    level: LEVELS[Math.max(...pools.map(({ level }) => LEVELS.indexOf(level)))] ?? null,
    available_bits: ledger.available,
    key_rate_bps: rates?.refillBps ?? null,
    use_rate_bps: rates?.consumptionBps ?? null,
    empty_in_s: timeToEmptySeconds(ledger.available, rates),
    ledger_bits: ledger,
    conserved: pools.every(({ conserved }) => conserved),
  };
}

export function ledgerOf(pools: readonly Pick<PoolStatus, "ledgerBits">[]): Ledger {
  const sums = BIT_STATES.map((state) => [state, pools.reduce((sum, { ledgerBits }) => sum + ledgerBits[state], 0)]);
  return Object.fromEntries(sums) as Ledger;
}

function marksOf(pools: readonly PoolStatus[], mark: "lowBytes" | "highBytes"): number | null {
  if (pools.length === 0) return null;
  return pools.reduce((sum, { watermarks }) => sum + 8 * (watermarks?.[mark] ?? 0), 0);
}

/** Of the last block that told it: in the key's basis, or in the test's where the block was given up before the key's was known. */
function qberOf(modules: readonly (ModuleAnswer | null)[]): number | null {
  const reports = modules.flatMap((module) => module?.status?.reports ?? []);
  const told = reports.flatMap(({ endedMs, qberX, qberZ }) => {
    const qber = qberX ?? qberZ;
    return qber === null ? [] : [{ endedMs, qber }];
  });
  return told.sort((a, b) => b.endedMs - a.endedMs)[0]?.qber ?? null;
}

/** The worst last. */
const STATES: readonly (ModuleState | "stopped")[] = [
  "running",
  "full",
  "idle",
  "waiting",
  "connecting",
  "stopped",
  "mismatched",
];

function worstState(modules: readonly (ModuleAnswer | null)[]): string | null {
  const states = modules.map((module) => STATES.indexOf(module?.status?.state ?? "stopped"));
  return STATES[Math.max(...states)] ?? null;
}

/** Why no relay takes it, as the nodes at its ends say; null: relays may; undefined: neither has said. */
function problemOf({ id, nodes }: WatchedLink, { answers, network }: Seen): string | null | undefined {
  if (!network.isRelayEnabled) return undefined;
  const told = nodes.flatMap((node) => answers.nodes.get(node)?.links.filter(({ link }) => link === id) ?? []);
  return told.length === 0 ? undefined : (told.find(({ problem }) => problem !== null)?.problem ?? null);
}
