/**
 * A real pool over a real object's SQLite, without the object around it: thousands of pools live and die in one
 * object, one after the other. A life lasts from one start of the pool to its crash or eviction; what the next life
 * finds is what the tables hold, and nothing else.
 */
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { type AssembleOptions, assemblePool } from "../../durable-objects/key-pool/assemble.ts";
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import { EPOCH_KEY_BYTES } from "../../durable-objects/storage/epoch-store.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";

/** What may go wrong with a commit. */
export const FATES = [
  "fails", // the storage refuses it: all is as before, and those it was for are told
  "crashes before", // whoever is queued never hears of it
  "crashes inside", // the transaction never ends
  "crashes after", // it is durable, and nobody is told
] as const;
export type Fate = (typeof FATES)[number];

/** What tests let go wrong; any other error is a defect of the pool. */
export class Intended extends Error {}

export const DIED = Symbol("the pool died before it answered");

/** In the order of the commits: what a work came to. */
type Told = () => void;

export interface Life {
  readonly pool: PoolContext;
  /** Resolves when it ends. */
  readonly end: Promise<typeof DIED>;
  readonly die: () => void;
  isOver: boolean;
}

/** A history has no more epochs than these. */
export const LAST_EPOCH = 8;
const EPOCH_SECRETS = Array.from({ length: LAST_EPOCH }, (_, index) => {
  const key = crypto.getRandomValues(new Uint8Array(EPOCH_KEY_BYTES));
  return [index + 1, key.toBase64()] as const;
});

const never = async (): Promise<never> => await new Promise<never>(() => {});
/** Rows that a new pool's tables hold. */
const FIRST_ROWS = ["schema_version", "totals", "half"];

export class PoolLives {
  readonly #state: DurableObjectState;
  readonly #tables: readonly string[];
  readonly #firstRows: readonly (readonly [sql: string, values: SqlStorageValue[]])[];
  /** Of the commits to come: null where all is well. */
  fates: (Fate | null)[] = [];
  /** Made so far. */
  commits = 0;
  #told: Told[] = [];
  #inCommit: Told[] = [];

  /** @param state of an object whose tables are a pool's, and new */
  constructor(state: DurableObjectState) {
    this.#state = state;
    const { sql } = state.storage;
    const names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";
    this.#tables = sql
      .exec<{ name: string }>(names)
      .toArray()
      .map(({ name }) => name);
    this.#firstRows = FIRST_ROWS.flatMap((table) =>
      sql
        .exec(`SELECT * FROM ${table}`)
        .toArray()
        .map((row) => {
          const marks = Object.keys(row).map(() => "?");
          return [
            `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${marks.join()})`,
            Object.values(row),
          ] as const;
        }),
    );
  }

  /** As if the object had never been. */
  wipe(pair: PairName): void {
    const { sql } = this.#state.storage;
    for (const table of this.#tables) sql.exec(`DELETE FROM ${table}`);
    for (const [query, values] of this.#firstRows) sql.exec(query, ...values);
    sql.exec("INSERT INTO setting (name, value) VALUES ('name', ?)", poolName(pair, 0));
    this.fates = [];
    this.#told = [];
  }

  sql<T>(query: string, ...params: SqlStorageValue[]): T[] {
    return this.#state.storage.sql.exec(query, ...params).toArray() as T[];
  }

  /** The pool wakes up over what the tables hold. The keys of the epochs before the one in force are gone. */
  async start(
    config: () => PoolConfig & { readonly epoch: number },
    remote?: AssembleOptions["remote"],
    isLeased: () => boolean = () => true,
  ): Promise<Life> {
    const { promise: end, resolve } = Promise.withResolvers<typeof DIED>();
    const born: { life?: Life } = {};
    const storage = this.#storageOf(() => born.life);
    const secrets = EPOCH_SECRETS.filter(([epoch]) => epoch >= config().epoch);
    // Of its environment a pool looks at the keys alone.
    const env = Object.fromEntries(
      secrets.map(([epoch, key]) => [`QKD_EPOCH_KEY_${epoch}`, key]),
    ) as unknown as ObjectsEnv;
    const pool = assemblePool({ id: this.#state.id, storage } as DurableObjectState, env, {
      config,
      committed: () => {},
      isLeased,
      useLease: () => {},
      ...(remote === undefined ? {} : { remote }),
    });
    await pool.epochs.start(config().epoch);
    const die = () => {
      life.isOver = true;
      resolve(DIED);
    };
    const life: Life = { pool, end, die, isOver: false };
    born.life = life;
    return life;
  }

  /**
   * The pool as one caller sees it: `tell` hears what each of its works came to once that is committed.
   * @param look is had at the tables right after each work
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what its works come to
  seenBy<O, L = null>(
    { pool }: Life,
    tell: (outcome: O, seen: L | null) => void,
    look: (() => L) | null = null,
  ): PoolContext {
    const run = async <T>(work: () => T): Promise<T> =>
      await pool.commits.run(() => {
        const outcome = work();
        const seen = look === null ? null : look();
        this.#inCommit.push(() => tell(outcome as unknown as O, seen));
        return outcome;
      });
    const commits = new Proxy(pool.commits, {
      get: (target, name) => (name === "run" ? run : (Reflect.get(target, name, target) as unknown)),
    });
    return { ...pool, commits };
  }

  /** Tells all who have something to hear, in the order of the commits. */
  tell(): void {
    const told = this.#told;
    this.#told = [];
    for (const each of told) each();
  }

  /** The object's storage, for one life: nothing is written to it when that is over, and its commits have fates. */
  #storageOf(life: () => Life | undefined): DurableObjectStorage {
    const { storage } = this.#state;
    const isOver = () => life()?.isOver === true;
    const exec: SqlStorage["exec"] = (query, ...params) => {
      if (isOver() && !query.startsWith("SELECT")) throw new Intended("nothing is written after the end");
      return storage.sql.exec(query, ...params);
    };
    // All of it is in one process: durable is what is committed.
    const sync = async () => (isOver() ? await never() : undefined);
    const transactionSync = <T>(work: () => T): T => {
      const alive = life();
      return alive === undefined ? storage.transactionSync(work) : this.#commit(alive, work);
    };
    const sql = new Proxy(storage.sql, {
      get: (target, name) => (name === "exec" ? exec : (Reflect.get(target, name, target) as unknown)),
    });
    return new Proxy(storage, {
      get: (target, name) => {
        if (name === "sql") return sql;
        if (name === "sync") return sync;
        if (name === "transactionSync") return transactionSync;
        return Reflect.get(target, name, target) as unknown;
      },
    });
  }

  #commit<T>(life: Life, work: () => T): T {
    const fate = this.fates.shift() ?? null;
    this.#inCommit = [];
    if (fate === "crashes before") life.die();
    if (life.isOver) throw new Intended("the pool has died");
    const value = this.#state.storage.transactionSync(() => {
      const done = work();
      if (fate === "crashes inside") life.die();
      if (fate === "fails" || fate === "crashes inside") throw new Intended("the storage takes nothing");
      return done;
    });
    this.commits += 1;
    this.#told.push(...this.#inCommit);
    if (fate === "crashes after") {
      life.die();
      throw new Intended("the pool has died");
    }
    return value;
  }
}
