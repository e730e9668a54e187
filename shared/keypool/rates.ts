/**
 * How fast a pool fills and empties: over the last two minutes, from samples of what came in and what was given out.
 * Samples are taken when something happens, so an idle pool costs nothing.
 */

/** Bits that became available, and bits that were available and are no more. */
export interface Flow {
  readonly inBits: number;
  readonly outBits: number;
}

/** Bits per second. */
export interface Rates {
  readonly refillBps: number;
  readonly consumptionBps: number;
}

interface Sample extends Flow {
  readonly atMs: number;
}

const WINDOW_MS = 120_000;
const SAMPLE_MS = 2000;

/** Holds at most WINDOW_MS / SAMPLE_MS + 1 samples. */
export class FlowMeter {
  readonly #startMs: number;
  #total: Flow = { inBits: 0, outBits: 0 };
  /** Oldest first; what had flowed before that moment. */
  readonly #samples: Sample[];

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#samples = [{ atMs: nowMs, ...this.#total }];
  }

  add({ inBits, outBits }: Flow, nowMs: number): void {
    // Before the bits are added: after a long silence they belong to what follows.
    if (nowMs - (this.#samples.at(-1)?.atMs ?? -Infinity) >= SAMPLE_MS) {
      this.#forget(nowMs);
      this.#samples.push({ atMs: nowMs, ...this.#total });
    }
    this.#total = { inBits: this.#total.inBits + inBits, outBits: this.#total.outBits + outBits };
  }

  /** All that has flowed since the start. */
  get total(): Flow {
    return this.#total;
  }

  /** Null for the first moments after the start: nothing is known yet. */
  rates(nowMs: number): Rates | null {
    const spanMs = Math.min(WINDOW_MS, nowMs - this.#startMs);
    if (spanMs < SAMPLE_MS) return null;
    this.#forget(nowMs);
    const since = this.#samples[0] ?? this.#total;
    const bps = (bits: number) => Math.round((bits * 1000) / spanMs);
    return {
      refillBps: bps(this.#total.inBits - since.inBits),
      consumptionBps: bps(this.#total.outBits - since.outBits),
    };
  }

  #forget(nowMs: number): void {
    const first = this.#samples.findIndex(({ atMs }) => atMs >= nowMs - WINDOW_MS);
    this.#samples.splice(0, first === -1 ? this.#samples.length : first);
  }
}

/** Of a pair, from its shards': those that know none (yet) are left out. Null where none knows. */
export function sumOfRates(shards: readonly (Rates | null | undefined)[]): Rates | null {
  const known = shards.filter((rates) => rates !== null && rates !== undefined);
  if (known.length === 0) return null;
  return {
    refillBps: known.reduce((sum, { refillBps }) => sum + refillBps, 0),
    consumptionBps: known.reduce((sum, { consumptionBps }) => sum + consumptionBps, 0),
  };
}

/** Whole seconds until the last bit is given out, if all goes on as it does; null where it does not empty, or nobody knows. */
export function timeToEmptySeconds(availableBits: number, rates: Rates | null): number | null {
  if (rates === null || rates.consumptionBps <= rates.refillBps) return null;
  return Math.floor(availableBits / (rates.consumptionBps - rates.refillBps));
}
