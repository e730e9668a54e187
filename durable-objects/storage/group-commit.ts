/**
 * Group commit: callers queue, one `transactionSync` serves many, then all are answered. A commit costs one fsync
 * whatever it holds, so this is what makes a pool fast under load; a lone caller waits for one turn of the event loop
 * (not for a timer, which sleeps for a millisecond).
 */

/** Turns of the event loop in which a group may grow. */
const TURNS = 8;

/** The work of one caller: checks and writes, synchronously. Throws only on defects. */
type Work<T> = () => T;

interface Queued {
  readonly run: () => void;
  readonly settle: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface CommitHooks {
  /** Resolves when what is committed is durable: at once, or in the next turn of the event loop. */
  readonly durable: () => Promise<void>;
  /** Runs `work` in a transaction. */
  readonly transaction: (work: () => void) => void;
  /** Last thing in the transaction: write what the works left in memory. */
  readonly flush: () => void;
  /** After a rollback: forget what the works left in memory. */
  readonly rollback: () => void;
  /** After a commit. */
  readonly committed: () => void;
}

export class GroupCommit {
  readonly #hooks: CommitHooks;
  readonly #limits: { readonly commitQueue: number; readonly commitBatch: number };
  #queue: Queued[] = [];
  #scheduled = false;

  constructor(hooks: CommitHooks, limits: { readonly commitQueue: number; readonly commitBatch: number }) {
    this.#hooks = hooks;
    this.#limits = limits;
  }

  get full(): boolean {
    return this.#queue.length >= this.#limits.commitQueue;
  }

  /** Resolves with what `work` returned once it is committed. One work that throws fails its whole group. */
  async run<T>(work: Work<T>): Promise<T> {
    if (this.full) throw new Error("commit queue full");
    return await new Promise<T>((resolve, reject) => {
      let outcome: { readonly value: T } | undefined;
      this.#queue.push({
        run: () => {
          outcome = { value: work() };
        },
        settle: () => {
          if (outcome !== undefined) resolve(outcome.value);
        },
        reject,
      });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    void this.#gather();
  }

  /** Lets the last commit become durable, and waits on while more callers come: under load groups grow. */
  async #gather(): Promise<void> {
    for (let turn = 0, seen = 0; turn < TURNS && seen < this.#queue.length; turn++) {
      seen = this.#queue.length;
      try {
        await this.#hooks.durable();
      } catch {
        break; // the commit will fail too, and say so to those who wait for it
      }
      if (this.#queue.length >= this.#limits.commitBatch) break;
    }
    this.#commit();
  }

  #commit(): void {
    this.#scheduled = false;
    const group = this.#queue.splice(0, this.#limits.commitBatch);
    try {
      this.#hooks.transaction(() => {
        for (const { run } of group) run();
        this.#hooks.flush();
      });
    } catch (error) {
      this.#hooks.rollback();
      for (const { reject } of group) reject(error);
      this.#schedule();
      return;
    }
    for (const { settle } of group) settle();
    this.#hooks.committed();
    this.#schedule();
  }
}
