/**
 * Chunks of one end of a session: being made, made and not fetched yet, or fetched a moment ago and kept for one who did
 * not get the answer. What is dropped is wiped, and never made again: an index is one key.
 */
import { LIMITS } from "../../../../shared/limits.ts";
import { ok, type Result } from "../../../../shared/result.ts";
import { failed, type HybridFailure } from "../failure.ts";

export interface MadeChunk {
  readonly key: Uint8Array;
  /** JSON: what was mixed, and how. */
  readonly metadata: string;
  /** What this end has shown, or will show, the other; null where the method has no confirmation keys. */
  readonly tag: Uint8Array | null;
}

interface Held {
  readonly chunk: MadeChunk;
  /** Null: not fetched yet. */
  fetchedMs: number | null;
}

export class HeldChunks {
  readonly #held = new Map<number, Held>();
  readonly #waiting = new Map<number, Set<(outcome: HybridFailure | null) => void>>();
  readonly #nowMs: () => number;
  /** Indices that were made, and are not held any more. */
  readonly #gone = new IndexSet();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Was it made here, whether or not it is still held? */
  wasMade(index: number): boolean {
    return this.#held.has(index) || this.#gone.has(index);
  }

  get(index: number): MadeChunk | undefined {
    return this.#held.get(index)?.chunk;
  }

  /** Those that wait for it are served. Of too many, the ones fetched first go, then the oldest. */
  put(index: number, chunk: MadeChunk): void {
    this.drop(index);
    this.#held.set(index, { chunk, fetchedMs: null });
    this.#tell(index, null);
    this.#trim();
  }

  /** It will not be made, this time. */
  fail(index: number, failure: HybridFailure): void {
    this.#tell(index, failure);
  }

  failAll(failure: HybridFailure): void {
    for (const index of this.#waiting.keys()) this.#tell(index, failure);
  }

  /** A copy, for the caller to wipe. Waits until it is made, or cannot be. */
  async take(index: number, signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>> {
    this.sweep();
    const there = this.#fetch(index);
    if (there !== null) return ok(there);
    if (this.#gone.has(index)) return failed("index-used", `chunk ${index} was fetched before`);
    if (signal.aborted) return failed("timeout", `chunk ${index} was not made in time`);
    const { promise, resolve } = Promise.withResolvers<HybridFailure | null>();
    const waiting = this.#waiting.get(index) ?? new Set();
    this.#waiting.set(index, waiting);
    waiting.add(resolve);
    const abort = (): void => resolve({ code: "timeout", detail: `chunk ${index} was not made in time` });
    signal.addEventListener("abort", abort, { once: true });
    const failure = await promise;
    signal.removeEventListener("abort", abort);
    waiting.delete(resolve);
    if (waiting.size === 0 && this.#waiting.get(index) === waiting) this.#waiting.delete(index);
    if (failure !== null) return failed(failure.code, failure.detail);
    const made = this.#fetch(index);
    return made === null ? failed("index-used", `chunk ${index} was fetched before`) : ok(made);
  }

  /** Forgets those that were fetched long enough ago. */
  sweep(): void {
    const untilMs = this.#nowMs() - LIMITS.hybridRetryMs;
    for (const [index, { fetchedMs }] of this.#held) if (fetchedMs !== null && fetchedMs <= untilMs) this.drop(index);
  }

  drop(index: number): void {
    const held = this.#held.get(index);
    if (held === undefined) return;
    held.chunk.key.fill(0);
    this.#held.delete(index);
    this.#gone.add(index);
  }

  wipe(failure: HybridFailure): void {
    this.failAll(failure);
    for (const index of this.#held.keys()) this.drop(index);
  }

  #fetch(index: number): MadeChunk | null {
    const held = this.#held.get(index);
    if (held === undefined) return null;
    held.fetchedMs ??= this.#nowMs();
    return { ...held.chunk, key: held.chunk.key.slice() };
  }

  #tell(index: number, outcome: HybridFailure | null): void {
    const waiting = this.#waiting.get(index);
    this.#waiting.delete(index);
    for (const resolve of waiting ?? []) resolve(outcome);
  }

  #trim(): void {
    if (this.#held.size <= LIMITS.hybridChunksHeld) return;
    const fetched = [...this.#held].find(([, { fetchedMs }]) => fetchedMs !== null);
    const [oldest] = fetched ?? [...this.#held.keys()];
    if (oldest !== undefined) this.drop(oldest);
  }
}

/** Indices, as runs: those of a stream that is read from its beginning are one. Of too many runs the lowest are joined. */
export class IndexSet {
  /** First and last, lowest first, never touching. */
  #runs: (readonly [first: number, last: number])[] = [];

  has(index: number): boolean {
    return this.#runs.some(([first, last]) => first <= index && index <= last);
  }

  add(index: number): void {
    let [first, last] = [index, index];
    const apart: (readonly [number, number])[] = [];
    for (const run of this.#runs) {
      if (run[1] + 1 < first || last + 1 < run[0]) apart.push(run);
      else [first, last] = [Math.min(first, run[0]), Math.max(last, run[1])];
    }
    this.#runs = [...apart, [first, last] as const].sort(([one], [other]) => one - other);
    const [lowest, next] = this.#runs;
    if (this.#runs.length <= LIMITS.hybridChunksHeld || lowest === undefined || next === undefined) return;
    this.#runs.splice(0, 2, [lowest[0], next[1]]);
  }
}
