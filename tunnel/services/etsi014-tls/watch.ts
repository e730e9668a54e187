/**
 * Finds the open connections whose certificate no longer counts at the edge, and has them closed: within a second of a
 * revocation, busy or idle.
 *
 * The edge alone can tell, so it is asked as each caller in turn, but only after something changed there: a look begins
 * with one certificate, and while the answer's sequence is the one the others were seen at, it ends with that.
 */
import { LIMITS } from "../../../shared/limits.ts";
import type { Caller } from "./identity.ts";

/** The sequence at which the edge knows the caller; `refused` where it does not; `unclear` where it cannot be told. */
export type Verdict = number | "refused" | "unclear";
/** Never rejects. */
export type Ask = (caller: Caller) => Promise<Verdict>;

export interface Watch {
  /** A connection opens; to be called when it closes is what this returns. */
  enter(caller: Caller, hangUp: () => void): () => void;
  /** Looks once. */
  look(): Promise<void>;
  /** Looks again and again from now on. @returns how to end that */
  keepLooking(): () => void;
}

/** A certificate at a node, with its connections: when each opened, and how to close it. */
interface Presence {
  readonly caller: Caller;
  readonly connections: Map<() => void, number>;
  /** Null: not known to count. */
  seenAt: number | null;
  askedAtMs: number;
}

/** @param nowMs steady, for ages: a corrected wall clock must not make a connection younger */
export function createWatch(ask: Ask, nowMs: () => number = () => performance.now()): Watch {
  const presences = new Map<string, Presence>();

  async function askAs(presence: Presence): Promise<Verdict> {
    presence.askedAtMs = nowMs();
    const verdict = await ask(presence.caller);
    if (verdict === "refused") {
      presence.seenAt = null;
      hangUp(presence, nowMs() - LIMITS.frontStrangerMs);
    } else if (verdict !== "unclear") presence.seenAt = verdict;
    return verdict;
  }

  /** Some at a time. The first unclear answer ends it: an edge in trouble gets few questions. */
  async function askAsEach(due: readonly Presence[]): Promise<void> {
    const queue = due.values();
    let clear = true;
    const work = async (): Promise<void> => {
      for (const presence of queue) {
        if (!clear) return;
        if (presence.connections.size > 0 && (await askAs(presence)) === "unclear") clear = false;
      }
    };
    await Promise.all(Array.from({ length: LIMITS.frontAsks }, work));
  }

  async function look(): Promise<void> {
    for (const presence of presences.values()) if (presence.caller.notAfterMs < Date.now()) hangUp(presence, nowMs());
    // Who waited longest comes first, so that none can keep the others from their turn.
    const byTurn = [...presences.values()].toSorted((a, b) => a.askedAtMs - b.askedAtMs);
    const first = byTurn.find(({ seenAt }) => seenAt !== null);
    const verdict = first === undefined ? null : await askAs(first);
    if (verdict === "unclear") return;
    // All the others where the first one was refused: that, too, is news.
    await askAsEach(byTurn.filter((one) => one !== first && (one.seenAt === null || one.seenAt !== verdict)));
  }

  return {
    enter(caller, close) {
      const name = nameOf(caller);
      const presence = presences.get(name) ?? newPresence(caller);
      presences.set(name, presence);
      presence.connections.set(close, nowMs());
      return () => {
        presence.connections.delete(close);
        if (presence.connections.size === 0 && presences.get(name) === presence) presences.delete(name);
      };
    },
    look,
    keepLooking() {
      let timer: NodeJS.Timeout;
      let ended = false;
      const next = (): void => {
        if (!ended) timer = setTimeout(() => void look().finally(next), LIMITS.frontWatchMs).unref();
      };
      next();
      return () => {
        ended = true;
        clearTimeout(timer);
      };
    },
  };
}

const nameOf = ({ node, fingerprint }: Caller): string => `${fingerprint} ${node}`;

const newPresence = (caller: Caller): Presence => ({
  caller,
  connections: new Map(),
  seenAt: null,
  askedAtMs: Number.NEGATIVE_INFINITY,
});

/** Younger ones stay for now: a caller who never counted shall be told so, by a 401 to its request. */
function hangUp({ connections }: Presence, openedBeforeMs: number): void {
  for (const [close, openedAtMs] of connections) if (openedAtMs <= openedBeforeMs) close();
}
