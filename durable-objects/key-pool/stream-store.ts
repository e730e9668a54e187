/** All of the pool's SQL on key streams, one row each; those in use are kept in memory. */
import type { Qos } from "../../shared/etsi004/qos.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { HybridTerms } from "../../shared/hybrid/edge/terms.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { isRunning, type Side } from "../../shared/keypool/stream-ends.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** One end of a stream. */
export interface StreamSide extends Side {
  /** Below, there is nothing for it any more. May be too low: it is written down with what else changes. */
  readonly low: number;
}

export interface StreamRow {
  readonly instance: number;
  /** Null: it is over, and what is left of it is being voided. */
  readonly ksid: Ksid | null;
  readonly qos: Qos;
  /** Null: a plain one. */
  readonly hybrid: HybridTerms | null;
  /** First the one that opened it. */
  readonly ends: readonly [StreamSide, StreamSide];
  readonly nextIndex: number;
  /** When it was used last, but for a minute. */
  readonly usedMs: number;
  readonly endsMs: number;
}

/** Of the streams that are not over. */
export interface StreamTotals {
  readonly streams: number;
  /** Of those whose ends are both open, or one open and the other awaited. */
  readonly reservedBps: number;
  readonly bySae: ReadonlyMap<SaeId, number>;
}

type Row = {
  instance: number;
  ksid: string | null;
  qos: string;
  hybrid: string | null;
  sae_0: string;
  node_0: string;
  state_0: string;
  sae_1: string | null;
  node_1: string;
  state_1: string;
  next_index: number;
  low_0: number;
  low_1: number;
  used_ms: number;
  ends_ms: number;
};

const PUT = `INSERT INTO stream (instance, ksid, qos, hybrid, sae_0, node_0, state_0, sae_1, node_1, state_1, next_index,
    low_0, low_1, used_ms, ends_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (instance) DO UPDATE SET ksid = excluded.ksid, state_0 = excluded.state_0, sae_1 = excluded.sae_1,
    state_1 = excluded.state_1, next_index = excluded.next_index, low_0 = excluded.low_0, low_1 = excluded.low_1,
    used_ms = excluded.used_ms, ends_ms = excluded.ends_ms`;
const PROGRESS = "UPDATE stream SET next_index = ?, low_0 = ?, low_1 = ? WHERE instance = ?";

export class StreamStore {
  readonly #db: Database;
  /** Oldest first; what the table says, and where later, how far the ends have come. */
  readonly #cache = new Map<Ksid, StreamRow>();
  /** Counted when first asked for. */
  #totals: Totals | undefined;
  /** No stream ends before this; kept without a query, so it may be early. */
  #earliestEndMs: number;

  constructor(db: Database) {
    this.#db = db;
    this.#earliestEndMs = this.#nextEndMs();
  }

  get earliestEndMs(): number {
    return this.#earliestEndMs;
  }

  recountEnds(): void {
    this.#earliestEndMs = this.#nextEndMs();
  }

  get totals(): StreamTotals {
    this.#totals ??= this.#count();
    return this.#totals;
  }

  /** After a rollback: the table is the truth. */
  forget(): void {
    this.#cache.clear();
    this.#totals = undefined;
  }

  byKsid(ksid: Ksid): StreamRow | undefined {
    const known = this.#cache.get(ksid);
    if (known !== undefined) return known;
    const row = this.#db.one<Row>("SELECT * FROM stream WHERE ksid = ?", ksid);
    if (row === undefined) return undefined;
    const stream = toStream(row);
    this.remember(stream);
    return stream;
  }

  byInstance(instance: number): StreamRow | undefined {
    const row = this.#db.one<Row>("SELECT * FROM stream WHERE instance = ?", instance);
    return row === undefined ? undefined : this.#asKnown(row);
  }

  insert(stream: StreamRow): void {
    this.#put(undefined, stream);
  }

  update(before: StreamRow, after: StreamRow): void {
    this.#put(before, after);
  }

  /** Chunks were made, and fetched. */
  progress(stream: StreamRow): void {
    const [{ low: low0 }, { low: low1 }] = stream.ends;
    this.#db.run(PROGRESS, stream.nextIndex, low0, low1, stream.instance);
    this.remember(stream);
  }

  delete(stream: StreamRow): void {
    this.#account(stream, -1);
    this.#db.run("DELETE FROM stream WHERE instance = ?", stream.instance);
    if (stream.ksid !== null) this.#cache.delete(stream.ksid);
  }

  /** In memory only: what is not written down is found out again. */
  remember(stream: StreamRow): void {
    if (stream.ksid === null) return;
    this.#cache.delete(stream.ksid);
    this.#cache.set(stream.ksid, stream);
    if (this.#cache.size <= LIMITS.cachedStreams) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      return;
    }
  }

