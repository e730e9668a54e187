/** The parts of one KeyPool object that its verbs (enc, dec, ingest ...) work with. */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { type NodeId, type Pair, pairName, type PairName, pairOf } from "../../shared/ids.ts";
import type { PoolConfig, Recipient } from "../../shared/keypool/types.ts";
import type { Result } from "../../shared/result.ts";
import type { GroupCommit } from "../storage/group-commit.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import type { BiasedSource } from "./biased-source.ts";
import type { BlockKeyIdStore } from "./block-key-id-store.ts";
import type { BlockStore } from "./block-store.ts";
import type { Books } from "./books.ts";
import type { LinkBudget } from "../../shared/keypool/link-budget.ts";
import type { FlowMeter } from "../../shared/keypool/rates.ts";
import type { Conditioner } from "./conditioner.ts";
import type { PoolEpochs } from "./epochs.ts";
import type { Material } from "./material.ts";
import type { RecordStore } from "./record-store.ts";
import type { RelayedStore } from "./relayed-store.ts";
import type { FirstHalves } from "./first-halves.ts";
import type { ForeignStore } from "./foreign-store.ts";
import type { ForgottenStore } from "./forgotten-store.ts";
import type { Half } from "./half.ts";
import type { HopRuns } from "./hop-run.ts";
import type { HopUses } from "./hop-uses.ts";
import type { ProbeWatch } from "./probe-watch.ts";
import type { Quotas } from "./quotas.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { busy, notLeased } from "./refusals.ts";
import type { PoolSecrets } from "./secrets.ts";
import type { StandingAlarms } from "./standing-alarms.ts";
import type { PoolStore } from "./store.ts";
import type { Holds } from "./stream-holds.ts";
import type { Reservations } from "./stream-reserve.ts";
import type { StreamStore } from "./stream-store.ts";
import type { StreamRates } from "./stream-rates.ts";
import type { StreamTurns } from "./stream-turns.ts";
import type { Supply } from "./supply.ts";
import type { UnitStore } from "./unit-store.ts";
import type { Vault } from "../storage/vault.ts";

export interface PoolContext {
  readonly pairName: PairName;
  readonly pair: Pair;
  readonly shard: number;
  readonly store: PoolStore;
  readonly units: UnitStore;
  readonly records: RecordStore;
  readonly blocks: BlockStore;
  readonly blockKeyIds: BlockKeyIdStore;
  readonly relayed: RelayedStore;
  readonly firstHalves: FirstHalves;
  readonly foreign: ForeignStore;
  readonly books: Books;
  readonly supply: Supply;
  readonly material: Material;
  readonly vault: Vault;
  readonly epochs: PoolEpochs;
  readonly conditioner: Conditioner;
  readonly quotas: Quotas;
  readonly flow: FlowMeter;
  readonly outbox: AuditOutbox;
  readonly standingAlarms: StandingAlarms;
  readonly biasedSource: BiasedSource;
  readonly probes: ProbeWatch;
  readonly commits: GroupCommit;
  readonly secrets: PoolSecrets;
  readonly forgotten: ForgottenStore;
  readonly half: Half;
  /** The configuration has changed: it says whether there is another half. */
  meetHalf(): void;
  readonly streams: StreamStore;
  readonly holds: Holds;
  readonly reservations: Reservations;
  readonly turns: StreamTurns;
  readonly streamRates: StreamRates;
  /** Of relays over the link, and of those refused. */
  readonly linkBudget: LinkBudget;
  readonly hopUses: HopUses;
  readonly hopRuns: HopRuns;
  readonly hopRefusals: RefusalCounter;
  /** What direct use leaves of the available bytes: see relay-floor.ts. */
  floorBytes(): number;
  /** The configuration in force. */
  config(): PoolConfig;
  /** May key material be taken in, given out or moved? */
  isLeased(): boolean;
  /** Counts keys cut, delivered, lent or imported, for which a lease is good. */
  useLease(keys: number): void;
}

/**
 * Queues `work` for the next commit.
 * @returns what it returned once it is durable; a full queue or audit outbox is a fault that changed nothing
 */
export async function commit<T>(pool: PoolContext, work: () => Result<T, Fault>): Promise<Result<T, Fault>> {
  if (pool.commits.full) return busy();
  if (isAuditFull(pool)) {
    return fail("audit-full", "the audit log is behind: nothing is served before it catches up");
  }
  return await pool.commits.run(work);
}

/** Nothing is to be served that could not be told to the audit log. */
export const isAuditFull = (pool: PoolContext): boolean =>
  pool.outbox.full() && pool.config().policy.audit_overflow === "refuse";

/** `commit`, for what takes in, gives out or moves key material. */
export const commitLeased = async <T>(pool: PoolContext, work: () => Result<T, Fault>): Promise<Result<T, Fault>> =>
  await commit(pool, () => (pool.isLeased() ? work() : notLeased()));

/** Which recipients of a master's keys fetch them from this pool; the others do so from an import elsewhere. */
export const servedHere = (pool: PoolContext, masterNode: NodeId, recipients: readonly Recipient[]): boolean[] =>
  recipients.map(({ node }) => pairName(pairOf(masterNode, node)) === pool.pairName);

/** In whose audit log the pool's own acts belong: another deployment's node has none here. */
export const hostedNodeOf = ({ half, pair }: PoolContext): NodeId => half.ownNode ?? pair.low;
