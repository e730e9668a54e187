/**
 * Max_bps of what is made for streams: the ends keep to it in what they give, and here what either of them makes the
 * other pay for is kept to it too, such as the chunks that were on the way to an index far ahead. In memory: a pool that
 * starts anew gives each stream its burst once more.
 */
import { putBits, type RateBucket, type RateLimit, rateLimit, takeBits, thereBits } from "../../shared/etsi004/rate.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { StreamRow } from "./stream-store.ts";

type Rated = Pick<StreamRow, "instance" | "qos">;

export class StreamRates {
  readonly #most: number;
  /** Of instances, those used last at the end; one that is missing is full. */
  readonly #buckets = new Map<number, RateBucket>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns false where it has to be waited off: nothing is taken */
  take({ instance, qos }: Rated, chunks: number, nowMs: number): boolean {
    const limit = limitOf(qos);
    if (limit === null) return true;
    const { bucket, waitMs } = takeBits(this.#bucket(instance), limit, chunks * qos.chunkBytes * 8, nowMs);
    this.#put(instance, bucket);
    return waitMs === 0;
  }

  /** Puts back what was taken for chunks that were not made. */
  putBack({ instance, qos }: Rated, chunks: number): void {
    const bucket = this.#bucket(instance);
    if (bucket !== null) this.#put(instance, putBits(bucket, chunks * qos.chunkBytes * 8));
  }

  /** How many chunks may be made beyond `must` without any to be waited off. */
  aheadOf({ instance, qos }: Rated, must: number, nowMs: number): number {
    const limit = limitOf(qos);
    if (limit === null) return Infinity;
    const chunks = Math.floor(thereBits(this.#bucket(instance), limit, nowMs) / (qos.chunkBytes * 8));
    return Math.max(0, chunks - must);
  }

  #bucket(instance: number): RateBucket | null {
    return this.#buckets.get(instance) ?? null;
  }

  #put(instance: number, bucket: RateBucket): void {
    this.#buckets.delete(instance);
    if (this.#buckets.size >= this.#most)
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    this.#buckets.set(instance, bucket);
  }
}

/** The ends' own burst, and what they may read ahead besides. */
function limitOf({ maxBps, chunkBytes }: Rated["qos"]): RateLimit | null {
  const limit = rateLimit(maxBps, chunkBytes);
  if (limit === null) return null;
  return { ...limit, burstBits: limit.burstBits + LIMITS.streamReadAhead * chunkBytes * 8 };
}
