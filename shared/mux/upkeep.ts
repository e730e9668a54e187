/** What a mux sends on its own account: acknowledgements to the hub, and pings that windows are tuned by. */
import type { Result } from "../result.ts";
import type { Ending } from "./codes.ts";
import type { MuxGauges, MuxLimits } from "./config.ts";
import { encodeFrame } from "./encode.ts";
import { SOCKET_SLOT } from "./frame.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peers.ts";

/** In a row, when a peer is new. */
const FIRST_PINGS = 8;

export class Upkeep {
  readonly #outbox: Outbox;
  readonly #gauges: MuxGauges;
  readonly #limits: MuxLimits;
  readonly #now: () => number;
  #acknowledgedBytes = 0;

  constructor(outbox: Outbox, gauges: MuxGauges, limits: MuxLimits, now: () => number) {
    this.#outbox = outbox;
    this.#gauges = gauges;
    this.#limits = limits;
    this.#now = now;
  }

  /** Every `ackBytes` received; `sending` something anyway, every quarter of that. */
  acknowledge(sending: boolean): void {
    const totalBytes = this.#gauges.bytesIn;
    if (totalBytes - this.#acknowledgedBytes < this.#limits.ackBytes / (sending ? 4 : 1)) return;
    this.#acknowledgedBytes = totalBytes;
    this.#outbox.queue(encodeFrame({ type: "ack", slot: SOCKET_SLOT, stream: 0, totalBytes }));
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
