/** Status (ETSI GS QKD 014 V1.1.1 clause 6.1), summed over the shards of a pair. */
import { healthBody } from "../health/report-body.ts";
import type { LinkId, SaeId } from "../ids.ts";
import { instant } from "../instant.ts";
import { alarmsInBrief } from "../keypool/alarm-body.ts";
import { sumOfRates, timeToEmptySeconds } from "../keypool/rates.ts";
import { BIT_STATES, type BitState, type Ledger, type PoolStatus, type RelayStatus } from "../keypool/types.ts";
import type { Policy } from "../network/document.ts";
import type { RelayRoute } from "../relay/types.ts";
import type { Status } from "./status-schema.ts";

export interface StatusFacts {
  readonly sourceKme: string;
  readonly targetKme: string;
  readonly master: SaeId;
  readonly slave: SaeId;
  readonly policy: Policy;
  /** Null where the two nodes share no link (yet) and no node: no pool, no keys. */
  readonly link: LinkId | null;
  readonly pools: readonly PoolStatus[];
  /** Of a pair whose keys are relayed: all of them, or what its link cannot give. */
  readonly relay?: RelayFacts;
}

export interface RelayFacts {
  readonly disjointPaths: number;
  /** As it is at present; null: not known. */
  readonly route: RelayRoute | null;
  /** The pool of relayed key, where it is not the pair's only one. */
  readonly beside?: RelayStatus;
}

const sumOf = (pools: readonly PoolStatus[], figure: (pool: PoolStatus) => number) =>
  pools.reduce((sum, pool) => sum + figure(pool), 0);

function sumLedgers(pools: readonly PoolStatus[]): Ledger {
  const sums = BIT_STATES.map((state): [BitState, number] => [state, sumOf(pools, (pool) => pool.ledgerBits[state])]);
  return Object.fromEntries(sums) as Record<BitState, number>;
}

/** Within one node keys are made when asked for: what lies in the pool says nothing about how many can be had. */
const isMadeOnDemand = (pools: readonly PoolStatus[]): boolean => pools.some(({ source }) => source === "local");

const LEVELS = ["empty", "low", "normal", "high"] as const;

/** Where the pair's bits come from and where they are: counts and health figures, nothing of the bits themselves. */
export function statusExtension(pools: readonly PoolStatus[], link: LinkId | null, relay?: RelayFacts) {
  const last = pools.find((pool) => pool.health.last !== null)?.health.last ?? null;
  const fullest = Math.max(0, ...pools.map(({ level }) => LEVELS.indexOf(level)));
  const watermarks = pools.find((pool) => pool.watermarks !== undefined)?.watermarks;
  const rates = sumOfRates(pools.map((pool) => pool.rates));
  const ledger = sumLedgers(pools);
  return {
    link,
    source: pools[0]?.source ?? null,
    state: pools[0]?.state ?? null,
    simulated: pools.some(({ simulated }) => simulated),
    custody: "edge",
    level: LEVELS[fullest],
    /** Of each shard. */
    watermarks: watermarks === undefined ? null : { low_bytes: watermarks.lowBytes, high_bytes: watermarks.highBytes },
    refill_rate_bps: rates?.refillBps ?? null,
    consumption_rate_bps: rates?.consumptionBps ?? null,
    time_to_empty_s: isMadeOnDemand(pools) ? null : timeToEmptySeconds(ledger.available, rates),
    conserved: pools.every(({ conserved }) => conserved),
    ingested_bits: sumOf(pools, (pool) => pool.ingestedBits),
    imported_bits: sumOf(pools, (pool) => pool.importedBits),
    ledger_bits: ledger,
    health: {
      blocks: sumOf(pools, (pool) => pool.health.blocks),
      quarantined_blocks: sumOf(pools, (pool) => pool.health.quarantinedBlocks),
      last: last === null ? null : healthBody(last),
    },
    shards: pools.map((pool) => ({
      shard: pool.shard,
      level: pool.level,
      available_bits: pool.ledgerBits.available,
      transferred_bits: pool.transferredBits,
      conserved: pool.conserved,
    })),
    alarms: alarmsInBrief(pools),
    ...(relay === undefined ? {} : { relay: relayBody(relay, pools) }),
  };
}

/** Over which paths key would come now, and what came of late; null where it is not known. */
function relayBody({ disjointPaths, route, beside }: RelayFacts, pools: readonly PoolStatus[]) {
  const kept = beside ?? pools.find((pool) => pool.relay !== undefined)?.relay;
  return {
    disjoint_paths: disjointPaths,
    custody: route?.custody ?? null,
    paths: route?.paths.map(({ nodes, links, cost }) => ({ nodes, links, hops: links.length, cost })) ?? null,
    cut: route?.cut ?? null,
    /** Links that the key in store came over. */
    stored_hops: kept?.hops ?? null,
    last_paths: kept?.lastPaths ?? null,
    target_bytes: kept?.targetBytes ?? null,
    last_fault: faultBody(kept?.lastFault ?? null),
  };
}

const faultBody = (last: RelayStatus["lastFault"]) =>
  last === null ? null : { code: last.code, message: last.message, at: instant(last.atMs) };

/** Counts are of keys of the default size; clause 6.1 says nothing about others. */
export function statusObject(facts: StatusFacts): Status {
  const { policy, pools } = facts;
  const keySizeBits = policy.key_size_bits.default;
  const availableBits = sumOf(pools, ({ ledgerBits, keptForTagsBits = 0 }) => ledgerBits.available - keptForTagsBits);
  const maxKeys = Math.floor((pools.length * policy.pool.capacity_bytes * 8) / keySizeBits);
  return {
    source_KME_ID: facts.sourceKme,
    target_KME_ID: facts.targetKme,
    master_SAE_ID: facts.master,
    slave_SAE_ID: facts.slave,
    key_size: keySizeBits,
    stored_key_count: isMadeOnDemand(pools) ? maxKeys : Math.floor(availableBits / keySizeBits),
    max_key_count: maxKeys,
    max_key_per_request: policy.max_key_per_request,
    max_key_size: policy.key_size_bits.max,
    min_key_size: policy.key_size_bits.min,
    max_SAE_ID_count: policy.max_sae_id_count,
    status_extension: { qkdedge: statusExtension(pools, facts.link, facts.relay) },
  };
}
