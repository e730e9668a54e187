/** The streams and peers of one mux, and how many of each there may be. */
import type { Code, Ending, StreamEnd } from "./codes.ts";
import type { MuxGauges, MuxLimits } from "./config.ts";
import { STREAM_ID_MAX } from "./frame.ts";
import { Peer, type Role } from "./peers.ts";
import { ReceiveBudget } from "./receive-budget.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Stream, type StreamHost } from "./stream.ts";

type StreamOf = ConstructorParameters<typeof Stream>[1];

export class StreamTable {
  readonly budget: ReceiveBudget;
  readonly #role: Role;
  readonly #limits: MuxLimits;
  readonly #gauges: MuxGauges;
  readonly #peers = new Map<number, Peer>();
  readonly #streams = new Map<number, Stream>();

  constructor(role: Role, limits: MuxLimits, gauges: MuxGauges) {
    this.budget = new ReceiveBudget(limits);
    this.#role = role;
    this.#limits = limits;
    this.#gauges = gauges;
  }

  get slots(): Iterable<number> {
    return this.#peers.keys();
  }

  known(slot: number): Peer | undefined {
    return this.#peers.get(slot);
  }

  peer(slot: number): Peer {
    const known = this.#peers.get(slot);
    if (known !== undefined) return known;
    const peer = new Peer(slot, this.#role);
    this.#peers.set(slot, peer);
    return peer;
  }

  find(slot: number, id: number): Stream | undefined {
    return this.#streams.get(keyOf(slot, id));
  }

  /** Why one stream more with that peer would be too many; null where it would not. @param asked who asks for it */
  full(peer: Peer, asked: "here" | "there"): Ending | null {
    const { streams, streamsPerSlot, waitingOpens } = this.#limits;
    if (this.#streams.size >= streams) return tooMany(`at most ${streams} on a socket`);
    if (peer.streams >= streamsPerSlot) return tooMany(`at most ${streamsPerSlot} with one peer`);
    if (asked === "there" && peer.waiting >= waitingOpens) return tooMany(`at most ${waitingOpens} may wait`);
    return null;
  }

  /** @param asked which end asks for it */
  add(host: StreamHost, of: StreamOf, asked: "here" | "there"): Stream {
    const window = new ReceiveWindow(this.budget, of.slot, this.#limits, host.now());
    if (asked === "there") window.grantEarly();
    const stream = new Stream(host, of, window, asked);
    const peer = this.peer(of.slot);
    peer.streams++;
    if (stream.phase === "asked") peer.waiting++;
    this.#streams.set(keyOf(of.slot, of.id), stream);
    this.#gauges.streams = this.#streams.size;
    return stream;
  }

  remove(stream: Stream, end: StreamEnd): void {
    this.#streams.delete(keyOf(stream.slot, stream.id));
    const peer = this.peer(stream.slot);
    peer.streams--;
    if (stream.phase === "asked") peer.waiting--;
    this.#gauges.streams = this.#streams.size;
    if (end.kind === "reset") this.#gauges.resets++;
  }

  /** A copy, so that the caller may end them. */
  streams(): Stream[] {
    return [...this.#streams.values()];
  }

  /** Ends what there is with a peer, and forgets it: its slot may be given to another. */
  forget(slot: number, code: Code, reason: string): void {
    for (const stream of this.streams()) {
      if (stream.slot === slot) stream.fail({ kind: "reset", by: "there", code, reason });
    }
    this.#peers.get(slot)?.roundTrip.fail({ code, reason });
    this.#peers.delete(slot);
  }

  clear(ending: Ending): void {
    for (const slot of this.#peers.keys()) this.forget(slot, ending.code, ending.reason);
  }
}

const keyOf = (slot: number, id: number): number => slot * (STREAM_ID_MAX + 1) + id;
const tooMany = (reason: string): Ending => ({ code: "too-many-streams", reason });
