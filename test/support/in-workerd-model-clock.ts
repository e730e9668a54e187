/**
 * Time that passes only when nothing else can happen: all code sees it, timers included, so a history takes no longer
 * than its work does, and goes the same way every time. One that waits for what never comes is told at once.
 */
import { vi } from "vitest";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Turns in which work goes on by itself before time passes; in none of them does anything outside get a turn. */
const TURNS = 500;
/** Of time passing with nothing coming of it. */
const PATIENCE_TIMERS = 10_000;

export class Clock {
  nowMs = 0;
  readonly #timers = new Map<number, Timer>();
  #next = 1;

  /** Plays with this clock. Nothing in `work` may wait for anything real. */
  async play<T>(fromMs: number, work: () => Promise<T>): Promise<T> {
    this.nowMs = fromMs;
    this.#timers.clear();
    const spies = [
      vi.spyOn(Date, "now").mockImplementation(() => this.nowMs),
      vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms = 0) => {
        this.#timers.set(this.#next, { dueMs: this.nowMs + ms, run });
        return this.#next++;
      }) as unknown as typeof setTimeout),
      vi.spyOn(globalThis, "clearTimeout").mockImplementation(((timer: number) => {
        this.#timers.delete(timer);
      }) as typeof clearTimeout),
    ];
    try {
      return await this.#until(work());
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }

  async #until<T>(work: Promise<T>): Promise<T> {
    const state = { isDone: false };
    const watch = async (): Promise<void> => {
      await Promise.allSettled([work]);
      state.isDone = true;
    };
    void watch();
    for (let passed = 0; passed < PATIENCE_TIMERS; passed++) {
      for (let turn = 0; turn < TURNS && !state.isDone; turn++) await Promise.resolve();
      if (state.isDone) return await work;
      this.#pass();
    }
    throw new Error("time passes, and nothing comes of it");
  }

  #pass(): void {
    let first: number | undefined;
    for (const [timer, { dueMs }] of this.#timers) {
      if (first === undefined || dueMs < (this.#timers.get(first)?.dueMs ?? 0)) first = timer;
    }
    const timer = this.#timers.get(first ?? 0);
    if (first === undefined || timer === undefined) return;
    this.#timers.delete(first);
    this.nowMs = Math.max(this.nowMs, timer.dueMs);
    timer.run();
  }
}
