/** All of the Directory's SQL. Callers open the transactions. */
import * as v from "valibot";
import { poolName, type PairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Drain, NetworkVersion, Revocation } from "../../shared/network/directory-types.ts";
import { DEFAULT_POLICY, NetworkDocumentSchema, type NetworkDocument } from "../../shared/network/document.ts";
import { drainKey } from "../../shared/network/drains.ts";
import { poolConfigs, type ConfigOf, type PoolView } from "../../shared/network/pool-config.ts";
import { moduleName } from "../../shared/qkd-module/rpc.ts";
import { storedJson, type Database } from "../storage/database.ts";

/** What the alarm has to do with pools. */
export type Errand =
  /** Tell so many of a pair's pools to fetch their configuration, from a shard on: 0 where absent. */
  | {
      readonly kind: "refresh";
      readonly pair: PairName;
      readonly first?: number;
      readonly shards: number;
      readonly sequence: number;
    }
  /** The same of the pools of relayed key of a node (null: of all): how far it got. */
  | { readonly kind: "relays"; readonly node: string | null; readonly from: string; readonly sequence: number }
  /** The same to the QKD module of a link's end. */
  | { readonly kind: "module"; readonly link: string; readonly node: string; readonly sequence: number }
  /** Void what a drain left: how far it got. First in its pairs' pools, then in others of its node. */
  | {
      readonly kind: "void";
      readonly drainKey: string;
      readonly pairIndex: number;
      readonly shard: number;
      /** Among the others, which come when all pairs are done. */
      readonly from?: string;
      readonly after: number;
      readonly keys: number;
    };

export interface ErrandRow {
  readonly id: number;
  readonly errand: Errand;
  readonly attempts: number;
}

function errandKey(errand: Errand): string {
  const { kind } = errand;
  if (kind === "refresh")
    return `refresh:${errand.first === undefined ? errand.pair : poolName(errand.pair, errand.first)}`;
  if (kind === "relays") return `relays:${errand.node ?? ""}`;
  return kind === "module" ? `module:${moduleName(errand.link, errand.node)}` : `void:${errand.drainKey}`;
}

/** Characters a part: at most 3 bytes each in UTF-8, so well below the 2 MB of a row. */
const PART_CHARS = 512 * 1024;

/** The network in force, with the configuration of any pair's pools. */
export interface NetworkView extends PoolView {
  readonly documentVersion: number;
  readonly configOf: ConfigOf;
}

