/**
 * How fast key comes in and goes out, by the ledgers of two moments. Pools measure it too, but those that sleep between
 * two samples have forgotten.
 */
import type { Rates } from "../keypool/rates.ts";
import type { Ledger } from "../keypool/types.ts";
import { LIMITS } from "../limits.ts";

/** Bits, at a moment. */
export interface Stock {
  readonly atMs: number;
  /** To be given out. */
  readonly available: number;
  /** Given out, to whomever. */
  readonly spent: number;
}

export const stockOf = (ledger: Ledger, atMs: number): Stock => ({
  atMs,
  available: ledger.available,
  spent: ledger.reserved + ledger.pending + ledger.delivered + ledger.pad + ledger.tag,
});

/** Since an arbitrary moment: all that came in, and all that went out. */
interface Flowed {
  readonly atMs: number;
  readonly inBits: number;
  readonly outBits: number;
}

/** Of one link or pair. */
export class StockMeter {
  #last: Stock;
  /** The oldest first; the first is the newest that is `LIMITS.monitorRateMs` old, where there is one. */
  readonly #flowed: Flowed[];

  constructor(first: Stock) {
    this.#last = first;
    this.#flowed = [{ atMs: first.atMs, inBits: 0, outBits: 0 }];
  }

  /** To be kept, so that another meter goes on from there. */
  get last(): Stock {
    return this.#last;
  }

  see(stock: Stock): void {
    const before = this.#flowed.at(-1);
    if (before === undefined || stock.atMs <= before.atMs) return;
    // Key that is taken back, or expires before it was fetched, is no flow.
    const outBits = Math.max(0, stock.spent - this.#last.spent);
    const inBits = Math.max(0, stock.available - this.#last.available + outBits);
    this.#flowed.push({ atMs: stock.atMs, inBits: before.inBits + inBits, outBits: before.outBits + outBits });
    this.#last = stock;
    while ((this.#flowed[1]?.atMs ?? Infinity) <= stock.atMs - LIMITS.monitorRateMs) this.#flowed.shift();
  }

  /** Null before there are two samples. */
  rates(): Rates | null {
    const [first, last] = [this.#flowed[0], this.#flowed.at(-1)];
    if (first === undefined || last === undefined || last.atMs === first.atMs) return null;
    const bps = (bits: number): number => Math.round((bits * 1000) / (last.atMs - first.atMs));
    return { refillBps: bps(last.inBits - first.inBits), consumptionBps: bps(last.outBits - first.outBits) };
  }
}

/** Of all links and pairs, by `link:ID` or `pair:ID`. */
export class StockMeters {
  readonly #meters = new Map<string, StockMeter>();

  /** As they were before the object slept. */
  restore(stocks: Readonly<Record<string, Stock>>): void {
    for (const [id, stock] of Object.entries(stocks)) this.#meters.set(id, new StockMeter(stock));
  }

  stocks(): Readonly<Record<string, Stock>> {
    return Object.fromEntries([...this.#meters].map(([id, meter]) => [id, meter.last]));
  }

  /** Those of one moment: of which there are none any more are forgotten, but for those of whom nothing was heard. */
  see(stocks: ReadonlyMap<string, Stock>, isThere: (id: string) => boolean): void {
    for (const [id, stock] of stocks) {
      const meter = this.#meters.get(id);
      if (meter === undefined) this.#meters.set(id, new StockMeter(stock));
      else meter.see(stock);
    }
    for (const id of this.#meters.keys()) if (!isThere(id)) this.#meters.delete(id);
  }

  rates(id: string): Rates | null {
    return this.#meters.get(id)?.rates() ?? null;
  }
}
