/** What a mux sends on its own account: pings that windows are tuned by. */
import type { Result } from "../result.ts";
import type { Ending } from "./codes.ts";
import type { MuxLimits } from "./config.ts";
import { encodeFrame } from "./encode.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peers.ts";

/** In a row, when a peer is new. */
const FIRST_PINGS = 8;

export class Upkeep {
  readonly #outbox: Outbox;
  readonly #limits: MuxLimits;
  readonly #now: () => number;

  constructor(outbox: Outbox, limits: MuxLimits, now: () => number) {
    this.#outbox = outbox;
    this.#limits = limits;
    this.#now = now;
  }

  /** Pings a peer if that was not done of late, or hardly ever: the first often meets cold code. Never two at once. */
  measure({ slot, roundTrip }: Peer): void {
    const due = roundTrip.answered < FIRST_PINGS || this.#now() - roundTrip.lastSentMs >= this.#limits.pingMs;
    if (due && roundTrip.underWay === 0) {
      this.ping({ slot, roundTrip }, () => {});
    }
  }

  ping({ slot, roundTrip }: Pick<Peer, "slot" | "roundTrip">, resolve: (rtt: Result<number, Ending>) => void): void {
    const token = roundTrip.start(this.#now(), resolve);
    this.#outbox.queue(encodeFrame({ type: "ping", slot, stream: 0, token }));
  }
}
