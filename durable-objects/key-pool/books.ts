/**
 * What one commit changes, kept in memory while its works run and written once at its end: the totals row, each touched
 * unit, one audit row. After a rollback everything is read afresh.
 */
import type { AuditEvent } from "../../shared/audit/event.ts";
import { enterBits, moveBits } from "../../shared/keypool/ledger.ts";
import type { Flow, FlowMeter } from "../../shared/keypool/rates.ts";
import { type Segment, slicesOf } from "../../shared/keypool/segments.ts";
import type { BitState } from "../../shared/keypool/types.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import { markFreed } from "./freed.ts";
import type { Material } from "./material.ts";
import type { RecordStore } from "./record-store.ts";
import type { KeyRecord, NewUnit, Totals, UnitRow } from "./rows.ts";
import type { PoolStore } from "./store.ts";
import type { Supply } from "./supply.ts";
import type { UnitStore } from "./unit-store.ts";
import type { Usages } from "./usage.ts";
import type { Vault } from "../storage/vault.ts";

type Touched = { -readonly [K in keyof UnitRow]: UnitRow[K] };

/** What the books are kept of. */
export interface BooksParts {
  readonly store: PoolStore;
  readonly units: UnitStore;
  readonly records: RecordStore;
  readonly supply: Supply;
  readonly material: Material;
  readonly vault: Vault;
  readonly usages: Usages;
  readonly flow: FlowMeter;
  readonly outbox: AuditOutbox;
  /** After a commit: so many bytes were allocated. */
  readonly allocated?: (bytes: number) => void;
  /** Policy `audit_overflow`: are events that do not fit into the outbox dropped? */
  readonly dropsEvents: () => boolean;
}

export class Books {
  readonly #parts: BooksParts;
  #totals: Totals;
  #totalsTouched = false;
  readonly #touched = new Map<number, Touched>();
  #deleted: number[] = [];
  #freed: Segment[] = [];
  #events: AuditEvent[] = [];
  #flow: Flow = NO_FLOW;
  #allocatedBytes = 0;
  /** The supply may hold units that are its no longer, or lack some: it is to start again from the table. */
  #supplyStale = false;

  constructor(parts: BooksParts) {
    this.#parts = parts;
    this.#totals = parts.store.totals();
  }

  get totals(): Totals {
    return this.#totals;
  }

  count(changes: Partial<Omit<Totals, "ledger">>): void {
    this.#totals = { ...this.#totals, ...changes };
    this.#totalsTouched = true;
  }

