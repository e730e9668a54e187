/** What has become of the changes of one call, while it is tried. */
import { err, ok } from "../../../shared/result.ts";
import type { NetconfCode, NetconfFailure } from "./failure.ts";
import type { Change, Presence } from "./netconf-host.ts";
import { isMissing } from "./read-back.ts";
import type { Attempt, Outcome } from "./transaction.ts";

/** An edit of some of the changes, by their numbers in the call. */
export interface Tried {
  readonly of: readonly number[];
  readonly attempt: Attempt;
}

const LOST: ReadonlySet<NetconfCode> = new Set(["closed", "timed-out"]);
/** What an edit is refused with that has been done before. */
const AGAIN: ReadonlySet<string> = new Set(["data-exists", "data-missing"]);

export class Progress {
  readonly #changes: readonly Change[];
  readonly #settled = new Map<number, Outcome>();
  /** Sent once, without an answer. */
  readonly #unknown = new Set<number>();
  #last: NetconfFailure = { code: "closed", message: "the connection is lost again and again" };

  constructor(changes: readonly Change[]) {
    this.#changes = changes;
  }

  get todo(): readonly number[] {
    return this.#changes.flatMap((_, index) => (this.#settled.has(index) ? [] : [index]));
  }

  changesOf(of: readonly number[]): readonly Change[] {
    return of.flatMap((index) => this.#changes[index] ?? []);
  }

  /** @returns whether the host has to be asked what became of it */
  take({ of, attempt: { outcome, wasSent } }: Tried): boolean {
    if (outcome.ok) {
      this.#settle(of, outcome);
      return false;
    }
    const { code, error, index } = outcome.error;
    if (LOST.has(code)) {
      this.#last = outcome.error;
      if (wasSent) for (const each of of) this.#unknown.add(each);
      return wasSent;
    }
    if (AGAIN.has(error?.tag ?? "") && of.some((each) => this.#unknown.has(each))) return true;
    const at = index === undefined ? undefined : of[index];
    const { index: _, ...rest } = outcome.error;
    this.#settle(of, err(at === undefined ? rest : { ...rest, index: at }));
    return false;
  }

  /** What the host says that it has of them, in their order. */
  found(of: readonly number[], presences: readonly Presence[]): void {
    of.forEach((index, at) => {
      const [change, presence] = [this.#changes[index], presences[at]];
      if (change !== undefined && presence !== undefined && !isMissing(change, presence))
        this.#settle([index], ok(null));
    });
  }

  /** Before anything was sent, or looked for. */
  failed(reason: NetconfFailure): void {
    this.#last = reason;
  }

  /** In the order of the changes. */
  get outcomes(): readonly Outcome[] {
    return this.#changes.map(
      (_, index) =>
        this.#settled.get(index) ?? err(this.#unknown.has(index) ? { ...this.#last, isUncertain: true } : this.#last),
    );
  }

  #settle(of: readonly number[], outcome: Outcome): void {
    for (const index of of) this.#settled.set(index, outcome);
  }
}
