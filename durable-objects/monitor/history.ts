/** The rings of figures, and all of their SQL. Written once a step: the first sample in it counts. */
import type { MonitorHistory, MonitorView } from "../../shared/api/monitor-schemas.ts";
import type { HistoryCall } from "../../shared/monitor/rpc.ts";
import type { Stock } from "../../shared/monitor/rates.ts";
import {
  byPart,
  type FiguresByEntity,
  figuresOf,
  partOf,
  type Ring,
  ringFor,
  RINGS,
  slotOf,
  spanMs,
  stepAt,
} from "../../shared/monitor/rings.ts";
import { type Database, storedJson } from "../storage/database.ts";

type Stocks = Readonly<Record<string, Stock>>;

export class History {
  readonly #db: Database;
  /** The step of each ring that was written last, in this life of the object. */
  readonly #written = new Map<Ring, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** @param stocks of this moment, from which rates go on once the object has slept */
  keep(view: MonitorView, stocks: () => Stocks, nowMs: number): void {
    const due = RINGS.filter((ring) => this.#written.get(ring) !== stepAt(ring, nowMs));
    if (due.length === 0) return;
    const parts = byPart(figuresOf(view));
    this.#db.transaction(() => {
      for (const ring of due) this.#write(ring, stepAt(ring, nowMs), parts);
      this.#writeStocks(stocks());
    });
    for (const ring of due) this.#written.set(ring, stepAt(ring, nowMs));
  }

  read({ of, figure, sinceMs }: HistoryCall, nowMs: number): MonitorHistory {
    const ring = ringFor(sinceMs ?? nowMs - spanMs(RINGS[0] as Ring), nowMs);
    const fromMs = Math.max(sinceMs ?? 0, nowMs - spanMs(ring));
    const rows = this.#db.all<{ at_s: number; figures: string }>(
      "SELECT at_s, figures FROM step WHERE step_s = ? AND part = ? AND at_s >= ? ORDER BY at_s LIMIT ?",
      ring.stepSeconds,
      partOf(of),
      stepAt(ring, fromMs),
      ring.steps,
    );
    const points = rows.flatMap(({ at_s: at, figures }): [number, number | null][] => {
      const value = storedJson<FiguresByEntity>(figures)[of]?.[figure];
      return value === undefined ? [] : [[at, value]];
    });
    return { of, figure, step_s: ring.stepSeconds, points };
  }

  stocks(): Stocks {
    const rows = this.#db.all<{ stocks: string }>("SELECT stocks FROM stock");
    return Object.assign({}, ...rows.map(({ stocks }) => storedJson<Stocks>(stocks))) as Stocks;
  }

  #write(ring: Ring, stepS: number, parts: ReadonlyMap<number, FiguresByEntity>): void {
    for (const [part, figures] of parts) {
      this.#db.run(
        "INSERT OR REPLACE INTO step (step_s, slot, part, at_s, figures) VALUES (?, ?, ?, ?, ?)",
        ring.stepSeconds,
        slotOf(ring, stepS),
        part,
        stepS,
        JSON.stringify(figures),
      );
    }
  }

  #writeStocks(stocks: Stocks): void {
    this.#db.run("DELETE FROM stock");
    const parts = Map.groupBy(Object.entries(stocks), ([of]) => partOf(of));
    for (const [part, entries] of parts) {
      const text = JSON.stringify(Object.fromEntries(entries));
      this.#db.run("INSERT INTO stock (part, stocks) VALUES (?, ?)", part, text);
    }
  }
}
