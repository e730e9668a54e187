/**
 * Chunks that an end has been handed and may still give back, in memory only: after a while, or a restart, they are as
 * good as had. Until then their bytes are not erased.
 */
import type { EndNumber } from "../../shared/keypool/stream-ends.ts";

/** Of one hand-over. */
export interface Hold {
  readonly instance: number;
  readonly end: EndNumber;
  indices: readonly number[];
  readonly untilMs: number;
}

export class Holds {
  readonly #maxHolds: number;
  /** In order of `untilMs`: all are for equally long. */
  readonly #all = new Set<Hold>();
  readonly #byInstance = new Map<number, Set<Hold>>();

  constructor(maxHolds: number) {
    this.#maxHolds = maxHolds;
  }

  /** When the first of them is over; Infinity: there is none. */
  get earliestMs(): number {
    for (const { untilMs } of this.#all) return untilMs;
    return Infinity;
  }

  /** Where there are too many, the oldest is over. */
  add(hold: Hold): void {
    this.#all.add(hold);
    const ofInstance = this.#byInstance.get(hold.instance);
    if (ofInstance === undefined) this.#byInstance.set(hold.instance, new Set([hold]));
    else ofInstance.add(hold);
    if (this.#all.size <= this.#maxHolds) return;
    for (const oldest of this.#all) {
      this.remove(oldest);
      return;
    }
  }

  remove(hold: Hold): void {
    this.#all.delete(hold);
    const ofInstance = this.#byInstance.get(hold.instance);
    ofInstance?.delete(hold);
    if (ofInstance?.size === 0) this.#byInstance.delete(hold.instance);
  }

  /** The end asked for these again, so it has let go of them: they are not to be given back. */
  letGo(instance: number, end: EndNumber, indices: ReadonlySet<number>): void {
    for (const hold of this.#byInstance.get(instance) ?? []) {
      if (hold.end === end) hold.indices = hold.indices.filter((index) => !indices.has(index));
    }
  }

  /** Until when somebody may give back one of these chunks; 0: nobody. */
  untilMs(instance: number, first: number, count: number): number {
    let untilMs = 0;
    for (const hold of this.#byInstance.get(instance) ?? []) {
      if (hold.untilMs > untilMs && hold.indices.some((index) => index >= first && index < first + count)) {
        untilMs = hold.untilMs;
      }
    }
    return untilMs;
  }

  ofEnd(instance: number, end: EndNumber): Hold[] {
    return [...(this.#byInstance.get(instance) ?? [])].filter((hold) => hold.end === end);
  }

  /** Those that are over, the oldest first. */
  over(nowMs: number, limit: number): Hold[] {
    const over: Hold[] = [];
    for (const hold of this.#all) {
      if (hold.untilMs > nowMs || over.length === limit) break;
      over.push(hold);
    }
    return over;
  }
}
