/**
 * A plain model of key streams in a pool, told what each commit came to in the order of the commits: it says what may be
 * handed to whom, and what must be.
 */
import { expect } from "vitest";
import type { ChunksAnswer, ChunksCall, StreamOpened } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { hex } from "./in-workerd-pool.ts";

export const CHUNK_BYTES = 32;
export const TTL_MS = 30_000;
export type End = 0 | 1;
const other = (end: End): End => (end === 0 ? 1 : 0);

interface Chunk {
  readonly madeMs: number;
  /** Known once somebody has had it. */
  hex: string | null;
  readonly had: [boolean, boolean];
  readonly givenUp: [boolean, boolean];
  readonly heldUntilMs: [number, number];
}

interface ModelStream {
  readonly instance: number;
  readonly priority: number;
  readonly states: ["open" | "closed" | "lingers", "absent" | "open" | "closed" | "lingers"];
  /** Which of the two ends of the pair opened it. */
  readonly opener: End;
  readonly chunks: Chunk[];
  endsMs: number;
  /** When a chunk of it was handed over last. */
  handedMs: number;
}

/** A call that was told that there is too little for now. */
export interface Waiter {
  readonly priority: number;
  readonly untilMs: number;
  isOver: boolean;
}

export class StreamModel {
  availableBytes = 0;
  readonly graceMs: number;
  readonly streams = new Map<number, ModelStream>();
  readonly #seen = new Set<string>();
  readonly waiters: Waiter[] = [];
  /** Does all go well with the commits of these calls? */
  isStrict = true;

  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  /** What was in memory is gone. */
  restart(): void {
    for (const { chunks } of this.streams.values()) for (const chunk of chunks) chunk.heldUntilMs.fill(0);
    this.waiters.length = 0;
  }

  live(ksid: number, nowMs: number): ModelStream | undefined {
    const stream = this.streams.get(ksid);
    return stream === undefined || stream.endsMs <= nowMs ? undefined : stream;
  }

