/** Who waits for numbers of a QKD stream, first come first served, and what to fetch for them. */
import { LIMITS } from "../../../../shared/limits.ts";
import { err, type Result } from "../../../../shared/result.ts";
import type { QkdNumbers } from "./numbers.ts";

/** Why there are no numbers. `over`: not of this stream any more, but perhaps of another. */
export interface NoNumbers {
  readonly kind: "over" | "failed";
  readonly reason: string;
}

export interface Want {
  /** Null: the next ones. */
  readonly from: number | null;
  readonly count: number;
  /** False: what it wants is not there yet. */
  attempt(): boolean;
  fail(why: NoNumbers): void;
}

/** What the next call to the edge is for. */
export interface Errand {
  /** Lowest first. */
  readonly wanted: readonly number[];
  readonly wants: readonly Want[];
}

export const over = (reason: string): NoNumbers => ({ kind: "over", reason });
export const failure = (reason: string): NoNumbers => ({ kind: "failed", reason });

const LATE = failure("no QKD key in time");
const BUSY = failure("too many wait for QKD key");

export class Wants {
  readonly #waiting = new Set<Want>();

  get size(): number {
    return this.#waiting.size;
  }

  /** @param get null: not yet */
  async add<T>(
    { from, count }: Pick<Want, "from" | "count">,
    get: () => Result<T, NoNumbers> | null,
    signal: AbortSignal,
    added: () => void,
  ): Promise<Result<T, NoNumbers>> {
    if (signal.aborted) return err(LATE);
    if (this.#waiting.size >= LIMITS.hybridWaiting) return err(BUSY);
    const { promise, resolve } = Promise.withResolvers<Result<T, NoNumbers>>();
    const settle = (outcome: Result<T, NoNumbers>): void => {
      this.#waiting.delete(want);
      resolve(outcome);
    };
    const want: Want = {
      from,
      count,
      attempt() {
        const outcome = get();
        if (outcome !== null) settle(outcome);
        return outcome !== null;
      },
      fail: (why) => settle(err(why)),
    };
    const abort = (): void => settle(err(LATE));
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.add(want);
    added();
    const outcome = await promise;
    signal.removeEventListener("abort", abort);
    return outcome;
  }

  /** Of those that want the next ones, none goes before one that came earlier. */
  serve(): void {
    let isHeldUp = false;
    for (const want of this.#waiting) {
      if (want.from === null && isHeldUp) continue;
      if (!want.attempt() && want.from === null) isHeldUp = true;
    }
  }

  fail(why: NoNumbers, isMeant: (want: Want) => boolean = () => true): void {
    for (const want of this.#waiting) if (isMeant(want)) want.fail(why);
  }

  /** @param most wants that are looked at: their numbers alone, where there is too little for all */
  errand(numbers: QkdNumbers, most = Number.POSITIVE_INFINITY): Errand {
    const wanted = new Set<number>();
    const wants: Want[] = [];
    // What was promised before its key could be fetched is wanted soon, and the edge makes no key far beyond what it has made.
    const start = Math.min(numbers.frontier, numbers.next);
    let end = numbers.next;
    for (const want of this.#waiting) {
      const room = LIMITS.streamChunksAtOnce - wanted.size;
      if (room === 0 || wants.length === most) break;
      if (want.from === null) end += want.count;
      const [from, until] = want.from === null ? [start, end] : [want.from, want.from + want.count];
      for (const number of numbers.toFetch(from, until, LIMITS.streamChunksAtOnce)) {
        if (wanted.size < LIMITS.streamChunksAtOnce) wanted.add(number);
      }
      wants.push(want);
    }
    return { wanted: [...wanted].sort((one, other) => one - other), wants };
  }
}
