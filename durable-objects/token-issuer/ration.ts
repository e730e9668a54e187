/** So much of something, of all that ask for it. */
import { fullBucket, takeToken, type TokenBucket } from "../../shared/keypool/token-bucket.ts";

export interface Rate {
  readonly ratePerS: number;
  readonly burst: number;
}

export class Ration {
  readonly #rate: Rate;
  #bucket: TokenBucket;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#bucket = fullBucket(rate.burst, nowMs);
  }

  /** Is there something left? */
  has(nowMs: number): boolean {
    return takeToken(this.#bucket, this.#rate, nowMs).waitMs === 0;
  }

  /** @returns how long to wait, in milliseconds; 0: not, and it is taken */
  take(nowMs: number): number {
    const { bucket, waitMs } = takeToken(this.#bucket, this.#rate, nowMs);
    this.#bucket = bucket;
    return waitMs;
  }
}

/** As much for each. Whoever has not asked for longest makes room, whose ration is whole again by then. */
export class Rations {
  readonly #rate: Rate;
  readonly #most: number;
  readonly #rations = new Map<string, Ration>();

  constructor(rate: Rate, most: number) {
    this.#rate = rate;
    this.#most = most;
  }

  /** As of a `Ration`. */
  take(name: string, nowMs: number): number {
    const ration = this.#rations.get(name) ?? new Ration(this.#rate, nowMs);
    this.#rations.delete(name);
    const oldest = this.#rations.size >= this.#most ? this.#rations.keys().next().value : undefined;
    if (oldest !== undefined) this.#rations.delete(oldest);
    this.#rations.set(name, ration);
    return ration.take(nowMs);
  }
}
