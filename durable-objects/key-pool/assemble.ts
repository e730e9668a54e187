/** Puts the parts of one KeyPool object together over its storage. */
import { parsePairName, type PairName } from "../../shared/ids.ts";
import { FlowMeter } from "../../shared/keypool/rates.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { GroupCommit } from "../storage/group-commit.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { BlockKeyIdStore } from "./block-key-id-store.ts";
import { BlockStore } from "./block-store.ts";
import { Books } from "./books.ts";
import { Conditioner } from "./conditioner.ts";
import type { PoolContext } from "./context.ts";
import { PoolEpochs } from "./epochs.ts";
import { ForgottenStore } from "./forgotten-store.ts";
import { NO_OTHER_HALF } from "./half.ts";
import { RemoteHalf, type RemoteOptions } from "./half-remote.ts";
import { Material } from "./material.ts";
import { RecordStore } from "./record-store.ts";
import { MIGRATIONS } from "./schema.ts";
import { Quotas } from "./quotas.ts";
import { PoolSecrets } from "./secrets.ts";
import { StandingAlarms } from "./standing-alarms.ts";
import { PoolStore } from "./store.ts";
import { Holds } from "./stream-holds.ts";
import { StreamStore } from "./stream-store.ts";
import { StreamRates } from "./stream-rates.ts";
import { StreamTurns } from "./stream-turns.ts";
import { Supply } from "./supply.ts";
import { UnitStore } from "./unit-store.ts";
import { Usages } from "./usage.ts";
import { UsageStore } from "./usage-store.ts";
import { Vault } from "../storage/vault.ts";

export interface AssembleOptions {
  /** The configuration in force; undefined before the Directory was first asked. */
  config(): PoolConfig | undefined;
  /** After each commit. */
  committed(): void;
  readonly isLeased: PoolContext["isLeased"];
  readonly useLease: PoolContext["useLease"];
  /** Where one of the two nodes lives in another deployment; absent where both are hosted here. */
  readonly remote?: RemoteOptions;
}

/** @throws Error where the object's name is none of a pool, or its storage needs newer code */
export function assemblePool(ctx: DurableObjectState, env: ObjectsEnv, options: AssembleOptions): PoolContext {
  const db = new Database(ctx.storage);
  migrate(db, MIGRATIONS);
  const store = new PoolStore(db);
  const name = ownName(ctx, store);
  const [pair, shard] = name.split("#") as [PairName, string?];
  if (shard === undefined) throw new Error("a KeyPool is named <low node>|<high node>#<shard>");
  const units = new UnitStore(db);
  const usages = new Usages({
    store: new UsageStore(db),
    settings: store,
    config: () => options.config(),
    nextRecord: () => books.totals.nextRecord,
  });
  const records = new RecordStore(db, usages);
  const epochKeys = new EpochKeys(epochStoreOf(env), pair);
  const vault = new Vault(epochKeys);
  const material = new Material(units, vault, LIMITS.cachedBytes);
  const supply = new Supply(units, options.remote?.ownNode ?? null);
  const outbox = new AuditOutbox(db, `key-pool:${name}`, LIMITS);
  const dropsEvents = () => options.config()?.policy.audit_overflow === "drop";
  const flow = new FlowMeter(Date.now());
  const books = new Books({ store, units, records, supply, material, vault, usages, flow, outbox, dropsEvents });
  const streams = new StreamStore(db);
  const turns = new StreamTurns();
  const commits = new GroupCommit(
    {
      durable: async () => await ctx.storage.sync(),
      transaction: (work) => db.transaction(work),
      flush: () => books.flush(),
      rollback: () => {
        books.rollback();
        streams.forget();
      },
      committed: () => {
        books.committed();
        options.committed();
        turns.supplied(books.totals.ledger.available / 8);
        // What one commit could not count, the next ones do; where they cannot either, the next request's does.
        if (usages.behind) void commits.run(() => null).catch(() => null);
      },
    },
    LIMITS,
  );
  const config = () => {
    const inForce = options.config();
    if (inForce === undefined) throw new Error("the pool has no configuration yet");
    return inForce;
  };
  const parts: Omit<PoolContext, "half"> = {
    pairName: pair,
    pair: parsePairName(pair),
    shard: Number(shard),
    store,
    units,
    records,
    blocks: new BlockStore(db),
    blockKeyIds: new BlockKeyIdStore(db),
    books,
    supply,
    material,
    vault,
    epochs: new PoolEpochs(epochKeys, store, units),
    conditioner: new Conditioner(LIMITS.conditioningQueue),
    quotas: new Quotas({ usages, books, config }),
    flow,
    outbox,
    standingAlarms: new StandingAlarms(db, books, pair),
    commits,
    secrets: new PoolSecrets(store),
    forgotten: new ForgottenStore(db),
    streams,
    holds: new Holds(LIMITS.streamHolds),
    turns,
    streamRates: new StreamRates(LIMITS.streams),
    isLeased: options.isLeased,
    useLease: options.useLease,
    config,
  };
  const { remote } = options;
  return { ...parts, half: remote === undefined ? NO_OTHER_HALF : new RemoteHalf(parts, db, remote) };
}

/** An object woken by its alarm may not be told its name: it remembers it. */
function ownName(ctx: DurableObjectState, store: PoolStore): string {
  const stored = store.setting("name");
  if (typeof stored === "string") return stored;
  if (ctx.id.name !== undefined) store.putSetting("name", ctx.id.name);
  return ctx.id.name ?? "";
}
