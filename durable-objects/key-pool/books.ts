/**
 * What one commit changes, kept in memory while its works run and written once at its end: the totals row, each touched
 * unit, one audit row. After a rollback everything is read afresh.
 */
import type { AuditEvent } from "../../shared/audit/event.ts";
import { enterBits, moveBits } from "../../shared/keypool/ledger.ts";
import type { Segment } from "../../shared/keypool/segments.ts";
import type { BitState } from "../../shared/keypool/types.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import type { NewUnit, Totals, UnitRow, UnitState } from "./rows.ts";
import type { PoolStore } from "./store.ts";
import type { Supply } from "./supply.ts";
import type { UnitCache } from "./unit-cache.ts";

type Touched = { -readonly [K in keyof UnitRow]: UnitRow[K] };

export class Books {
  readonly #store: PoolStore;
  readonly #supply: Supply;
  readonly #cache: UnitCache;
  readonly #outbox: AuditOutbox;
  readonly #dropsEvents: () => boolean;
  #totals: Totals;
  #totalsTouched = false;
  readonly #touched = new Map<number, Touched>();
  #deleted: number[] = [];
  #events: AuditEvent[] = [];

  /** @param dropsEvents policy `audit_overflow`: are events that do not fit into the outbox dropped? */
  constructor(store: PoolStore, supply: Supply, cache: UnitCache, outbox: AuditOutbox, dropsEvents: () => boolean) {
    this.#dropsEvents = dropsEvents;
    this.#store = store;
    this.#supply = supply;
    this.#cache = cache;
    this.#outbox = outbox;
    this.#totals = store.totals();
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
  }

  /** Bits that come from (positive) or go to (negative) a sibling shard. */
  transfer(state: BitState, bits: number): void {
    this.count({ transferred: this.#totals.transferred + bits });
    this.#totals = { ...this.#totals, ledger: enterBits(this.#totals.ledger, state, bits) };
  }

  move(from: BitState, to: BitState, bits: number): void {
    this.#totals = { ...this.#totals, ledger: moveBits(this.#totals.ledger, from, to, bits) };
    this.#totalsTouched = true;
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

  insertUnit(unit: NewUnit): void {
    this.#store.insertUnit(unit);
    this.#supply.added();
  }

  /** Takes `bytes` off the supply: `available` bits become `to`. Null where too little is open. */
  allocate(bytes: number, to: BitState): Segment[] | null {
    const segments = this.#supply.take(bytes);
    if (segments === null) return null;
    for (const { unit, offset, length } of segments) this.#touch(unit).cursor = offset + length;
    this.move("available", to, bytes * 8);
    return segments;
  }

  /** A record begins to point at its units. */
  reference(segments: readonly Segment[]): void {
    for (const unit of unitsOf(segments)) this.#touch(unit).refs++;
  }

  /** A record is done with its units. */
  release(segments: readonly Segment[]): void {
    for (const unit of unitsOf(segments)) this.#touch(unit).refs--;
  }

  setUnitState(unit: number, state: UnitState): void {
    this.#touch(unit).state = state;
    // The supply may be past it already: it starts again from the table.
    if (state === "available") this.#supply.reset();
  }

  /** True where the running commit has changed the unit already: the table does not know yet. */
  isTouched(unit: number): boolean {
    return this.#touched.has(unit);
  }

  /** Gives up what is left of a unit. @returns how many bytes: the caller moves them in the ledger */
  discardUnit(unit: number): number {
    const touched = this.#touch(unit);
    const bytes = touched.length - touched.cursor;
    touched.cursor = touched.length;
    return bytes;
  }

  #touch(unit: number): Touched {
    let touched = this.#touched.get(unit);
    if (touched === undefined) {
      const row = this.#store.unit(unit);
      if (row === undefined) throw new Error(`unit ${unit} is gone`);
      touched = { ...row };
      this.#touched.set(unit, touched);
    }
    return touched;
  }

  // ---- the commit's end

  flush(): void {
    for (const unit of this.#touched.values()) {
      const givenAway = unit.cursor === unit.length;
      if (givenAway && unit.refs === 0) {
        this.#store.deleteUnit(unit.id);
        this.#deleted.push(unit.id);
      } else {
        const state = givenAway && unit.state === "available" ? "spent" : unit.state;
        this.#store.updateUnit(unit.id, unit.cursor, unit.refs, state);
      }
    }
    if (this.#totalsTouched) this.#store.putTotals(this.#totals);
    if (this.#events.length === 0) return;
    // Under `refuse` what was let in is recorded, though the outbox filled up meanwhile.
    if (this.#dropsEvents() && this.#outbox.full()) this.#outbox.drop(this.#events);
    else this.#outbox.record(this.#events);
  }

  committed(): void {
    this.#supply.retire();
    for (const unit of this.#deleted) this.#cache.drop(unit);
    this.#clear();
  }

  rollback(): void {
    this.#supply.reset();
    this.#totals = this.#store.totals();
    this.#clear();
  }

  #clear(): void {
    this.#touched.clear();
    this.#deleted = [];
    this.#events = [];
    this.#totalsTouched = false;
  }
}

const unitsOf = (segments: readonly Segment[]): Set<number> => new Set(segments.map(({ unit }) => unit));
