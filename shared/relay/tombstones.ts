/**
 * Relays that a node has taken part in, or that were given up: of these it takes no step, late, doubled or replayed.
 * Each is remembered for twice as long as a relay may take, and longer than any terms that the node would still accept
 * are good for. In memory only: after a crash, the links' pools still give the bits of a hop once.
 */
import { LIMITS } from "../limits.ts";
import type { RelayId, RelayTerms, VoidRelaysCall } from "./types.ts";

/** `new`: go on. Else why not: `full` is for want of room to remember it, and nothing is forgotten early for that. */
export type Begun = "new" | "again" | "voided" | "full";

const KEPT_MS = 2 * LIMITS.relayMs;

interface Tombstone {
  readonly untilMs: number;
  /** Null: it was given up before any step of it had come. */
  readonly of: VoidRelaysCall | null;
  /** The shares that have come, as bits: on two disjoint paths there is no node but the target. */
  shares: number;
  isVoided: boolean;
}

export class Tombstones {
  /** All are kept equally long, so that the first are the first to go. */
  readonly #relays = new Map<RelayId, Tombstone>();

  get size(): number {
    return this.#relays.size;
  }

  /** From now on, a step of this share is one that has been here. */
  begin({ relay, share, pair, shard, path: [from] }: RelayTerms, nowMs: number): Begun {
    const stone = this.#stoneOf(relay, nowMs, from === undefined ? null : { pair, shard, from });
    if (stone === null) return "full";
    if (stone.isVoided) return "voided";
    const bit = 1 << share[0];
    if ((stone.shares & bit) !== 0) return "again";
    stone.shares |= bit;
    return "new";
  }

  /** @returns false where there is no room to remember it */
  void(relay: RelayId, nowMs: number): boolean {
    const stone = this.#stoneOf(relay, nowMs, null);
    if (stone === null) return false;
    stone.isVoided = true;
    return true;
  }

  /** @returns those that have come so far */
  voidAll({ pair, shard, from }: VoidRelaysCall): readonly RelayId[] {
    const voided: RelayId[] = [];
    for (const [relay, stone] of this.#relays) {
      if (stone.of?.pair !== pair || stone.of.shard !== shard || stone.of.from !== from) continue;
      stone.isVoided = true;
      voided.push(relay);
    }
    return voided;
  }

  isVoided(relay: RelayId): boolean {
    return this.#relays.get(relay)?.isVoided === true;
  }

  #stoneOf(relay: RelayId, nowMs: number, of: Tombstone["of"]): Tombstone | null {
    for (const [oldest, { untilMs }] of this.#relays) {
      if (untilMs > nowMs) break;
      this.#relays.delete(oldest);
    }
    const known = this.#relays.get(relay);
    if (known !== undefined) return known;
    if (this.#relays.size >= LIMITS.relayTombstones) return null;
    const stone = { untilMs: nowMs + KEPT_MS, of, shares: 0, isVoided: false };
    this.#relays.set(relay, stone);
    return stone;
  }
}
