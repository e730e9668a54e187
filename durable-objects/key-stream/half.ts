/** One node's half of a stream, in memory: what of it has to survive is in the pool. */
import { NextIndex } from "../../shared/etsi004/next-index.ts";
import type { RateBucket } from "../../shared/etsi004/rate.ts";
import { AT_REST, type Pace } from "../../shared/etsi004/read-ahead.ts";
import type { Ksid, StreamEnd } from "../../shared/etsi004/types.ts";
import type { SaeId } from "../../shared/ids.ts";
import type { StreamEndState, StreamState } from "../../shared/keypool/streams.ts";
import { HeldChunks } from "./held-chunks.ts";
import { News } from "./news.ts";
import type { Place } from "./store.ts";
import { Turns } from "./turns.ts";

/** An end of a stream: the application that opened it here. */
export class End {
  readonly self: StreamEnd;
  /** Of this stream only: under the same KSID another may follow while a call still waits. */
  readonly instance: number;
  readonly turns: Turns;
  readonly held = new HeldChunks();
  /** Null: only the pool knows. */
  next: NextIndex | null = null;
  pace: Pace = AT_REST;
  /** Null: full. */
  bucket: RateBucket | null = null;
  /** Looks after what is held, while something is. */
  isWatched = false;

  constructor(self: StreamEnd, instance: number, nowMs: () => number) {
    this.self = self;
    this.instance = instance;
    this.turns = new Turns(nowMs);
  }

  get isIdle(): boolean {
    return this.turns.isIdle && this.held.size === 0;
  }
}

/** An end, in its half. */
export interface Seat {
  readonly half: Half;
  readonly end: End;
}

export class Half {
  readonly ksid: Ksid;
  readonly place: Place;
  readonly news = new News();
  readonly #nowMs: () => number;
  readonly #ends = new Map<SaeId, End>();
  #stream: StreamState;

  constructor(ksid: Ksid, place: Place, stream: StreamState, nowMs: () => number) {
    this.ksid = ksid;
    this.place = place;
    this.#stream = stream;
    this.#nowMs = nowMs;
  }

  /** As the pool told it last. */
  get stream(): StreamState {
    return this.#stream;
  }

  get ends(): readonly End[] {
    return [...this.#ends.values()];
  }

  /** May it be forgotten without anybody noticing? */
  get isIdle(): boolean {
    return this.news.waiting === 0 && this.ends.every((end) => end.isIdle);
  }

  /** What the pool says of the stream now. Another instance is another stream: nothing of the former is of use to it. */
  learn(stream: StreamState): void {
    if (stream.instance < this.#stream.instance) return;
    if (stream.instance > this.#stream.instance) this.dropEnds();
    this.#stream = stream;
  }

  /** The end that this application has opened, whether or not it has closed it since; null: it has not. */
  endOf(self: StreamEnd): End | null {
    const state = this.#stateOf(self);
    if (state === undefined || state.state === "absent") return null;
    let end = this.#ends.get(self.sae);
    if (end === undefined) {
      end = new End(self, this.#stream.instance, this.#nowMs);
      // No chunk has been made: no need to ask which of them are left.
      if (this.#stream.nextIndex === 0) end.next = new NextIndex(0);
      this.#ends.set(self.sae, end);
    }
    return end;
  }

  isClosedBy(self: StreamEnd): boolean {
    return this.#stateOf(self)?.state === "closed";
  }

  /** What this end's peer is. */
  peerOf(self: StreamEnd): StreamEndState {
    const [one, other] = this.#stream.ends;
    return one === this.#stateOf(self) ? other : one;
  }

  dropEnds(): void {
    for (const end of this.ends) end.held.dropAll();
    this.#ends.clear();
  }

  #stateOf({ sae, node }: StreamEnd): StreamEndState | undefined {
    return this.#stream.ends.find((end) => end.sae === sae && end.node === node);
  }
}
