/** All of a hub's SQL. Callers open the transactions. */
import { LIMITS } from "../../shared/limits.ts";
import type { Enrolment, PublicKeys } from "../../shared/tunnel/messages.ts";
import type { Service } from "../../shared/tunnel/services.ts";
import { type Database, storedJson } from "../storage/database.ts";

export interface InstanceRow {
  readonly instance: string;
  readonly agent: string;
  readonly keys: PublicKeys;
  readonly enrolledMs: number;
}

export interface AccessRow {
  readonly sha256: string;
  readonly connection: string;
  readonly agent: string;
  readonly expiresMs: number;
}

/** A hub that is to be told that an instance is expelled. */
export interface Errand {
  readonly instance: string;
  readonly hub: string;
  readonly attempts: number;
}

type StoredInstance = { instance: string; agent: string; keys: string; enrolled_ms: number };
type StoredAccess = { sha256: string; connection: string; agent: string; expires_ms: number };

const instanceOf = (row: StoredInstance): InstanceRow => ({
  instance: row.instance,
  agent: row.agent,
  keys: storedJson<PublicKeys>(row.keys),
  enrolledMs: row.enrolled_ms,
});
const accessOf = ({ expires_ms: expiresMs, ...row }: StoredAccess): AccessRow => ({ ...row, expiresMs });

