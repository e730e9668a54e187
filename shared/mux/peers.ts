/** What a mux keeps of each slot it has had to do with: stream ids used, opens waiting, round trip, whether it leaves. */
import type { Ending } from "./codes.ts";
import { STREAM_ID_MAX } from "./frame.ts";
import { RoundTrip } from "./round-trip.ts";

/** Of a mux on its socket: the owner's, where frames carry peers' slots, or a peer's, where the owner is slot 0. */
export type Role = "owner" | "peer";

export class Peer {
  readonly slot: number;
  readonly roundTrip = new RoundTrip();
  streams = 0;
  /** Of them, those that it asked for and that have no answer. */
  waiting = 0;
  /** It takes no new streams. */
  leaving: Ending | null = null;
  readonly #role: Role;
  /** Ids only rise, so that one number tells closed streams from those that never were. */
  #ourNext: number;
  #theirHighest = 0;

  constructor(slot: number, role: Role) {
    this.slot = slot;
    this.#role = role;
    this.#ourNext = role === "peer" ? 1 : 2;
  }

  /** An id for a stream that this end opens; null once there are none left. */
  takeId(): number | null {
    const id = this.#ourNext;
    if (id > STREAM_ID_MAX) return null;
    this.#ourNext += 2;
    return id;
  }

  /** @returns false where the other end may not open a stream by that id: not its parity, or used */
  noteTheirs(id: number): boolean {
    if (this.#isOurs(id) || id <= this.#theirHighest) return false;
    this.#theirHighest = id;
    return true;
  }

  /** Whether there was ever a stream by that id. */
  knew(id: number): boolean {
    return this.#isOurs(id) ? id < this.#ourNext : id <= this.#theirHighest;
  }

  #isOurs(id: number): boolean {
    return id % 2 === (this.#role === "peer" ? 1 : 0);
  }
}
