/** Puts the parts of one KeyPool object together over its storage. */
import { parsePairName, type PairName } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { GroupCommit } from "../storage/group-commit.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { BlockStore } from "./block-store.ts";
import { Books } from "./books.ts";
import { Conditioner } from "./conditioner.ts";
import type { PoolContext } from "./context.ts";
import { PoolEpochs } from "./epochs.ts";
import { ForgottenStore } from "./forgotten-store.ts";
import { Material } from "./material.ts";
import { RecordStore } from "./record-store.ts";
import { MIGRATIONS } from "./schema.ts";
import { PoolSecrets } from "./secrets.ts";
import { StandingAlarms } from "./standing-alarms.ts";
import { PoolStore } from "./store.ts";
import { Supply } from "./supply.ts";
import { UnitStore } from "./unit-store.ts";
import { Vault } from "./vault.ts";

export interface AssembleOptions {
  /** The configuration in force; undefined before the Directory was first asked. */
  config(): PoolConfig | undefined;
  /** After each commit. */
  committed(): void;
  readonly isLeased: PoolContext["isLeased"];
  readonly useLease: PoolContext["useLease"];
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
  const records = new RecordStore(db);
  const epochKeys = new EpochKeys(epochStoreOf(env), pair);
  const vault = new Vault(epochKeys);
  const material = new Material(units, vault, LIMITS.cachedBytes);
  const supply = new Supply(units);
  const outbox = new AuditOutbox(db, `key-pool:${name}`, LIMITS);
  const dropsEvents = () => options.config()?.policy.audit_overflow === "drop";
  const books = new Books({ store, units, records, supply, material, vault, outbox, dropsEvents });
  const commits = new GroupCommit(
    {
      durable: async () => await ctx.storage.sync(),
      transaction: (work) => db.transaction(work),
      flush: () => books.flush(),
      rollback: () => books.rollback(),
      committed: () => {
        books.committed();
        options.committed();
      },
    },
    LIMITS,
  );
  return {
    pairName: pair,
    pair: parsePairName(pair),
    shard: Number(shard),
    store,
    units,
    records,
    blocks: new BlockStore(db),
    books,
    supply,
    material,
    vault,
    epochs: new PoolEpochs(epochKeys, store, units),
    conditioner: new Conditioner(LIMITS.conditioningQueue),
    outbox,
    standingAlarms: new StandingAlarms(db, books, pair),
    commits,
    secrets: new PoolSecrets(store),
    forgotten: new ForgottenStore(db),
    isLeased: options.isLeased,
    useLease: options.useLease,
    config: () => {
      const config = options.config();
      if (config === undefined) throw new Error("the pool has no configuration yet");
      return config;
    },
  };
}

/** An object woken by its alarm may not be told its name: it remembers it. */
function ownName(ctx: DurableObjectState, store: PoolStore): string {
  const stored = store.setting("name");
  if (typeof stored === "string") return stored;
  if (ctx.id.name !== undefined) store.putSetting("name", ctx.id.name);
  return ctx.id.name ?? "";
}