export class HubStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** @param name of the object, where this start of it was told */
  site(name: string | undefined): string {
    const stored = this.#db.one<{ site: string | null }>("SELECT site FROM hub")?.site ?? null;
    if (name !== undefined && name !== stored) this.#db.run("UPDATE hub SET site = ?", name);
    return name ?? stored ?? "";
  }

  get lastSlot(): number {
    return this.#db.one<{ last_slot: number }>("SELECT last_slot FROM hub")?.last_slot ?? 0;
  }

  set lastSlot(slot: number) {
    this.#db.run("UPDATE hub SET last_slot = ?", slot);
  }

  get servedMs(): number | null {
    return this.#db.one<{ served_ms: number | null }>("SELECT served_ms FROM hub")?.served_ms ?? null;
  }

  set servedMs(atMs: number) {
    this.#db.run("UPDATE hub SET served_ms = ?", atMs);
  }

  // ---- enrolment

  instance(id: string): InstanceRow | undefined {
    const row = this.#db.one<StoredInstance>("SELECT * FROM instance WHERE instance = ?", id);
    return row === undefined ? undefined : instanceOf(row);
  }

  instances(): InstanceRow[] {
    return this.#db.all<StoredInstance>("SELECT * FROM instance ORDER BY enrolled_ms, instance").map(instanceOf);
  }

  instanceCount(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM instance")?.n ?? 0;
  }

  putInstance({ instance, keys }: Enrolment, agent: string, nowMs: number): void {
    const sql = "INSERT OR REPLACE INTO instance (instance, agent, keys, enrolled_ms) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, instance, agent, JSON.stringify(keys), nowMs);
  }

  /** @returns false where there was none */
  dropInstance(instance: string): boolean {
    return this.#db.run("DELETE FROM instance WHERE instance = ?", instance) > 0;
  }

  /** Whom a token has enrolled. */
  usedToken(sha256: string): Enrolment | undefined {
    const row = this.#db.one<{ instance: string; keys: string }>("SELECT * FROM used_token WHERE sha256 = ?", sha256);
    return row === undefined ? undefined : { instance: row.instance, keys: storedJson<PublicKeys>(row.keys) };
  }

  useToken(sha256: string, { instance, keys }: Enrolment): void {
    this.#db.run(
      `INSERT INTO used_token (sha256, n, instance, keys)
       SELECT ?, coalesce(max(n), 0) + 1, ?, ? FROM used_token`,
      sha256,
      instance,
      JSON.stringify(keys),
    );
    const sql = "DELETE FROM used_token WHERE n <= (SELECT max(n) FROM used_token) - ?";
    this.#db.run(sql, LIMITS.tunnelUsedTokens);
  }

  // ---- hubs that have to hear when an instance is expelled

  /**
   * A hub is to hear when an instance is expelled.
   * @returns false where there are as many as may be, or the last expulsion has not got through to it
   */
  watch(instance: string, hub: string): boolean {
    const sql = "SELECT due_ms FROM watcher WHERE instance = ? AND hub = ?";
    const known = this.#db.one<{ due_ms: number | null }>(sql, instance, hub);
    if (known !== undefined) return known.due_ms === null;
    const count = this.#db.one<{ n: number }>("SELECT count(*) AS n FROM watcher")?.n ?? 0;
    if (count >= LIMITS.tunnelWatchers) return false;
    this.#db.run("INSERT INTO watcher (instance, hub) VALUES (?, ?)", instance, hub);
    return true;
  }

  /** Its watchers are to be told. */
  tellWatchers(instance: string, nowMs: number): void {
    this.#db.run("UPDATE watcher SET due_ms = ?, attempts = 0 WHERE instance = ?", nowMs, instance);
  }

  dueErrands(nowMs: number, limit: number): Errand[] {
    const sql = "SELECT instance, hub, attempts FROM watcher WHERE due_ms <= ? ORDER BY due_ms LIMIT ?";
    return this.#db.all<{ instance: string; hub: string; attempts: number }>(sql, nowMs, limit);
  }

  nextErrandMs(): number | null {
    return this.#db.one<{ due: number | null }>("SELECT min(due_ms) AS due FROM watcher")?.due ?? null;
  }

  postponeErrand({ instance, hub }: Errand, attempts: number, dueMs: number): void {
    const sql = "UPDATE watcher SET attempts = ?, due_ms = ? WHERE instance = ? AND hub = ? AND due_ms IS NOT NULL";
    this.#db.run(sql, attempts, dueMs, instance, hub);
  }

  /** Told: it asks for the keys again should the instance come back. */
  endErrand({ instance, hub }: Errand): void {
    this.#db.run("DELETE FROM watcher WHERE instance = ? AND hub = ? AND due_ms IS NOT NULL", instance, hub);
  }

  // ---- what connections expose, and the access that came with them

  /** Null: it has not told yet. */
  exposed(connection: string): readonly Service[] | null {
    const row = this.#db.one<{ services: string }>("SELECT services FROM exposed WHERE connection = ?", connection);
    return row === undefined ? null : storedJson<readonly Service[]>(row.services);
  }

  expose(connection: string, services: readonly Service[]): void {
    const sql = "INSERT OR REPLACE INTO exposed (connection, services) VALUES (?, ?)";
    this.#db.run(sql, connection, JSON.stringify(services));
  }

  /** A connection has ended. */
  forget(connection: string): void {
    this.#db.run("DELETE FROM exposed WHERE connection = ?", connection);
    this.#db.run("DELETE FROM access WHERE connection = ?", connection);
  }

  /** Connections of which something is kept. */
  connections(): string[] {
    return this.#db
      .all<{ connection: string }>("SELECT connection FROM exposed UNION SELECT connection FROM access")
      .map(({ connection }) => connection);
  }

  giveAccess({ sha256, connection, agent, expiresMs }: AccessRow): void {
    this.#db.run("UPDATE access SET renewed = 1 WHERE connection = ?", connection);
    const sql = "INSERT INTO access (sha256, connection, agent, expires_ms) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, sha256, connection, agent, expiresMs);
  }

  access(sha256: string): AccessRow | undefined {
    const sql = "SELECT sha256, connection, agent, expires_ms FROM access WHERE sha256 = ?";
    const row = this.#db.one<StoredAccess>(sql, sha256);
    return row === undefined ? undefined : accessOf(row);
  }

  /** Accesses that end before a time and have no successor. */
  accessesUntil(ms: number): AccessRow[] {
    const sql = "SELECT sha256, connection, agent, expires_ms FROM access WHERE expires_ms <= ? AND renewed = 0";
    return this.#db.all<StoredAccess>(sql, ms).map(accessOf);
  }

  dropExpiredAccesses(nowMs: number): void {
    this.#db.run("DELETE FROM access WHERE expires_ms <= ?", nowMs);
  }

  /** When the next access ends that has no successor. */
  nextAccessEndMs(): number | null {
    const sql = "SELECT min(expires_ms) AS end FROM access WHERE renewed = 0";
    return this.#db.one<{ end: number | null }>(sql)?.end ?? null;
  }
}
