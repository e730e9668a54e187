/**
 * A thin typed face over an object's SQLite. Stores take this instead of `ctx.storage`, so that all they can do is SQL.
 */

/** What SQLite takes: SQL has no booleans, and `undefined` is a mistake. */
export type SqlParam = string | number | null | ArrayBuffer | Uint8Array;
/** BLOB columns come back as ArrayBuffer. */
export type SqlRow = Record<string, SqlStorageValue>;

export class Database {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Runs one statement (or several without parameters). Answers the number of rows written, indexes included. */
  run(sql: string, ...params: readonly SqlParam[]): number {
    // `exec` runs what returns no rows to its end: nothing is left to be read.
    return this.#sql.exec(sql, ...params).rowsWritten;
  }

  /** Every row: put a LIMIT in `sql` unless the table itself is bounded. */
  all<Row extends SqlRow>(sql: string, ...params: readonly SqlParam[]): Row[] {
    return this.#sql.exec<Row>(sql, ...params).toArray();
  }

  /** The first row, or undefined when there is none. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names its columns, as in `all`
  one<Row extends SqlRow>(sql: string, ...params: readonly SqlParam[]): Row | undefined {
    const next = this.#sql.exec<Row>(sql, ...params).next();
    return next.done === true ? undefined : next.value;
  }

  /** All or nothing: a throw inside rolls back. Nested calls become savepoints. */
  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  /** Size on disk, free pages included. */
  get sizeBytes(): number {
    return this.#sql.databaseSize;
  }
}

/** Reads a JSON column that the same object wrote: its shape is known, not checked again. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the one place where stored JSON gets its type
export function storedJson<T>(text: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as T;
}