  /** The stream that a call names, and its end's number: 0 is the opener. */
  #seat(ksid: number, end: End, instance: number, nowMs: number) {
    const stream = this.live(ksid, nowMs);
    if (stream === undefined || stream.instance !== instance) return undefined;
    const side: End = stream.opener === end ? 0 : 1;
    return stream.states[side] === "absent" ? undefined : { stream, side };
  }

  opened(ksid: number, end: End, opened: StreamOpened, nowMs: number): void {
    const stream = this.live(ksid, nowMs);
    const side = stream === undefined || stream.opener === end ? 0 : 1;
    const expected =
      stream === undefined
        ? "opened"
        : stream.states[side] === "absent"
          ? "joined"
          : stream.states[side] === "open"
            ? "same-end"
            : "in-use";
    expect(opened.outcome).toBe(expected);
    if (opened.outcome === "in-use" || opened.stream === null) return;
    if (stream !== undefined) {
      expect(opened.stream.instance).toBe(stream.instance);
      if (expected === "joined") stream.states[1] = "open";
      return;
    }
    this.streams.set(ksid, {
      instance: opened.stream.instance,
      priority: ksid,
      states: ["open", "absent"],
      opener: end,
      chunks: [],
      endsMs: Infinity,
      handedMs: 0,
    });
  }

  /** Must it be handed when it is asked for? Null: it may be, within the grace. */
  #isThere(stream: ModelStream, side: End, index: number, nowMs: number): boolean | null {
    const chunk = stream.chunks[index];
    if (chunk === undefined || chunk.madeMs + TTL_MS <= nowMs || chunk.givenUp[side]) return false;
    if (!chunk.had[side]) return true;
    return this.graceMs > 0 && nowMs < stream.handedMs + this.graceMs ? null : false;
  }

  /** @param waiter of the call, where it has been told to wait before */
  chunks(
    ksid: number,
    end: End,
    call: ChunksCall,
    answer: ChunksAnswer | { lacks: string },
    nowMs: number,
    waiter: Waiter,
  ): void {
    const seat = this.#seat(ksid, end, call.instance, nowMs);
    const expected = this.#expected(seat, call, nowMs, waiter);
    const outcome = "lacks" in answer ? "lacks" : answer.outcome;
    expect(expected).toContain(outcome);
    if ("lacks" in answer) {
      if (!this.waiters.includes(waiter)) this.waiters.push(waiter);
    } else if (seat !== undefined && answer.outcome === "handed") this.#handed(seat, call, answer, nowMs);
  }

  /** One of these. */
  #expected(seat: ReturnType<StreamModel["seatOf"]>, call: ChunksCall, nowMs: number, waiter: Waiter): string[] {
    if (seat === undefined) return ["unknown"];
    const { stream, side } = seat;
    if (stream.states[side] !== "open" && !call.afterClose) return ["closed"];
    if (stream.states[other(side)] === "absent") return ["peer-absent"];
    const last = call.indices.at(-1) ?? 0;
    const next = stream.chunks.length;
    if (last >= next + LIMITS.streamAheadChunks) return ["insufficient"];
    const there = call.indices
      .filter((index) => index < next)
      .map((index) => this.#isThere(stream, side, index, nowMs));
    if (there.includes(false)) return ["gone"];
    const must = last + 1 - next;
    if (must > 0 && stream.states.some((state) => state !== "open")) return ["gone"];
    const gone = there.includes(null) ? ["gone"] : [];
    if (must <= 0) return ["handed", ...gone];
    if (this.availableBytes < must * CHUNK_BYTES) return ["lacks", ...gone];
    // Calls that meet a storage which fails, or a crash, leave at a moment that nobody is told.
    if (!this.isStrict) return ["handed", "lacks", ...gone];
    const ahead = this.#ahead(waiter, stream.priority);
    if (ahead.some(({ untilMs }) => nowMs < untilMs)) return ["lacks", ...gone];
    // Who did not wait, or not any longer, may or may not have left yet.
    return ahead.length > 0 ? ["handed", "lacks", ...gone] : ["handed", ...gone];
  }

  /** Those who stand before this one. */
  #ahead(waiter: Waiter, priority: number): Waiter[] {
    const at = this.waiters.indexOf(waiter);
    return this.waiters.filter(
      (one, index) =>
        one !== waiter &&
        !one.isOver &&
        (one.priority > priority || (one.priority === priority && (at === -1 || index < at))),
    );
  }

  readonly seatOf = (ksid: number, end: End, instance: number, nowMs: number) => this.#seat(ksid, end, instance, nowMs);
  #handed(
    { stream, side }: NonNullable<ReturnType<StreamModel["seatOf"]>>,
    call: ChunksCall,
    { chunks, bytes }: Extract<ChunksAnswer, { outcome: "handed" }>,
    nowMs: number,
  ): void {
    const last = call.indices.at(-1) ?? 0;
    const indices = chunks.map(({ index }) => index);
    expect(bytes.length).toBe(indices.length * CHUNK_BYTES);
    expect(indices.slice(0, call.indices.length)).toEqual(call.indices);
    const ahead = indices.slice(call.indices.length);
    const before = stream.chunks.length;
    const isOpen = stream.states[side] === "open";
    const mustHave = Array.from({ length: isOpen ? call.readAhead : 0 }, (_, at) => last + 1 + at).filter(
      (index) => index < before && this.#isThere(stream, side, index, nowMs) === true,
    );
    expect(ahead).toEqual(expect.arrayContaining(mustHave));
    for (const index of ahead) expect(index > last && index <= last + call.readAhead).toBe(true);
    const next = Math.max(before, ...indices.map((index) => index + 1));
    expect((next - before) * CHUNK_BYTES).toBeLessThanOrEqual(this.availableBytes);
    this.made(stream, next - before, nowMs);
    chunks.forEach(({ index, madeMs }, at) => {
      const chunk = stream.chunks[index] as Chunk;
      expect(madeMs).toBe(chunk.madeMs);
      expect(this.#isThere(stream, side, index, nowMs), `chunk ${index}, not twice`).not.toBe(false);
      const text = hex(bytes.slice(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES));
      if (chunk.hex === null) {
        expect(this.#seen.has(text), "key is given out once").toBe(false);
        this.#seen.add(text);
        chunk.hex = text;
      } else expect(text, "the same at both ends").toBe(chunk.hex);
      chunk.had[side] = true;
      chunk.heldUntilMs[side] = nowMs + LIMITS.streamHoldMs;
    });
    stream.handedMs = nowMs;
  }

  made(stream: ModelStream, count: number, nowMs: number): void {
    this.availableBytes -= count * CHUNK_BYTES;
    for (let made = 0; made < count; made++) {
      stream.chunks.push({
        madeMs: nowMs,
        hex: null,
        had: [false, false],
        givenUp: [false, false],
        heldUntilMs: [0, 0],
      });
    }
  }

  settled(
    ksid: number,
    end: End,
    call: { readonly instance: number; readonly handedBack: readonly number[] },
    nowMs: number,
  ): void {
    const seat = this.#seat(ksid, end, call.instance, nowMs);
    if (seat === undefined) return;
    const { stream, side } = seat;
    stream.chunks.forEach((chunk, index) => {
      const isHeld = chunk.heldUntilMs[side] > nowMs;
      if (isHeld && call.handedBack.includes(index) && stream.states[side] !== "closed") chunk.had[side] = false;
      chunk.heldUntilMs[side] = 0;
    });
    this.#endSpent(ksid, stream, nowMs);
  }

  closed(ksid: number, end: End, call: { readonly instance: number; readonly lingers: boolean }, nowMs: number): void {
    const seat = this.#seat(ksid, end, call.instance, nowMs);
    if (seat === undefined || seat.stream.states[seat.side] !== "open") return;
    const { stream, side } = seat;
    stream.states[side] = call.lingers ? "lingers" : "closed";
    stream.endsMs = Math.min(stream.endsMs, nowMs + TTL_MS);
    if (!call.lingers) for (const chunk of stream.chunks) [chunk.givenUp[side], chunk.heldUntilMs[side]] = [true, 0];
    this.#endSpent(ksid, stream, nowMs);
  }

  /** Nothing is left that anybody may fetch. */
  #endSpent(ksid: number, stream: ModelStream, nowMs: number): void {
    const isSpent = ([0, 1] as const).every((side) => {
      const state = stream.states[side];
      if (state === "closed" || state === "absent") return true;
      return state === "lingers" && !this.unread(stream, side, nowMs).length;
    });
    if (isSpent) this.streams.delete(ksid);
  }

  unread = (stream: ModelStream, side: End, nowMs: number): number[] =>
    stream.chunks.flatMap((chunk, index) =>
      !chunk.had[side] && !chunk.givenUp[side] && chunk.madeMs + TTL_MS > nowMs ? [index] : [],
    );

  available(
    ksid: number,
    end: End,
    call: { readonly instance: number; readonly count: number | null },
    indices: readonly number[],
    nowMs: number,
  ): void {
    const seat = this.#seat(ksid, end, call.instance, nowMs);
    if (seat === undefined || seat.stream.states[seat.side] === "closed") {
      expect(indices).toEqual([]);
      return;
    }
    const { stream, side } = seat;
    const unread = this.unread(stream, side, nowMs).slice(0, LIMITS.streamAheadChunks);
    expect(indices.slice(0, unread.length)).toEqual(unread);
    const made = indices.length - unread.length;
    if (made === 0) return;
    expect(stream.states).toEqual(["open", "open"]);
    expect(made * CHUNK_BYTES).toBeLessThanOrEqual(this.availableBytes);
    expect(indices.slice(unread.length)).toEqual(Array.from({ length: made }, (_, at) => stream.chunks.length + at));
    this.made(stream, made, nowMs);
  }
}