export class DirectoryStore {
  readonly #db: Database;
  /** Made again after each change: a document may take a tenth of a second to read. */
  #view: NetworkView | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  head(): { readonly sequence: number; readonly documentVersion: number } {
    const row = this.#db.one<{ sequence: number; document_version: number }>("SELECT * FROM directory");
    if (row === undefined) throw new Error("the directory has no head row");
    return { sequence: row.sequence, documentVersion: row.document_version };
  }

  /** Something a snapshot holds has changed. @returns the new sequence */
  bump(by = 1): number {
    this.#db.run("UPDATE directory SET sequence = sequence + ?", by);
    return this.head().sequence;
  }

  /** Of the deployment, the last this storage lived in; null before the first. */
  generation(): string | null {
    return this.#db.one<{ generation: string | null }>("SELECT generation FROM directory")?.generation ?? null;
  }

  setGeneration(generation: string): void {
    this.#db.run("UPDATE directory SET generation = ?", generation);
  }

  /** The network in force; the same object until the sequence changes. */
  view(): NetworkView {
    const { sequence, documentVersion } = this.head();
    if (this.#view?.sequence !== sequence) {
      const document = this.document(documentVersion);
      if (document === undefined) throw new Error(`version ${documentVersion} of the network is missing`);
      const view = { sequence, documentVersion, document, drains: this.drains() };
      this.#view = { ...view, configOf: poolConfigs(view) };
    }
    return this.#view;
  }

  // ---- documents

  putDocument(version: number, document: NetworkDocument, atMs: number, by: string): void {
    const text = JSON.stringify(document);
    this.#db.run("INSERT INTO versions (version, at_ms, by_whom) VALUES (?, ?, ?)", version, atMs, by);
    for (let part = 0; part * PART_CHARS < text.length; part++) {
      const piece = text.slice(part * PART_CHARS, (part + 1) * PART_CHARS);
      this.#db.run("INSERT INTO document_parts (version, part, text) VALUES (?, ?, ?)", version, part, piece);
    }
    this.#db.run("UPDATE directory SET document_version = ?", version);
    const oldest = version - LIMITS.versionsKept + 1;
    this.#db.run("DELETE FROM versions WHERE version < ?", oldest);
    this.#db.run("DELETE FROM document_parts WHERE version < ?", oldest);
  }

  /** Version 0 is the empty network; undefined for a version not (or no longer) kept. */
  document(version: number): NetworkDocument | undefined {
    if (version === 0) return v.parse(NetworkDocumentSchema, { nodes: [], links: [], saes: [], operators: [] });
    const parts = this.#db.all<{ text: string }>(
      "SELECT text FROM document_parts WHERE version = ? ORDER BY part",
      version,
    );
    if (parts.length === 0) return undefined;
    const stored = storedJson<NetworkDocument>(parts.map(({ text }) => text).join(""));
    // Members added to the schema since it was written get their defaults; where a bound has become narrower, those of
    // the policy at least.
    const parsed = v.safeParse(NetworkDocumentSchema, stored);
    return parsed.success ? parsed.output : { ...stored, policy: { ...DEFAULT_POLICY, ...stored.policy } };
  }

  versions(): NetworkVersion[] {
    return this.#db
      .all<{ version: number; at_ms: number; by_whom: string }>("SELECT * FROM versions ORDER BY version DESC")
      .map(({ version, at_ms: atMs, by_whom: by }) => ({ version, atMs, by }));
  }

  // ---- revocations

  revocations(): Revocation[] {
    return this.#db.all<RevocationRow>("SELECT * FROM revocations ORDER BY n").map((row) => revocationOf(row));
  }

  revocation(kind: Revocation["kind"], value: string): Revocation | undefined {
    const row = this.#db.one<RevocationRow>("SELECT * FROM revocations WHERE kind = ? AND value = ?", kind, value);
    return row === undefined ? undefined : revocationOf(row);
  }

  revocationCount(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM revocations")?.n ?? 0;
  }

  addRevocation({ kind, value, reason, atMs, by }: Revocation): void {
    const sql = "INSERT INTO revocations (kind, value, reason, at_ms, by_whom) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, kind, value, reason, atMs, by);
  }

  // ---- drains

  drains(): Drain[] {
    return this.#db
      .all<{ drain: string }>("SELECT drain FROM drains ORDER BY key")
      .map((row) => storedJson<Drain>(row.drain));
  }

  drain(key: string): Drain | undefined {
    const row = this.#db.one<{ drain: string }>("SELECT drain FROM drains WHERE key = ?", key);
    return row === undefined ? undefined : storedJson<Drain>(row.drain);
  }

  /**
   * Opens a drain together with the errand that ends it. Workers let nobody fetch from `untilMs` on; the errand comes
   * when the last of them must have heard of the drain, so that no key made in the meantime is left behind.
   */
  openDrain(drain: Drain): void {
    const key = drainKey(drain);
    this.#db.run("INSERT OR REPLACE INTO drains (key, drain) VALUES (?, ?)", key, JSON.stringify(drain));
    this.putErrand(
      { kind: "void", drainKey: key, pairIndex: 0, shard: 0, after: 0, keys: 0 },
      drain.untilMs + LIMITS.snapshotMaxAgeMs,
    );
  }

  /** Ends or takes back a drain, its errand included. */
  dropDrain(key: string): void {
    this.#db.run("DELETE FROM drains WHERE key = ?", key);
    this.#db.run("DELETE FROM errands WHERE key = ?", `void:${key}`);
  }

  // ---- errands

  putErrand(errand: Errand, dueMs: number): void {
    const sql = "INSERT OR REPLACE INTO errands (key, errand, due_ms) VALUES (?, ?, ?)";
    this.#db.run(sql, errandKey(errand), JSON.stringify(errand), dueMs);
  }

  dueErrands(nowMs: number, limit: number): ErrandRow[] {
    return this.#db
      .all<{ id: number; errand: string; attempts: number }>(
        "SELECT id, errand, attempts FROM errands WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?",
        nowMs,
        limit,
      )
      .map((row) => ({ id: row.id, errand: storedJson<Errand>(row.errand), attempts: row.attempts }));
  }

  // These change nothing when the errand was replaced or taken back in the meantime: that has another id.

  advanceErrand(id: number, errand: Errand): void {
    this.#db.run("UPDATE errands SET errand = ?, attempts = 0 WHERE id = ?", JSON.stringify(errand), id);
  }

  removeErrand(id: number): void {
    this.#db.run("DELETE FROM errands WHERE id = ?", id);
  }

  /** @returns false when it changed nothing */
  postponeErrand(id: number, attempts: number, dueMs: number): boolean {
    return this.#db.run("UPDATE errands SET attempts = ?, due_ms = ? WHERE id = ?", attempts, dueMs, id) > 0;
  }

  nextErrandMs(): number | null {
    return this.#db.one<{ due: number | null }>("SELECT min(due_ms) AS due FROM errands")?.due ?? null;
  }

  // ---- bootstrap

  /** Notes when a bootstrap hash was first seen. @returns true when it is new */
  seeBootstrap(sha256: string, nowMs: number): boolean {
    const sql = "INSERT INTO bootstraps (sha256, first_seen_ms) VALUES (?, ?) ON CONFLICT DO NOTHING";
    return this.#db.run(sql, sha256, nowMs) > 0;
  }

  /** When the hash stops being good, or null: used up, timed out, or never seen. */
  bootstrapUntilMs(sha256: string): number | null {
    const row = this.#db.one<{ first_seen_ms: number; closed_ms: number | null }>(
      "SELECT first_seen_ms, closed_ms FROM bootstraps WHERE sha256 = ?",
      sha256,
    );
    return row === undefined || row.closed_ms !== null ? null : row.first_seen_ms + LIMITS.bootstrapSeconds * 1000;
  }

  closeBootstrap(sha256: string, nowMs: number): void {
    this.#db.run("UPDATE bootstraps SET closed_ms = ? WHERE sha256 = ?", nowMs, sha256);
  }
}

type RevocationRow = { kind: string; value: string; reason: string; at_ms: number; by_whom: string };

function revocationOf(row: RevocationRow): Revocation {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only kinds are written
  const kind = row.kind as Revocation["kind"];
  return { kind, value: row.value, reason: row.reason, atMs: row.at_ms, by: row.by_whom };
}