  /** Bits that enter as a block. */
  enter(to: BitState, bits: number): void {
    this.count({ ingested: this.#totals.ingested + bits });
    this.#totals = { ...this.#totals, ledger: enterBits(this.#totals.ledger, to, bits) };
    if (to === "available") this.#flows(bits, 0);
  }

  /** Bits that come from (positive) or go to (negative) a sibling shard. */
  transfer(state: BitState, bits: number): void {
    this.count({ transferred: this.#totals.transferred + bits });
    this.#totals = { ...this.#totals, ledger: enterBits(this.#totals.ledger, state, bits) };
    // Between shards nothing is gained or used: what was set aside for a sibling counts as used until it goes there.
    if (bits < 0) this.#flows(0, bits);
  }

  move(from: BitState, to: BitState, bits: number): void {
    this.#totals = { ...this.#totals, ledger: moveBits(this.#totals.ledger, from, to, bits) };
    this.#totalsTouched = true;
    if (to === "available") this.#flows(bits, 0);
    if (from === "available") this.#flows(0, bits);
  }

  /** Of what is allocated ahead of its use (then negative), and used later. */
  used(bits: number): void {
    this.#flows(0, bits);
  }

  #flows(inBits: number, outBits: number): void {
    this.#flow = { inBits: this.#flow.inBits + inBits, outBits: this.#flow.outBits + outBits };
  }

  audit(event: AuditEvent): void {
    this.#events.push(event);
  }

  // ---- units

  nextUnit(): number {
    const id = this.#totals.nextUnit;
    this.count({ nextUnit: id + 1 });
    return id;
  }

  /** The epoch may have changed since the bytes were sealed: none comes in under an older one's key. */
  insertUnit(unit: NewUnit): void {
    this.#parts.units.insert({ ...unit, data: this.#parts.vault.current(unit.data) });
    this.#parts.supply.added();
  }

  /** The units of a block that waited for its twin are there to be allocated from; the caller moves its bits. */
  admitUnits(block: number): void {
    for (const { id } of this.#parts.units.unmatched(block)) this.#parts.units.admit(id, this.nextUnit());
    this.#parts.supply.added();
  }

  /** Are so many bytes there to be allocated? */
  has(bytes: number): boolean {
    if (this.#supplyStale) this.#restock();
    return this.#parts.supply.has(bytes);
  }

  /** Bytes left in the unit that is allocated from next. */
  frontBytes(): number {
    if (this.#supplyStale) this.#restock();
    return this.#parts.supply.frontBytes();
  }

  /**
   * Takes `bytes` off the supply: `available` bits become `to`. Null where there is too little.
   * @param withinHops only of key that came over so many links at most; costs a look at the table
   */
  allocate(bytes: number, to: BitState, nowMs: number, withinHops?: number): Segment[] | null {
    if (this.#supplyStale) this.#restock();
    const segments = withinHops === undefined ? this.#parts.supply.take(bytes) : this.#takeWithin(withinHops, bytes);
    if (segments === null) return null;
    this.#allocatedBytes += bytes;
    for (const segment of segments) this.#advance(this.#touch(segment.unit), segment, nowMs);
    this.move("available", to, bytes * 8);
    return segments;
  }

  #takeWithin(hops: number, bytes: number): Segment[] | null {
    this.#restock();
    const segments = this.#parts.supply.takeWithin(hops, bytes);
    if (segments !== null) this.restockNext();
    return segments;
  }

  /** Takes these very bits, as the other half has allocated them from its units. What it passed over is voided. */
  allocateAt(segments: readonly Segment[], to: BitState, nowMs: number): void {
    for (const segment of segments) {
      const touched = this.#touch(segment.unit);
      const passed = { unit: segment.unit, offset: touched.cursor, length: segment.offset - touched.cursor };
      this.spend([passed]);
      this.#advance(touched, segment, nowMs);
      this.move("available", "voided", passed.length * 8);
      this.move("available", to, segment.length * 8);
    }
  }

  #advance(unit: Touched, { offset, length }: Segment, nowMs: number): void {
    unit.cursor = offset + length;
    if (unit.begunMs === 0) unit.begunMs = nowMs;
  }

  /** A record begins to point at its units. */
  reference(segments: readonly Segment[]): void {
    for (const unit of unitsOf(segments)) this.#touch(unit).refs++;
  }

  /** Bytes `[from, to)` of what the segments spell are given away for good: nobody may read them again. */
  free(segments: readonly Segment[], from: number, to: number): void {
    for (const slice of slicesOf(segments, from, to)) {
      const touched = this.#touch(slice.unit);
      touched.freed = markFreed(touched.freed, touched.length, slice);
      this.#freed.push(slice);
    }
  }

  /** The record goes, and with it the right of everybody to read what it points at. */
  endRecord(record: KeyRecord): void {
    this.#parts.records.delete(record);
    this.free(record.segments, 0, record.keys * record.sizeBytes);
    for (const unit of unitsOf(record.segments)) this.#touch(unit).refs--;
  }

  /**
   * The record goes, which has all that was left of its unit, and what of that lies beyond `usedBytes` may be allocated
   * again: nobody has it.
   */
  giveBack(record: KeyRecord, usedBytes: number): void {
    const [segment] = record.segments;
    if (segment === undefined) throw new Error("a record points at its unit");
    const unit = this.#touch(segment.unit);
    const bits = (segment.length - usedBytes) * 8;
    this.#parts.records.delete(record);
    unit.refs--;
    unit.cursor = segment.offset + usedBytes;
    unit.state = "available";
    this.move("reserved", "available", bits);
    this.#flows(-bits, 0);
    this.restockNext();
  }

  /** Spent at once (one-time pad): read here and now, or never. */
  spend(segments: readonly Segment[]): void {
    for (const segment of segments) this.free([segment], 0, segment.length);
  }

  /** The supply starts again from the table before anything more is allocated. */
  restockNext(): void {
    this.#supplyStale = true;
  }

  /** The table is told first what the running commit has taken: those bits would be given again else. */
  #restock(): void {
    for (const unit of this.#touched.values()) this.#parts.units.update(asStored(unit));
    this.#parts.supply.reset();
    this.#supplyStale = false;
  }

  /** True where the running commit has changed the unit already: the table does not know yet. */
  isTouched(unit: number): boolean {
    return this.#touched.has(unit);
  }

  /** A unit as the running commit has changed it so far, but for its owner. */
  unit(id: number): Readonly<UnitRow> | undefined {
    return this.#touched.get(id) ?? this.#parts.units.byId(id);
  }

  /** Which of a unit's bytes nobody may read again, those included that the running commit gives away. */
  freedOf(unit: number): Uint8Array | null {
    return this.unit(unit)?.freed ?? null;
  }

  /** Gives up what is left of a unit. @returns how many bytes: the caller moves them in the ledger */
  discardUnit(unit: number): number {
    const touched = this.#touch(unit);
    const { cursor: offset, length } = touched;
    this.free([{ unit, offset, length: length - offset }], 0, length - offset);
    touched.cursor = length;
    this.restockNext();
    return length - offset;
  }

  #touch(unit: number): Touched {
    let touched = this.#touched.get(unit);
    if (touched === undefined) {
      const row = this.#parts.units.byId(unit);
      if (row === undefined) throw new Error(`unit ${unit} is gone`);
      touched = { ...row };
      this.#touched.set(unit, touched);
    }
    return touched;
  }

  // ---- the commit's end

  flush(): void {
    for (const unit of this.#touched.values()) {
      if (unit.cursor === unit.length && unit.refs === 0) {
        this.#parts.units.delete(unit.id);
        this.#deleted.push(unit.id);
      } else this.#parts.units.update(asStored(unit));
    }
    this.#parts.usages.flush();
    if (this.#totalsTouched) this.#parts.store.putTotals(this.#totals);
    if (this.#events.length === 0) return;
    // Under `refuse` what was let in is recorded, though the outbox filled up meanwhile.
    const { outbox } = this.#parts;
    if (this.#parts.dropsEvents() && outbox.full()) outbox.drop(this.#events);
    else outbox.record(this.#events);
  }

  committed(): void {
    if (this.#flow !== NO_FLOW) this.#parts.flow.add(this.#flow, Date.now());
    if (this.#allocatedBytes > 0) this.#parts.allocated?.(this.#allocatedBytes);
    if (this.#supplyStale) this.#parts.supply.reset();
    else this.#parts.supply.retire();
    for (const segment of this.#freed) this.#parts.material.wipe(segment);
    for (const unit of this.#deleted) this.#parts.material.drop(unit);
    this.#clear();
  }

  rollback(): void {
    this.#parts.supply.reset();
    this.#parts.material.forget();
    this.#parts.units.forget();
    this.#parts.records.forget();
    this.#parts.usages.rollback();
    this.#totals = this.#parts.store.totals();
    this.#clear();
  }

  #clear(): void {
    this.#touched.clear();
    this.#deleted = [];
    this.#freed = [];
    this.#events = [];
    this.#flow = NO_FLOW;
    this.#allocatedBytes = 0;
    this.#totalsTouched = false;
    this.#supplyStale = false;
  }
}

const NO_FLOW: Flow = { inBits: 0, outBits: 0 };

/** A unit that is given away whole is no supply any more. */
const asStored = (unit: UnitRow): UnitRow =>
  unit.cursor === unit.length && unit.state === "available" ? { ...unit, state: "spent" } : unit;

const unitsOf = (segments: readonly Segment[]): Iterable<number> =>
  segments.length === 1 ? segments.map(({ unit }) => unit) : new Set(segments.map(({ unit }) => unit));
