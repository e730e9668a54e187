/** All of the pool's SQL on key records, imports and repeats; records in use are kept in memory. */
import type { NodeId, PairName, SaeId } from "../../shared/ids.ts";
import type { HopOf } from "../../shared/keypool/relay-checks.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import { type Database, storedJson } from "../storage/database.ts";
import type { KeyRecord } from "./rows.ts";
import type { Usages } from "./usage.ts";

type RecordRow = {
  id: number;
  nonce: ArrayBuffer;
  state: string;
  master: string;
  master_node: string;
  recipients: string;
  keys: number;
  size_bytes: number;
  segments: string;
  left: ArrayBuffer;
  imported: number;
  policy_version: number;
  expires_ms: number;
  hold_until_ms: number;
  announced: number | null;
  stream: number | null;
  first_chunk: number | null;
  made_ms: number | null;
  hop: string | null;
};

/** Records with longer bitmaps are read from the table each time. */
const CACHED_LEFT_BYTES = 256;

export class RecordStore {
  readonly #db: Database;
  readonly #usages: Usages;
  /** Oldest first; what the table says too. */
  readonly #cache = new Map<number, KeyRecord>();
  /** No record or repeat runs out before this; kept without a query, so it may be early. */
  #earliestExpiryMs: number;

  /** @param usages is told of every change: what records hold counts as their masters' */
  constructor(db: Database, usages: Usages) {
    this.#db = db;
    this.#usages = usages;
    this.#earliestExpiryMs = this.#nextExpiryMs();
  }

  get earliestExpiryMs(): number {
    return this.#earliestExpiryMs;
  }

  recountExpiry(): void {
    this.#earliestExpiryMs = this.#nextExpiryMs();
  }

  /** After a rollback: the table is the truth. */
  forget(): void {
    this.#cache.clear();
  }

