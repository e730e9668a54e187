/**
 * A run of a link's key that is set aside for hops of single keys: what is drawn out of it, and taken, is noted in memory
 * and recorded by a later commit, so that a hop waits for none. What memory knows and the tables do not is lost with a
 * crash, and with it the whole rest of the run: none of its bits is used after that, whatever had become of them.
 * Bookkeeping only: hop-run-uses.ts works with it.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { BitsWish } from "./drawn-bits.ts";
import type { HopUse } from "./hop-uses.ts";
import { clearLeft } from "./left.ts";
import type { HopRecord } from "./relay-records.ts";

/** Bytes `[from, from + sizeBytes)` of the run. */
export interface RunDraw extends BitsWish {
  readonly from: number;
  /** Hexadecimal. */
  readonly nonce: string;
}

type Use = Pick<HopUse, "pair" | "node" | "relays" | "bits">;

/** What the tables are to be told. */
interface Notes {
  readonly over: readonly RunDraw[];
  readonly uses: readonly Use[];
}

export class HopRun {
  /** As the table has it: a "key" a byte, and those are left that were not yet recorded as taken or over. */
  record: HopRecord;
  /** Bytes before it are drawn. */
  #cursor = 0;
  /** Drawn and neither taken nor over, by nonce. */
  readonly #draws = new Map<string, RunDraw>();
  #over: RunDraw[] = [];
  #uses = new Map<string, Use>();
  #usedMs: number;
  #isDone = false;

  constructor(record: HopRecord, nowMs: number) {
    this.record = record;
    this.#usedMs = nowMs;
  }

  get usedBytes(): number {
    return this.#cursor;
  }

  get restBytes(): number {
    return this.record.keys - this.#cursor;
  }

  /** @returns undefined where the wish does not fit: the rest of the run is for nobody then */
  draw(wish: BitsWish, nonce: string, nowMs: number): RunDraw | undefined {
    if (this.#isDone) return undefined;
    if (wish.sizeBytes > this.restBytes || wish.expiresMs > this.record.expiresMs - LIMITS.hopRunRecordMs) {
      this.#isDone = true;
      return undefined;
    }
    const draw = { ...wish, nonce, from: this.#cursor };
    this.#cursor += wish.sizeBytes;
    this.#usedMs = nowMs;
    this.#draws.set(nonce, draw);
    this.#count(wish);
    return draw;
  }

  #count({ hop: { pair }, node, sizeBytes }: BitsWish): void {
    const name = `${pair} ${node}`;
    const { relays, bits } = this.#uses.get(name) ?? { relays: 0, bits: 0 };
    this.#uses.set(name, { pair, node, relays: relays + 1, bits: bits + sizeBytes * 8 });
  }

  find(nonce: string): RunDraw | undefined {
    return this.#draws.get(nonce);
  }

  /** It was taken, or its time is over: nobody reads its bytes again. */
  end(draw: RunDraw): void {
    this.#draws.delete(draw.nonce);
    this.#over.push(draw);
  }

  late(nowMs: number): readonly RunDraw[] {
    return [...this.#draws.values()].filter(({ expiresMs }) => expiresMs <= nowMs);
  }

  /** Nothing more is drawn: what is left shall go back as soon as it can. */
  finish(): void {
    this.#isDone = true;
  }

  /** Nobody needs it any more. */
  isOver(nowMs: number): boolean {
    const isIdle = nowMs - this.#usedMs >= LIMITS.hopRunIdleMs;
    const isOld = nowMs >= this.record.expiresMs - LIMITS.hopRunRecordMs;
    return this.#draws.size === 0 && (this.#isDone || isIdle || isOld || this.restBytes === 0);
  }

  /** Is there anything that a commit would record? */
  isDue(nowMs: number): boolean {
    return this.#over.length > 0 || this.#uses.size > 0 || this.isOver(nowMs) || this.late(nowMs).length > 0;
  }

  /** What was not told yet. */
  notes(): Notes {
    const notes = { over: this.#over, uses: [...this.#uses.values()] };
    this.#over = [];
    this.#uses = new Map();
    return notes;
  }

  /** The record once these are over. */
  without(over: readonly RunDraw[]): HopRecord {
    const left = this.record.left.slice();
    for (const { from, sizeBytes } of over) for (let at = from; at < from + sizeBytes; at++) clearLeft(left, at);
    return { ...this.record, left };
  }
}

/** Those of one pool. In memory only. */
export class HopRuns {
  #runs: HopRun[] = [];
  /** Does a timer look after them? */
  isTended = false;

  get all(): readonly HopRun[] {
    return this.#runs;
  }

  /** Set aside and not drawn. */
  get restBits(): number {
    return this.#runs.reduce((sum, run) => sum + run.restBytes * 8, 0);
  }

  add(run: HopRun): void {
    this.#runs.push(run);
  }

  drop(run: HopRun): void {
    this.#runs = this.#runs.filter((other) => other !== run);
  }

  /** After a rollback: what they have noted is in no table, and shall not be. */
  forget(): void {
    this.#runs = [];
  }
}
