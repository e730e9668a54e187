/**
 * Relayed key that requests wait for. Of those that wait at the same time one call asks for the sum; who comes while it
 * is under way waits for the next one. Where links have too little for the sum, those who want least come first: nobody
 * is refused a little because somebody else wants much. Requests that bound the hops of their key wait apart, a line for
 * each bound: what others bring may not do for them.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, type Result } from "../../shared/result.ts";
import { within } from "../within.ts";
import { stillOnItsWay } from "./bring-key.ts";
import { busy } from "./refusals.ts";

type Outcome = Result<null, Fault>;
/** Brings so many bytes in. */
type Bring = (bytes: number, maxHops: number | undefined) => Promise<Outcome>;

interface Waiter {
  readonly bytes: number;
  readonly tell: (outcome: Outcome) => void;
}

interface Line {
  readonly waiting: Waiter[];
  isBusy: boolean;
  failed: Failed | null;
}

/** Why nothing came the last time, for those who come soon after and want as much or more. */
interface Failed {
  readonly fault: Fault;
  readonly fromBytes: number;
  readonly untilMs: number;
}

/** A fault is told without asking again for so long. */
const FAILED_MS = 250;
const UNBOUNDED = Infinity;

export class UrgentKey {
  readonly #bring: Bring;
  /** By the bound on hops: at most LIMITS.relayHops and one. */
  readonly #lines = new Map<number, Line>();

  constructor(bring: Bring) {
    this.#bring = bring;
  }

  /** Why so much cannot be had at this moment; null: ask. */
  refusal(bytes: number, maxHops: number | undefined): Fault | null {
    const failed = this.#lines.get(boundOf(maxHops))?.failed ?? null;
    return failed === null || bytes < failed.fromBytes || Date.now() >= failed.untilMs ? null : failed.fault;
  }

  /** Resolves when key has come, or did not, or at `endMs`: whoever waits looks whether it is enough. */
  async bytes(bytes: number, maxHops: number | undefined, endMs: number): Promise<Outcome> {
    const refusal = this.refusal(bytes, maxHops);
    if (refusal !== null) return err(refusal);
    const line = this.#lineOf(maxHops);
    if (line.waiting.length >= LIMITS.relayWaiting) return busy();
    const told = new Promise<Outcome>((tell) => {
      line.waiting.push({ bytes, tell });
    });
    void this.#run(line, maxHops);
    return (await within(Math.max(0, endMs - Date.now()), told)) ?? stillOnItsWay();
  }

  #lineOf(maxHops: number | undefined): Line {
    const bound = boundOf(maxHops);
    const known = this.#lines.get(bound);
    if (known !== undefined) return known;
    const line: Line = { waiting: [], isBusy: false, failed: null };
    this.#lines.set(bound, line);
    return line;
  }

  async #run(line: Line, maxHops: number | undefined): Promise<void> {
    if (line.isBusy) return;
    line.isBusy = true;
    try {
      // Requests of one commit find too little together: they come in this turn of the event loop.
      await Promise.resolve();
      while (line.waiting.length > 0) await this.#serve(line, nextGroup(line.waiting), maxHops);
    } finally {
      line.isBusy = false;
    }
  }

  /** Of a group that is too much the smaller half is asked for, and so on: about log2 of its size more calls at most. */
  async #serve(line: Line, group: readonly Waiter[], maxHops: number | undefined): Promise<void> {
    let open = group.toSorted((a, b) => a.bytes - b.bytes);
    let part = open;
    while (open.length > 0) {
      const bytes = sumOf(part);
      const outcome = await this.#bring(bytes, maxHops);
      line.failed = failedAfter(line.failed, bytes, outcome);
      if (isTooMuch(outcome)) {
        // Whoever wants more than these has no better chance.
        const smaller = part.length > 1 ? part : [];
        tellAll(open.slice(smaller.length), outcome);
        open = smaller;
      } else {
        const told = outcome.ok ? part : open;
        tellAll(told, outcome);
        open = open.slice(told.length);
      }
      part = open.slice(0, Math.ceil(open.length / 2));
    }
  }
}

const isTooMuch = (outcome: Outcome): boolean => !outcome.ok && outcome.error.code === "link-budget";

/** That less came says nothing about what was too much just before. */
function failedAfter(before: Failed | null, bytes: number, outcome: Outcome): Failed | null {
  if (outcome.ok) return before !== null && before.fromBytes > bytes ? before : null;
  return {
    fault: outcome.error,
    fromBytes: isTooMuch(outcome) ? bytes : 0,
    untilMs: Date.now() + FAILED_MS,
  };
}

function tellAll(waiters: readonly Waiter[], outcome: Outcome): void {
  for (const { tell } of waiters) tell(outcome);
}

const boundOf = (maxHops: number | undefined): number => Math.min(maxHops ?? UNBOUNDED, LIMITS.relayHops + 1);

const sumOf = (waiters: readonly Waiter[]): number => waiters.reduce((sum, { bytes }) => sum + bytes, 0);

/** The first of them, and those after it that fit into the same call. */
function nextGroup(waiting: Waiter[]): Waiter[] {
  let sum = 0;
  const end = waiting.findIndex(({ bytes }, at) => (sum += bytes) > LIMITS.relayUrgentBytes && at > 0);
  return waiting.splice(0, end === -1 ? waiting.length : end);
}
