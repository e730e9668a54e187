/**
 * Carries the log to the other half: one post at a time, each with all that has gathered meanwhile, so that the number
 * of round trips does not grow with the number of requests. What is not answered is sent again.
 */
import type { NodeId, PairName } from "../../shared/ids.ts";
import type { HalfAnswer, HalfBatch, OtherHalf } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import { sleep } from "../sleep.ts";
import { within } from "../within.ts";
import type { HalfLog, LogRow } from "./half-log.ts";

export interface HalfPatience {
  /** How long a request waits for the other half. */
  readonly waitMs: number;
  /** How long one post may take. */
  readonly postMs: number;
  readonly retryMs: number;
}

export interface LineParts {
  readonly log: HalfLog;
  readonly other: OtherHalf;
  readonly patience: HalfPatience;
  readonly sender: { readonly pair: PairName; readonly shard: number; readonly from: NodeId };
  /** Does what the answer to these messages asks for. @returns whether it could be done */
  readonly act: (sent: readonly LogRow[], batch: HalfBatch, answer: HalfAnswer) => Promise<boolean>;
  /** Does anybody wait for an answer? Else the next alarm will do. */
  readonly isAwaited: () => boolean;
}

interface Ask {
  readonly bytes: number;
  readonly resolve: (yieldedBytes: number) => void;
}

export class HalfLine {
  readonly #parts: LineParts;
  #asks: Ask[] = [];
  #running: Promise<void> | undefined;
  #kicked = false;
  /** Answered up to here, as far as this instance knows. */
  #answered = 0;
  #generation = 0;
  #retryAtMs = 0;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** Something was appended by the commit that runs: it is posted once that is durable. */
  kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    setTimeout(() => {
      this.#kicked = false;
      void this.run();
    }, 0);
  }

  /** Posts until nothing is open, or the other half fails to answer and nobody waits for it. */
  async run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Everything that is open is posted again: some of it may have been answered without being acted on. */
  startOver(): void {
    this.#answered = 0;
  }

  /** Asks the other half to yield. @returns bytes in units that are on their way; 0 where there are none */
  async ask(bytes: number): Promise<number> {
    return await new Promise<number>((resolve) => {
      this.#asks.push({ bytes, resolve });
      this.kick();
    });
  }

  async #run(): Promise<void> {
    const { patience, isAwaited } = this.#parts;
    while (this.#asks.length > 0 || this.#parts.log.hasAfter(this.#answered)) {
      if (await this.#post()) continue;
      this.#retryAtMs = Date.now() + patience.retryMs;
      if (!isAwaited() && this.#asks.length === 0) return;
      await sleep(patience.retryMs);
    }
  }

  /** @returns whether it was answered, and the answer acted on */
  async #post(): Promise<boolean> {
    const { log, other, act, patience, sender } = this.#parts;
    const asks = this.#asks;
    this.#asks = [];
    let yieldedBytes = 0;
    try {
      this.#seeGeneration();
      const sent = log.after(this.#answered, LIMITS.halfBatchMessages, LIMITS.halfBatchBytes);
      const batch: HalfBatch = {
        ...sender,
        generation: this.#generation,
        settled: log.settled,
        messages: sent.map(({ seq, message }) => ({ seq, message })),
        wantBytes: asks.reduce((sum, ask) => sum + ask.bytes, 0),
      };
      const answer = await within(patience.postMs, other.post(batch));
      if (answer?.ok !== true || !(await act(sent, batch, answer.value))) return false;
      yieldedBytes = answer.value.yieldedBytes;
      const before = this.#answered;
      this.#answered = Math.max(before, Math.min(answer.value.applied, log.lastSeq));
      return sent.length === 0 || this.#answered > before;
    } catch {
      return false;
    } finally {
      for (const { resolve } of asks) resolve(yieldedBytes);
    }
  }

  #seeGeneration(): void {
    const { log } = this.#parts;
    log.renew();
    if (log.generation !== this.#generation) this.#answered = 0;
    this.#generation = log.generation;
  }
}
