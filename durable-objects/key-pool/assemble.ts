/** Puts the parts of one KeyPool object together over its storage. */
import { parsePairName, type PairName } from "../../shared/ids.ts";
import { LinkBudget } from "../../shared/keypool/link-budget.ts";
import { FlowMeter } from "../../shared/keypool/rates.ts";
import type { QuotaRpc } from "../../shared/keypool/quota-claims.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { BlockKeyIdStore } from "./block-key-id-store.ts";
import { BlockStore } from "./block-store.ts";
import { Books } from "./books.ts";
import { Conditioner } from "./conditioner.ts";
import { commit, type PoolContext } from "./context.ts";
import { PoolEpochs } from "./epochs.ts";
import { FirstHalves } from "./first-halves.ts";
import { ForeignStore } from "./foreign-store.ts";
import { ForgottenStore } from "./forgotten-store.ts";
import { type Half, NO_OTHER_HALF } from "./half.ts";
import { RemoteHalf, type RemoteOptions } from "./half-remote.ts";
import { HopRuns } from "./hop-run.ts";
import { HopUses } from "./hop-uses.ts";
import { Material } from "./material.ts";
import { RecordStore } from "./record-store.ts";
import { RelayedStore } from "./relayed-store.ts";
import { MIGRATIONS } from "./schema.ts";
import { poolCommits } from "./pool-commits.ts";
import { pairQuotas } from "./pair-quotas.ts";
import { Quotas } from "./quotas.ts";
import { RefusalCounter } from "./refusal-counter.ts";
import { floorBytesOf, LinkSupply } from "./relay-floor.ts";
import { PoolSecrets } from "./secrets.ts";
import { PoolStore } from "./store.ts";
import { Holds } from "./stream-holds.ts";
import { Reservations } from "./stream-reserve.ts";
import { StreamStore } from "./stream-store.ts";
import { StreamRates } from "./stream-rates.ts";
import { StreamTurns } from "./stream-turns.ts";
import { watchful } from "./watchful.ts";
import { UnitStore } from "./unit-store.ts";
import { Usages } from "./usage.ts";
import { UsageStore } from "./usage-store.ts";
import { Vault } from "../storage/vault.ts";

export interface AssembleOptions {
  /** The configuration in force; undefined before the Directory was first asked. */
  config(): PoolConfig | undefined;
  /** After each commit. */
  committed(): void;
  /** Before that: so many bytes were allocated in it. */
  allocated?(bytes: number): void;
  /** Of relayed key: can none be brought in at present? */
  isCutOff?(): boolean;
  /** Another one of the pair; absent: there is none. */
  shardOf?(shard: number): QuotaRpc;
  readonly isLeased: PoolContext["isLeased"];
  readonly useLease: PoolContext["useLease"];
  /** Where, by the configuration in force, one of the two nodes lives in another deployment; undefined: both are hosted here. */
  remote?(): RemoteOptions | undefined;
}

/** @throws Error where the object's name is none of a pool, or its storage needs newer code */
export function assemblePool(ctx: DurableObjectState, env: ObjectsEnv, options: AssembleOptions): PoolContext {
  const db = new Database(ctx.storage);
  migrate(db, MIGRATIONS);
  const store = new PoolStore(db);
  const name = store.settings.named(ctx.id.name);
  const [pair, shard] = name.split("#") as [PairName, string?];
  if (shard === undefined) throw new Error("a KeyPool is named <low node>|<high node>#<shard>");
  const units = new UnitStore(db);
  const usages = new Usages({
    store: new UsageStore(db),
    poolStore: store,
    config: () => options.config(),
    nextRecord: () => books.totals.nextRecord,
  });
  const records = new RecordStore(db, usages);
  const epochKeys = new EpochKeys(epochStoreOf(env), pair);
  const vault = new Vault(epochKeys);
  const material = new Material(units, vault, LIMITS.cachedBytes);
  const floorBytes = () => floorBytesOf(books.totals.ledger, options.config());
  const supply = new LinkSupply(units, null, floorBytes);
  const outbox = new AuditOutbox(db, `key-pool:${name}`, LIMITS);
  const dropsEvents = () => options.config()?.policy.audit_overflow === "drop";
  const flow = new FlowMeter(Date.now());
  const allocated = (bytes: number) => options.allocated?.(bytes);
  const stored = { store, units, records, supply, material, vault, flow, outbox };
  const books = new Books({ ...stored, usages, allocated, dropsEvents });
  const linkBudget = new LinkBudget();
  const commits = poolCommits(ctx, db, { pool: () => pool, usages, committed: options.committed.bind(options) });
  const config = () => {
    const inForce = options.config();
    if (inForce === undefined) throw new Error("the pool has no configuration yet");
    return inForce;
  };
  const meetHalf = (): void => {
    const remote = options.remote?.();
    if ((remote?.ownNode ?? null) === half.ownNode) return;
    half = remote === undefined ? NO_OTHER_HALF : new RemoteHalf(parts, db, remote);
    supply.ownedBy(half.ownNode);
  };
  const parts: Omit<PoolContext, "half"> = {
    pairName: pair,
    pair: parsePairName(pair),
    shard: Number(shard),
    ...stored,
    blocks: new BlockStore(db),
    blockKeyIds: new BlockKeyIdStore(db),
    relayed: new RelayedStore(db),
    firstHalves: new FirstHalves(),
    foreign: new ForeignStore(db),
    books,
    epochs: new PoolEpochs(epochKeys, store, units),
    conditioner: new Conditioner(LIMITS.conditioningQueue),
    quotas: new Quotas({
      usages,
      books,
      config,
      isCutOff: () => options.isCutOff?.() === true,
      asked: linkBudget.asked.bind(linkBudget),
      ofPair: pairQuotas({ shard: Number(shard), usages, config }, options.shardOf?.bind(options)),
      commit: async (work) => await commit(pool, work),
    }),
    ...watchful(db, books, pair),
    commits,
    secrets: new PoolSecrets(store),
    forgotten: new ForgottenStore(db),
    streams: new StreamStore(db),
    holds: new Holds(LIMITS.streamHolds),
    reservations: new Reservations(),
    turns: new StreamTurns(),
    streamRates: new StreamRates(LIMITS.streams),
    linkBudget,
    hopUses: new HopUses(db),
    hopRuns: new HopRuns(),
    hopRefusals: new RefusalCounter(),
    floorBytes,
    isLeased: options.isLeased,
    useLease: options.useLease,
    config,
    meetHalf,
  };
  let half: Half = NO_OTHER_HALF;
  const pool: PoolContext = {
    ...parts,
    get half() {
      return half;
    },
  };
  pool.meetHalf();
  return pool;
}