  /** @param isTold false: when it runs out is told with its first change; until then nobody waits for that. */
  insert(record: KeyRecord, isTold = true): void {
    if (isTold) this.#expiresAt(record.expiresMs);
    const limited = this.#usages.limited;
    this.#db.run(
      `INSERT INTO key_record (id, nonce, state, master, master_node, recipients, keys, size_bytes, segments, left,
         imported, policy_version, expires_ms, hold_until_ms, announced, stream, first_chunk, made_ms, hop)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      record.id,
      record.nonce,
      record.state,
      record.master,
      record.masterNode,
      recipientsJson(record.recipients),
      record.keys,
      record.sizeBytes,
      JSON.stringify(record.segments.map(({ unit, offset, length }) => [unit, offset, length])),
      record.left,
      record.imported ? 1 : 0,
      record.policyVersion,
      record.expiresMs,
      record.holdUntilMs,
      record.announced,
      record.chunks?.instance ?? null,
      record.chunks?.first ?? null,
      record.chunks?.madeMs ?? null,
      record.hop === null ? null : JSON.stringify([record.hop.relay, record.hop.pair, record.hop.shard]),
    );
    if (limited) this.#usages.recordChanged(undefined, record);
    this.#remember(record);
  }

  byId(id: number): KeyRecord | undefined {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const row = this.#db.one<RecordRow>("SELECT * FROM key_record WHERE id = ?", id);
    return row === undefined ? undefined : toRecord(row);
  }

  has(id: number): boolean {
    return this.#cache.has(id) || this.#db.one("SELECT 1 AS there FROM key_record WHERE id = ?", id) !== undefined;
  }

  /** What changes in a record's life. */
  update(record: KeyRecord): void {
    this.#expiresAt(record.expiresMs);
    const before = this.#watched(record.id);
    this.#db.run(
      "UPDATE key_record SET state = ?, left = ?, recipients = ?, expires_ms = ?, hold_until_ms = ? WHERE id = ?",
      record.state,
      record.left,
      recipientsJson(record.recipients),
      record.expiresMs,
      record.holdUntilMs,
      record.id,
    );
    if (before !== undefined) this.#usages.recordChanged(before, record);
    this.#remember(record);
  }

  updateLeft(record: KeyRecord): void {
    this.#expiresAt(record.expiresMs);
    const before = this.#watched(record.id);
    this.#db.run("UPDATE key_record SET left = ? WHERE id = ?", record.left, record.id);
    if (before !== undefined) this.#usages.recordChanged(before, record);
    this.#remember(record);
  }

  delete(record: Pick<KeyRecord, "id" | "imported" | "announced" | "nonce">): void {
    const before = this.#watched(record.id);
    this.#cache.delete(record.id);
    this.#db.run("DELETE FROM key_record WHERE id = ?", record.id);
    if (before !== undefined) this.#usages.recordChanged(before, undefined);
    if (record.imported || record.announced !== null)
      this.#db.run("DELETE FROM key_import WHERE nonce = ?", record.nonce);
  }

  /** The record before a change, where anybody wants to know. */
  #watched(id: number): KeyRecord | undefined {
    return this.#usages.limited ? this.byId(id) : undefined;
  }

  after(id: number, limit: number): KeyRecord[] {
    return this.#db
      .all<RecordRow>("SELECT * FROM key_record WHERE id > ? ORDER BY id LIMIT ?", id, limit)
      .map(toRecord);
  }

  expired(nowMs: number, limit: number): KeyRecord[] {
    const sql = "SELECT * FROM key_record WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?";
    return this.#db.all<RecordRow>(sql, nowMs, limit).map(toRecord);
  }

  /** Records of a stream that have any of its chunks from `from` to `to`, in order. */
  ofStream(instance: number, from: number, to: number, limit: number): KeyRecord[] {
    const rows = this.#db.all<RecordRow>(OF_STREAM, instance, from, to, limit);
    const records = rows.map((row) => this.#cache.get(row.id) ?? toRecord(row));
    const [first] = records;
    // The one that begins before them may end before them.
    return first?.chunks != null && first.chunks.first + first.keys <= from ? records.slice(1) : records;
  }

  #remember(record: KeyRecord): void {
    this.#cache.delete(record.id);
    if (record.left.length > CACHED_LEFT_BYTES) return;
    this.#cache.set(record.id, record);
    if (this.#cache.size <= LIMITS.cachedRecords) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      return;
    }
  }

  /** Infinity when there is none. */
  #nextExpiryMs(): number {
    const row = this.#db.one<{ at: number | null }>(
      "SELECT min(at) AS at FROM (SELECT min(expires_ms) AS at FROM key_record UNION ALL SELECT min(expires_ms) FROM repeat)",
    );
    return row?.at ?? Infinity;
  }

  #expiresAt(atMs: number): void {
    this.#earliestExpiryMs = Math.min(this.#earliestExpiryMs, atMs);
  }

  // ---- imports, announced records and repeats

  insertImport(nonce: Uint8Array, record: number, mask: Uint8Array): void {
    this.#db.run("INSERT INTO key_import (nonce, record, mask) VALUES (?, ?, ?)", nonce, record, mask);
  }

  import(nonce: Uint8Array): { readonly record: number; readonly mask: Uint8Array } | undefined {
    const sql = "SELECT record, mask FROM key_import WHERE nonce = ?";
    const row = this.#db.one<{ record: number; mask: ArrayBuffer }>(sql, nonce);
    return row === undefined ? undefined : { record: row.record, mask: new Uint8Array(row.mask) };
  }

  repeat(principal: string, key: string, nowMs: number): { requestDigest: string; keyIds: string[] } | undefined {
    const row = this.#db.one<{ request_digest: string; key_ids: string }>(
      "SELECT request_digest, key_ids FROM repeat WHERE principal = ? AND idempotency_key = ? AND expires_ms > ?",
      principal,
      key,
      nowMs,
    );
    return row === undefined
      ? undefined
      : { requestDigest: row.request_digest, keyIds: storedJson<string[]>(row.key_ids) };
  }

  insertRepeat(repeat: {
    principal: string;
    key: string;
    requestDigest: string;
    keyIds: readonly string[];
    expiresMs: number;
  }): void {
    this.#expiresAt(repeat.expiresMs);
    this.#db.run(
      "INSERT OR REPLACE INTO repeat (principal, idempotency_key, request_digest, key_ids, expires_ms) VALUES (?, ?, ?, ?, ?)",
      repeat.principal,
      repeat.key,
      repeat.requestDigest,
      JSON.stringify(repeat.keyIds),
      repeat.expiresMs,
    );
  }

  deleteRepeat(principal: string, key: string): void {
    this.#db.run("DELETE FROM repeat WHERE principal = ? AND idempotency_key = ?", principal, key);
  }

  deleteExpiredRepeats(nowMs: number): void {
    this.#db.run("DELETE FROM repeat WHERE expires_ms <= ?", nowMs);
  }
}

const OF_STREAM = `SELECT * FROM key_record WHERE stream = ?1 AND first_chunk <= ?3 AND first_chunk >= coalesce(
  (SELECT max(first_chunk) FROM key_record WHERE stream = ?1 AND first_chunk <= ?2), 0) ORDER BY first_chunk LIMIT ?4`;

const recipientsJson = (recipients: KeyRecord["recipients"]): string =>
  JSON.stringify(recipients.map(({ sae, node, voided }) => [sae, node, voided === true]));

function toRecord(row: RecordRow): KeyRecord {
  return {
    id: row.id,
    nonce: new Uint8Array(row.nonce),
    state: row.state as KeyRecord["state"],
    master: row.master as SaeId,
    masterNode: row.master_node as NodeId,
    recipients: storedJson<[SaeId, NodeId, boolean][]>(row.recipients).map(([sae, node, voided]) => ({
      sae,
      node,
      voided,
    })),
    keys: row.keys,
    sizeBytes: row.size_bytes,
    segments: storedJson<[number, number, number][]>(row.segments).map(([unit, offset, length]) => ({
      unit,
      offset,
      length,
    })),
    left: new Uint8Array(row.left),
    imported: row.imported === 1,
    policyVersion: row.policy_version,
    expiresMs: row.expires_ms,
    holdUntilMs: row.hold_until_ms,
    announced: row.announced,
    chunks:
      row.stream === null ? null : { instance: row.stream, first: row.first_chunk ?? 0, madeMs: row.made_ms ?? 0 },
    hop: row.hop === null ? null : toHop(row.hop),
  };
}

function toHop(text: string): HopOf {
  const [relay, pair, shard] = storedJson<[RelayId, PairName, number]>(text);
  return { relay, pair, shard };
}