  ended(nowMs: number, limit: number): StreamRow[] {
    const sql = "SELECT * FROM stream WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?";
    return this.#db.all<Row>(sql, nowMs, limit).map((row) => this.#asKnown(row));
  }

  /** Streams of an SAE, at one node or any, or (null) of everybody; those not over. */
  ofSae(sae: SaeId | null, node: NodeId | undefined, limit: number): StreamRow[] {
    const rows =
      sae === null
        ? this.#db.all<Row>("SELECT * FROM stream WHERE ksid IS NOT NULL LIMIT ?", limit)
        : this.#db.all<Row>(
            `SELECT * FROM stream WHERE ksid IS NOT NULL AND (sae_0 = ?1 AND node_0 = coalesce(?2, node_0)
               OR sae_1 = ?1 AND node_1 = coalesce(?2, node_1)) LIMIT ?3`,
            sae,
            node ?? null,
            limit,
          );
    return rows.map((row) => this.#asKnown(row));
  }

  #asKnown(row: Row): StreamRow {
    return this.#cache.get(row.ksid as Ksid) ?? toStream(row);
  }

  #put(before: StreamRow | undefined, stream: StreamRow): void {
    if (before !== undefined) this.#account(before, -1);
    this.#account(stream, 1);
    this.#earliestEndMs = Math.min(this.#earliestEndMs, stream.endsMs);
    const { instance, ksid, hybrid, ends, nextIndex, usedMs, endsMs } = stream;
    const terms = hybrid === null ? null : JSON.stringify(hybrid);
    const sides = ends.flatMap(({ sae, node, state }) => [sae, node, state]);
    const lows = ends.map(({ low }) => low);
    const qos = JSON.stringify(stream.qos);
    this.#db.run(PUT, instance, ksid, qos, terms, ...sides, nextIndex, ...lows, usedMs, endsMs);
    if (ksid === null && before !== undefined && before.ksid !== null) this.#cache.delete(before.ksid);
    this.remember(stream);
  }

  // ---- totals

  #count(): Totals {
    const totals = new Totals();
    const sql = `SELECT sae_0, sae_1, state_0, state_1, count(*) AS streams, sum(qos ->> 'minBps') AS bps FROM stream
      WHERE ksid IS NOT NULL GROUP BY sae_0, sae_1, state_0, state_1`;
    type Group = Pick<Row, "sae_0" | "sae_1" | "state_0" | "state_1"> & { streams: number; bps: number };
    for (const { streams, bps, ...row } of this.#db.all<Group>(sql)) {
      totals.add(sidesOf({ ...row, node_0: "", node_1: "" }), streams, bps);
    }
    return totals;
  }

  /** @param sign +1: it is in the table from now on, -1: no more */
  #account({ ksid, ends, qos }: StreamRow, sign: 1 | -1): void {
    if (ksid !== null) this.#totals?.add(ends, sign, sign * qos.minBps);
  }

  /** Infinity when there is none. */
  #nextEndMs(): number {
    return this.#db.one<{ at: number | null }>("SELECT min(ends_ms) AS at FROM stream")?.at ?? Infinity;
  }
}

class Totals implements StreamTotals {
  streams = 0;
  reservedBps = 0;
  readonly bySae = new Map<SaeId, number>();

  add(ends: readonly [Side, Side], streams: number, bps: number): void {
    this.streams += streams;
    if (isRunning(ends)) this.reservedBps += bps;
    for (const { sae, state } of ends) {
      if (sae === null || state === "absent") continue;
      const count = (this.bySae.get(sae) ?? 0) + streams;
      if (count > 0) this.bySae.set(sae, count);
      else this.bySae.delete(sae);
    }
  }
}

type SideColumns = Pick<Row, "sae_0" | "node_0" | "state_0" | "sae_1" | "node_1" | "state_1">;

const sidesOf = (row: SideColumns): [Side, Side] => [
  { sae: row.sae_0 as SaeId, node: row.node_0 as NodeId, state: row.state_0 as Side["state"] },
  { sae: row.sae_1 as SaeId | null, node: row.node_1 as NodeId, state: row.state_1 as Side["state"] },
];

function toStream(row: Row): StreamRow {
  const [first, second] = sidesOf(row);
  return {
    instance: row.instance,
    ksid: row.ksid as Ksid | null,
    qos: storedJson<Qos>(row.qos),
    hybrid: row.hybrid === null ? null : storedJson<HybridTerms>(row.hybrid),
    ends: [
      { ...first, low: row.low_0 },
      { ...second, low: row.low_1 },
    ],
    nextIndex: row.next_index,
    usedMs: row.used_ms,
    endsMs: row.ends_ms,
  };
}
