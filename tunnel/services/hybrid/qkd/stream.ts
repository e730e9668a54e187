/**
 * One end of one QKD stream (ETSI GS QKD 004) whose chunks go by number to many sessions. One call to the edge at a time
 * brings what all of them wait for and, for who calls quickly, what they will ask for next.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import type { EdgeStreams, KeysGiven, NoStatus } from "../../etsi004/edge-streams.ts";
import { BatchSize } from "./batch.ts";
import { MAX_NUMBERS, NUMBER_BYTES, QkdNumbers } from "./numbers.ts";
import { type Errand, failure, type NoNumbers, over, Wants } from "./wants.ts";

export interface QkdStreamOptions {
  readonly streams: Pick<EdgeStreams, "getKeys" | "close">;
  readonly ksid: Ksid;
  /** Does this end say which numbers are whose? */
  readonly allocates: boolean;
  readonly nowMs: () => number;
}

const NO_KEY = failure("no QKD key");
/** A call that waited for the stream's Timeout has not had enough either. */
const LACKS: ReadonlySet<number> = new Set([STATUS["insufficient-key"], STATUS.timeout]);

export class QkdStream {
  readonly #options: QkdStreamOptions;
  readonly #numbers = new QkdNumbers();
  readonly #wants = new Wants();
  readonly #batch = new BatchSize();
  readonly #ending = new AbortController();
  #isFetching = false;
  /** Has key come? Before the peer has joined there is none. */
  #hasBegun = false;
  /** There was too little for a batch: the first who waits is served alone. */
  #isShort = false;
  /** An answer was lost: what it held can be fetched again for some time only. */
  #isDoubtful = false;
  /** Calls without effect, in a row. */
  #vain = 0;
  #ended: string | null = null;
  #retiredMs: number | null = null;
  #lastUsedMs: number;

  constructor(options: QkdStreamOptions) {
    this.#options = options;
    this.#lastUsedMs = options.nowMs();
  }

  get ksid(): Ksid {
    return this.#options.ksid;
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  /** Gives no new numbers. */
  get isOver(): boolean {
    return this.#ended !== null || this.#retiredMs !== null;
  }

  /** The first of `count` numbers in a row. Until the peer has joined, whether there is key for them is not known. */
  async allocate(count: number, signal: AbortSignal): Promise<Result<number, NoNumbers>> {
    this.#called(true);
    return await this.#wants.add(
      { from: null, count },
      () => this.#promise(count),
      signal,
      () => this.#serve(),
    );
  }

  /** Their key, for the caller to wipe. */
  async take(from: number, count: number, signal: AbortSignal): Promise<Result<Uint8Array, NoNumbers>> {
    const end = from + count;
    if (this.#options.allocates && end > this.#numbers.next) return err(failure("QKD numbers nobody was promised"));
    this.#called(!this.#options.allocates);
    this.#numbers.promise(end, this.#options.nowMs());
    return await this.#wants.add(
      { from, count },
      () => this.#give(from, count),
      signal,
      () => this.#serve(),
    );
  }

  /** No more numbers of it; what was promised can still be taken. */
  retire(): void {
    this.#retiredMs ??= this.#options.nowMs();
    this.#wants.serve();
  }

  /** Drops what nobody comes for. @returns whether nobody will come for anything */
  sweep(): boolean {
    const nowMs = this.#options.nowMs();
    this.#numbers.dropPromised(nowMs - LIMITS.hybridQkdStaleMs);
    // The end that is told of numbers keeps longer, so that what the other promises is there.
    const idleMs = this.#options.allocates ? LIMITS.hybridQkdIdleMs : 2 * LIMITS.hybridQkdIdleMs;
    const isStale = this.#retiredMs !== null && this.#retiredMs + LIMITS.hybridQkdStaleMs <= nowMs;
    return this.#wants.size === 0 && (isStale || this.#lastUsedMs + idleMs <= nowMs);
  }

  /** Here at once, then at the edge, where that can be done soon. */
  async close(): Promise<void> {
    this.#end("the QKD stream is closed");
    await this.#options.streams.close(this.ksid, AbortSignal.timeout(LIMITS.hybridQkdCloseMs));
  }

