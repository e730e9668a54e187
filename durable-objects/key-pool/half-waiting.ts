/** Requests that wait for the other half to acknowledge what they announced. In memory: a crash ends their wait. */
import type { Fault } from "../../shared/errors/errors.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { notEnoughKeys, otherHalfAbstains, otherHalfCloses } from "./refusals.ts";

type Outcome = Result<null, Fault>;

interface Waiter {
  /** Number of the announcement in the log; null where it was never written there. */
  readonly seq: number | null;
  readonly told: Promise<Outcome>;
  readonly tell: (outcome: Outcome) => void;
  /** What the other half answered, once it has. */
  outcome?: Outcome;
}

/** What the halves disagree on is for operators; the client is to come again. */
const refusedBy = ({ code }: Fault): Outcome => (code === "no-route" ? otherHalfCloses() : otherHalfAbstains());

export class HalfWaiting {
  readonly #waiters = new Map<number, Waiter>();

  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  /** @param seq number of the record's announcement in the log */
  add(record: number, seq: number): void {
    const { promise: told, resolve: tell } = Promise.withResolvers<Outcome>();
    this.#waiters.set(record, { seq, told, tell });
  }

  /** A record that cannot be announced. */
  addRefused(record: number, outcome: Outcome): void {
    this.#waiters.set(record, { seq: null, told: Promise.resolve(outcome), tell: () => {}, outcome });
  }

  has(record: number): boolean {
    return this.#waiters.has(record);
  }

  /** What its request is told, once there is anything to tell. */
  told(record: number): Promise<Outcome> | undefined {
    return this.#waiters.get(record)?.told;
  }

  /** @returns false where nobody waits for it any more */
  answered(record: number, refusal: Fault | undefined): boolean {
    const waiter = this.#waiters.get(record);
    if (waiter === undefined) return false;
    waiter.outcome = refusal === undefined ? ok(null) : err(refusal);
    waiter.tell(refusal === undefined ? waiter.outcome : refusedBy(refusal));
    return true;
  }

  /** Tells all who wait the same. */
  tellAll(outcome: Outcome): void {
    for (const { tell } of this.#waiters.values()) tell(outcome);
  }

  /** @returns what was known of it: its announcement is open where there is no outcome */
  end(record: number): Pick<Waiter, "seq" | "outcome"> | undefined {
    const waiter = this.#waiters.get(record);
    this.#waiters.delete(record);
    // Whoever has not been told yet waits for keys that are voided.
    waiter?.tell(notEnoughKeys());
    return waiter;
  }
}
