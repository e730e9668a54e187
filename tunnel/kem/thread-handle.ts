/** The agent's hold of one thread: an operation at a time. */
import { KemsBusy } from "../../shared/kem/kem.ts";
import { Worker } from "node:worker_threads";
import { LIMITS } from "../../shared/limits.ts";
import type { KemName } from "../../shared/kem/registry.ts";
import type { FromThread, ToThread } from "./messages.ts";
import type { Operation, Outcome } from "./operations.ts";

const THREAD = new URL("thread.ts", import.meta.url);

export class ThreadHandle {
  readonly #worker = new Worker(THREAD);
  readonly #ended: Promise<void>;
  #answered: PromiseWithResolvers<Outcome> | null = null;
  #idle: NodeJS.Timeout | undefined;
  /** Whose instance it has for certain. */
  last: KemName | null = null;

  readonly #over: () => void;

  /** @param over is called, maybe more than once, when it cannot be asked any more */
  constructor(over: () => void) {
    const end = Promise.withResolvers<void>();
    this.#ended = end.promise;
    this.#over = over;
    this.#worker.unref();
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (error) => {
      over();
      this.#settle((answered) => answered.reject(error));
    });
    this.#worker.on("exit", () => {
      clearTimeout(this.#idle);
      over();
      this.#settle((answered) => answered.reject(new KemsBusy("the thread for key encapsulation has ended")));
      end.resolve();
    });
  }

  /** @param holds should the process live until it is done? */
  async ask(operation: Operation, holds: boolean): Promise<Outcome> {
    clearTimeout(this.#idle);
    this.last = operation.name;
    this.#answered = Promise.withResolvers();
    if (holds) this.#worker.ref();
    this.#tell({ kind: "perform", operation }, buffersOf(operation));
    return await this.#answered.promise;
  }

  /** Ends by itself, unless it is asked again before long. */
  rest(): void {
    this.#idle = setTimeout(() => {
      this.#over();
      this.#tell({ kind: "end" });
    }, LIMITS.kemThreadIdleMs).unref();
  }

  /** One that computes is cut off. */
  async close(): Promise<void> {
    if (this.#answered === null) this.#tell({ kind: "end" });
    else await this.#worker.terminate();
    this.#worker.ref();
    await this.#ended;
  }

  #tell(message: ToThread, transfer: ArrayBuffer[] = []): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromThread): void {
    if (message.kind === "performed") this.#settle((answered) => answered.resolve(message.outcome));
    else this.#settle((answered) => answered.reject(new Error(message.reason)));
  }

  #settle(how: (answered: PromiseWithResolvers<Outcome>) => void): void {
    const answered = this.#answered;
    this.#answered = null;
    this.#worker.unref();
    if (answered !== null) how(answered);
  }
}

/** They go over to the thread: neither copied, nor left behind. */
function buffersOf(operation: Operation): ArrayBuffer[] {
  if (operation.kind === "encapsulate") return [operation.publicKey.buffer];
  return operation.kind === "decapsulate" ? [operation.ciphertext.buffer, operation.secretKey.buffer] : [];
}
