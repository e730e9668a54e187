/** All the SQL on exchanges of KEM keys. */
import { fromBase64, toBase64 } from "../../../shared/bytes/base64.ts";
import type { ExchangeName } from "../../../shared/hybrid/edge/rpc.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { type Database, storedJson } from "../../storage/database.ts";
import type { SealedUnit } from "../../storage/vault.ts";

/**
 * `offered`: the responder has answered an offer. `agreed`: the initiator has seen that the responder has the same
 * secrets, which does not know that yet. `confirmed`: both know, and chunks are given. `over`: the end has closed, and
 * the secrets are gone; what is left keeps the exchange from being made once more.
 */
export type ExchangeState = "offered" | "agreed" | "confirmed" | "over";

/** What was told openly. */
export interface OpenParts {
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  /** Of the KEMs, by slot. */
  readonly publicKeys: readonly Uint8Array[];
  readonly ciphertexts: readonly Uint8Array[];
}

export interface ExchangeRow extends ExchangeName {
  readonly state: ExchangeState;
  readonly open: OpenParts;
  /** The KEMs' secrets, one after the other. */
  readonly secrets: SealedUnit;
  /** Null: it goes with its stream. */
  readonly endsMs: number | null;
}

type Row = {
  ksid: Ksid;
  instance: number;
  number: number;
  state: ExchangeState;
  open: string;
  epoch: number;
  wrapped_key: ArrayBuffer;
  sealed: ArrayBuffer;
  ends_ms: number | null;
};

const NO_BYTES = new Uint8Array();
const ONE = "WHERE ksid = ? AND instance = ? AND number = ?";

export class HybridStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get({ ksid, instance, number }: ExchangeName): ExchangeRow | undefined {
    const row = this.#db.one<Row>(`SELECT * FROM hybrid_exchange ${ONE}`, ksid, instance, number);
    return row === undefined ? undefined : toExchange(row);
  }

  /** Is anything kept for a stream? */
  has(ksid: Ksid): boolean {
    return this.#db.one("SELECT 1 FROM hybrid_exchange WHERE ksid = ? LIMIT 1", ksid) !== undefined;
  }

  put({ ksid, instance, number, state, open, secrets: { epoch, wrappedKey, sealed }, endsMs }: ExchangeRow): void {
    this.#db.run(
      `INSERT OR REPLACE INTO hybrid_exchange (ksid, instance, number, state, open, epoch, wrapped_key, sealed, ends_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ksid,
      instance,
      number,
      state,
      textOf(open),
      epoch,
      wrappedKey,
      sealed,
      endsMs,
    );
  }

  confirm({ ksid, instance, number }: ExchangeName): void {
    const sql = `UPDATE hybrid_exchange SET state = 'confirmed', ends_ms = NULL ${ONE} AND state IN ('offered', 'agreed')`;
    this.#db.run(sql, ksid, instance, number);
  }

  delete({ ksid, instance, number }: ExchangeName): void {
    this.#db.run(`DELETE FROM hybrid_exchange ${ONE}`, ksid, instance, number);
  }

  /** Those before this one have served their last chunk, but for some that may be fetched until then. */
  endEarlier({ ksid, instance, number }: ExchangeName, endsMs: number): void {
    const sql = `UPDATE hybrid_exchange SET ends_ms = ? WHERE ksid = ? AND instance = ? AND number < ?
      AND (ends_ms IS NULL OR ends_ms > ?)`;
    this.#db.run(sql, endsMs, ksid, instance, number, endsMs);
  }

  /** The secrets of a stream go. That they were there stays, where chunks may have been given of them. */
  wipe(ksid: Ksid, instance: number): void {
    const of = "ksid = ? AND instance = ?";
    this.#db.run(`DELETE FROM hybrid_exchange WHERE ${of} AND state IN ('offered', 'agreed')`, ksid, instance);
    const sql = `UPDATE hybrid_exchange SET state = 'over', epoch = 0, wrapped_key = x'', sealed = x'' WHERE ${of}`;
    this.#db.run(sql, ksid, instance);
  }

  /** Of a stream that is no more; or of those of this KSID before one. */
  drop(ksid: Ksid, beforeInstance = Number.MAX_SAFE_INTEGER): void {
    this.#db.run("DELETE FROM hybrid_exchange WHERE ksid = ? AND instance < ?", ksid, beforeInstance);
  }

  dropEnded(nowMs: number, limit: number): void {
    this.#db.run(
      "DELETE FROM hybrid_exchange WHERE id IN (SELECT id FROM hybrid_exchange WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?)",
      nowMs,
      limit,
    );
  }

  nextEndMs(): number | null {
    return this.#db.one<{ next: number | null }>("SELECT min(ends_ms) AS next FROM hybrid_exchange")?.next ?? null;
  }

  epochsBefore(epoch: number): readonly number[] {
    const sql = "SELECT DISTINCT epoch FROM hybrid_exchange WHERE epoch BETWEEN 1 AND ?";
    return this.#db.all<{ epoch: number }>(sql, epoch - 1).map(({ epoch: older }) => older);
  }

  /** Its secrets cannot be read any more. Chunks may have been given of them: no others are agreed on. */
  lose({ ksid, instance, number }: ExchangeName): void {
    const sql = `UPDATE hybrid_exchange SET state = 'over', epoch = 0, wrapped_key = x'', sealed = x'' ${ONE}`;
    this.#db.run(sql, ksid, instance, number);
  }

  /** Sealed in older epochs than this one. */
  sealedBefore(epoch: number, limit: number): ExchangeRow[] {
    const sql = "SELECT * FROM hybrid_exchange WHERE epoch BETWEEN 1 AND ? LIMIT ?";
    return this.#db.all<Row>(sql, epoch - 1, limit).map(toExchange);
  }
}

const textOf = ({ initiatorNonce, responderNonce, publicKeys, ciphertexts }: OpenParts): string =>
  JSON.stringify([[initiatorNonce, responderNonce], publicKeys, ciphertexts].map((part) => part.map(toBase64)));

function partsOf(text: string): OpenParts {
  const [nonces = [], publicKeys = [], ciphertexts = []] = storedJson<string[][]>(text).map((part) =>
    part.map((each) => fromBase64(each) ?? NO_BYTES),
  );
  const [initiatorNonce = NO_BYTES, responderNonce = NO_BYTES] = nonces;
  return { initiatorNonce, responderNonce, publicKeys, ciphertexts };
}

const toExchange = (row: Row): ExchangeRow => ({
  ksid: row.ksid,
  instance: row.instance,
  number: row.number,
  state: row.state,
  open: partsOf(row.open),
  secrets: { epoch: row.epoch, wrappedKey: new Uint8Array(row.wrapped_key), sealed: new Uint8Array(row.sealed) },
  endsMs: row.ends_ms,
});