  /** @param isFirst of a session's calls for these numbers */
  #called(isFirst: boolean): void {
    this.#lastUsedMs = this.#options.nowMs();
    if (isFirst) this.#batch.called(this.#lastUsedMs);
  }

  #promise(count: number): Result<number, NoNumbers> | null {
    if (this.isOver) return err(over(this.#ended ?? "the QKD stream gives no more numbers"));
    const nowMs = this.#options.nowMs();
    this.#numbers.skipOld(nowMs - LIMITS.hybridQkdIdleMs, nowMs);
    const { next } = this.#numbers;
    if (next + count > MAX_NUMBERS) {
      this.#retiredMs = nowMs;
      return err(over("the QKD stream has no numbers left"));
    }
    if (!this.#numbers.holds(next, count) && !this.#mayPromiseUnseen(count)) return null;
    this.#numbers.promise(next + count, nowMs);
    return ok(next);
  }

  /** The peer joins once it is told of a number; the edge makes no key far beyond what it has made. */
  #mayPromiseUnseen(count: number): boolean {
    if (this.#hasBegun) return false;
    const unseen = this.#numbers.next - this.#numbers.frontier;
    return unseen === 0 || unseen + count <= LIMITS.streamAheadChunks;
  }

  #give(from: number, count: number): Result<Uint8Array, NoNumbers> | null {
    if (this.#ended !== null) return err(failure(this.#ended));
    if (this.#numbers.holds(from, count)) return ok(this.#numbers.take(from, count));
    for (let number = from; number < from + count; number++) {
      if (this.#numbers.isGone(number)) return err(failure("the QKD key was fetched before, or dropped"));
    }
    return null;
  }

  #serve(): void {
    this.#wants.serve();
    if (!this.#isFetching && this.#ended === null && (this.#wants.size > 0 || this.#isLow())) void this.#fetch();
  }

  /** Should key be fetched though nobody waits for it? */
  #isLow(): boolean {
    const isSteady = this.#hasBegun && this.#vain === 0 && !this.#isShort && !this.isOver;
    return isSteady && this.#batch.isQuick && this.#numbers.ahead < this.#batch.size / 2;
  }

  async #fetch(): Promise<void> {
    this.#isFetching = true;
    const errand = this.#wants.errand(this.#numbers, this.#isShort ? 1 : undefined);
    const asked = this.#numbers.batch(errand.wanted, this.#isShort ? errand.wanted.length : this.#batch.size);
    const given = await this.#ask(asked);
    if (this.#ended === null) await this.#settle(errand, asked, given);
    if (given.ok) given.value.keys.fill(0);
    this.#isFetching = false;
    this.#serve();
  }

  async #ask(numbers: readonly number[]): Promise<Result<KeysGiven, NoStatus>> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(LIMITS.hybridExchangeMs)]);
    return await this.#options.streams.getKeys(this.ksid, numbers, signal);
  }

  async #settle(errand: Errand, asked: readonly number[], given: Result<KeysGiven, NoStatus>): Promise<void> {
    if (!given.ok) {
      if (given.error.reason === "refused") this.#end(given.error.message);
      else await this.#lost(given.error.message);
      return;
    }
    const { status, keys } = given.value;
    if (status === STATUS.success) this.#bring(asked, keys);
    else if (status === STATUS["peer-not-yet-connected"]) await this.#pause();
    else if (status === STATUS["unknown-ksid"]) this.#end("the edge has closed the QKD stream");
    else if (LACKS.has(status)) this.#lack(errand);
    else this.#giveUp(failure(`the edge gives no QKD key: status ${status}`));
  }

  #bring(asked: readonly number[], keys: Uint8Array): void {
    if (keys.length !== asked.length * NUMBER_BYTES) {
      this.#end("the edge gives QKD key of another length");
      return;
    }
    this.#numbers.put(asked, keys, this.#options.nowMs());
    this.#hasBegun = true;
    this.#isShort = false;
    this.#isDoubtful = false;
    this.#vain = 0;
    this.#batch.fetched();
  }

  /** Asked for again, the same numbers are given again for some time. */
  async #lost(message: string): Promise<void> {
    this.#isDoubtful = true;
    if (this.#vain + 1 < LIMITS.localEdgeAttempts) await this.#pause();
    else this.#giveUp(failure(`the edge gives no QKD key: ${message}`));
  }

  #lack({ wants }: Errand): void {
    this.#batch.refused();
    const wasLeast = this.#isShort;
    this.#isShort = true;
    if (!wasLeast) return;
    // Perhaps they were given, in an answer that did not come: of these numbers nothing more is to be had.
    if (this.#isDoubtful && this.#options.allocates) this.retire();
    this.#wants.fail(NO_KEY, (want) => want.from === null || wants.includes(want));
  }

  #giveUp(why: NoNumbers): void {
    this.#vain = 0;
    this.#batch.refused();
    this.#wants.fail(why);
  }

  async #pause(): Promise<void> {
    const pauseMs = Math.min(LIMITS.hybridQkdPauseMs * 2 ** this.#vain, LIMITS.hybridQkdPauseMaxMs);
    this.#vain += 1;
    await sleep(pauseMs, undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#numbers.wipe();
    this.#ending.abort();
    this.#wants.serve();
  }
}
