/**
 * A few threads, started when they are needed, and a bounded queue before them. What takes seconds never has them all,
 * and what is made ahead of need waits until nobody waits.
 */
import { LIMITS } from "../../shared/limits.ts";
import { KemsBusy } from "../../shared/kem/kem.ts";
import type { Operation, Outcome } from "./operations.ts";
import { ThreadHandle } from "./thread-handle.ts";

interface Job {
  readonly operation: Operation;
  readonly answered: PromiseWithResolvers<Outcome>;
  /** Nobody waits for it yet. */
  readonly ahead: boolean;
  readonly begins: () => void;
}

/** May take seconds (Classic McEliece), or a good part of one. */
const isLong = ({ kind, name }: Operation): boolean =>
  kind === "generate" && (name.startsWith("Classic-McEliece-") || name.startsWith("BIKE-"));

export class Threads {
  readonly #waiting: Job[] = [];
  readonly #running = new Set<Job>();
  readonly #resting: ThreadHandle[] = [];
  readonly #threads = new Set<ThreadHandle>();
  #closed = false;

  /** @throws {KemsBusy} */
  async run(operation: Operation): Promise<Outcome> {
    return await this.#enqueue(operation, false, () => undefined);
  }

  /** @param begins is called when it is its turn; from then on it does not take longer than any other */
  async runAhead(operation: Operation, begins: () => void): Promise<Outcome> {
    return await this.#enqueue(operation, true, begins);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { answered } of this.#waiting.splice(0)) answered.reject(new KemsBusy("closed"));
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  async #enqueue(operation: Operation, ahead: boolean, begins: () => void): Promise<Outcome> {
    if (this.#closed) throw new KemsBusy("closed");
    // Those that wait for key pairs of the slowest leave room for all others.
    const longs = isLong(operation) ? this.#waiting.filter((job) => isLong(job.operation)).length : 0;
    const isFull = this.#waiting.length >= LIMITS.kemQueue || longs >= LIMITS.kemQueue / 2;
    if (isFull) throw new KemsBusy("too many operations wait for a thread");
    const job = { operation, answered: Promise.withResolvers<Outcome>(), ahead, begins };
    this.#waiting.push(job);
    this.#next();
    return await job.answered.promise;
  }

  /** One job in a turn of the event loop: it takes some ms to start a thread. */
  #next(): void {
    if (this.#closed || this.#running.size >= LIMITS.kemThreads) return;
    const job = this.#due();
    if (job === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(job), 1);
    void this.#perform(job);
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }

  #due(): Job | undefined {
    const running = [...this.#running];
    const longs = running.filter(({ operation }) => isLong(operation)).length;
    const may = ({ operation }: Job): boolean => !isLong(operation) || longs < LIMITS.kemLongAtOnce;
    const due = this.#waiting.find((job) => !job.ahead && may(job));
    if (due !== undefined || running.some(({ ahead }) => ahead)) return due;
    return this.#waiting.find((job) => job.ahead && may(job));
  }

  async #perform(job: Job): Promise<void> {
    this.#running.add(job);
    const thread = this.#take(job.operation);
    job.begins();
    try {
      job.answered.resolve(await thread.ask(job.operation, !job.ahead));
    } catch (error) {
      job.answered.reject(error);
    }
    this.#running.delete(job);
    if (this.#threads.has(thread)) {
      thread.rest();
      this.#resting.push(thread);
    }
    this.#next();
  }

  /** One that has the mechanism ready, if there is one; else the one that rests for the shortest time; else a new one. */
  #take({ name }: Operation): ThreadHandle {
    const ready = this.#resting.findLastIndex(({ last }) => last === name);
    const [rested] = this.#resting.splice(ready < 0 ? this.#resting.length - 1 : ready, 1);
    if (rested !== undefined) return rested;
    const thread = new ThreadHandle(() => this.#forget(thread));
    this.#threads.add(thread);
    return thread;
  }

  #forget(thread: ThreadHandle): void {
    this.#threads.delete(thread);
    const at = this.#resting.indexOf(thread);
    if (at >= 0) this.#resting.splice(at, 1);
  }
}
