/** One end of a link at work: a module with its time, its connection, and where its key goes. */
import { setImmediate as turn } from "node:timers/promises";
import { runWithPauses, type Slices } from "../../../shared/conditioning/slices.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { FinishedBlock } from "../../../shared/qkd-module/memory.ts";
import type { QkdModule } from "../../../shared/qkd-module/module.ts";
import type { ModuleNews, ModuleStatus, ModuleStep } from "../../../shared/qkd-module/status.ts";
import { Mutex } from "../../spool/mutex.ts";
import type { Hearer } from "./channel.ts";

/** Who the end works for. */
export interface Host {
  news(news: ModuleNews): void;
  /** Once in this end's life for each block: the host says `putAway` when it has it for good. */
  finished(block: FinishedBlock): void;
  status(status: ModuleStatus): void;
}

/** The longest that a timer waits: what is due later is looked at again. */
const LONGEST_MS = 60_000;

/** Neither jumps nor goes back, whatever is done to the system's clock. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export class ModuleEnd implements Hearer {
  readonly #module: QkdModule;
  readonly #host: Host;
  readonly #turns = new Mutex();
  readonly #given = new Set<string>();
  readonly #failed = Promise.withResolvers<never>();
  #say: ((messages: readonly Uint8Array[]) => void) | null = null;
  #timer: NodeJS.Timeout | undefined;
  #full = false;
  #isBroken = false;
  #roomMade: () => void = () => undefined;
  /** Since when there has been no connection; null where there is one. */
  #aloneMs: number | null = nowMs();

  constructor(module: QkdModule, host: Host) {
    this.#module = module;
    this.#host = host;
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects with what broke a step: what the store has is good, the module is not to be used any more. */
  async run(): Promise<never> {
    this.#give();
    try {
      return await this.#failed.promise;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** There is enough key, or there is no longer. */
  set full(full: boolean) {
    this.#full = full;
    this.#plan();
  }

  async putAway(id: string): Promise<void> {
    await this.#inTurn(async () => {
      this.#module.putAway(id);
      this.#given.delete(id);
      this.#roomMade();
      await Promise.resolve();
    });
  }

  async connected(say: (messages: readonly Uint8Array[]) => void): Promise<void> {
    await this.#inTurn(async () => {
      this.#say = say;
      this.#aloneMs = null;
      await this.#step(this.#module.connected(nowMs()));
    });
  }

  /** Waits while there is no room for more key: a receiver's back-pressure is not to listen. */
  async message(message: Uint8Array): Promise<void> {
    while (this.#module.finished.length > LIMITS.moduleFinishedBlocks) {
      await new Promise<void>((resolve) => (this.#roomMade = resolve));
    }
    await this.#inTurn(async () => await this.#step(this.#module.receive(message, nowMs())));
  }

  async disconnected(): Promise<void> {
    await this.#inTurn(async () => {
      this.#say = null;
      this.#aloneMs = nowMs();
      await this.#step(this.#module.disconnected(nowMs()));
    });
  }

  unreachable(reason: string): void {
    if (this.#aloneMs === null || nowMs() - this.#aloneMs < LIMITS.moduleSilentAlarmMs) return;
    this.#host.news({ kind: "raise", code: "module-peer-silent", detail: `no connection: ${reason}` });
  }

  /** Works do not overlap; the first that fails is the last. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#isBroken) throw new Error("the module is broken");
      try {
        await work();
      } catch (error) {
        this.#isBroken = true;
        this.#failed.reject(error);
        throw error;
      }
      this.#host.status(this.#module.status(nowMs()));
      this.#plan();
    });
  }

  async #step(slices: Slices<ModuleStep>): Promise<void> {
    const { send, news } = await runWithPauses(slices, async () => await turn());
    this.#say?.(send);
    for (const each of news) this.#host.news(each);
    this.#give();
  }

  #give(): void {
    for (const block of this.#module.finished) {
      if (this.#given.has(block.id)) continue;
      this.#given.add(block.id);
      this.#host.finished(block);
    }
  }

  #plan(): void {
    clearTimeout(this.#timer);
    const dueMs = this.#module.nextMs(nowMs());
    if (dueMs === null) return;
    const isHeldUp = this.#full || this.#module.finished.length >= LIMITS.moduleFinishedBlocks;
    const waitMs = Math.max(dueMs - nowMs(), isHeldUp ? LIMITS.moduleFullMs : 0);
    this.#timer = setTimeout(() => void this.#tick(), Math.min(waitMs, LONGEST_MS));
  }

  async #tick(): Promise<void> {
    await this.#inTurn(async () => await this.#step(this.#module.tick(nowMs(), { full: this.#full }))).catch(
      () => null,
    );
  }
}
