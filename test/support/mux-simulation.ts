/**
 * A network on a fake clock, for tests: real muxes at an owner and at peers, and between them a hub that relays frames as
 * the real one does. Everything that happens follows from a seed.
 */
import type { MuxLimits } from "../../shared/mux/config.ts";
import { decodeFrame } from "../../shared/mux/decode.ts";
import { encodeFrame } from "../../shared/mux/encode.ts";
import { framesOf, HUB_SLOT, isRelayed, slotOf, typeOf, withSlot } from "../../shared/mux/frame.ts";
import { Mux } from "../../shared/mux/mux.ts";
import { RELAY_LIMITS, RelayWindow } from "../../shared/mux/relay-window.ts";
import type { IncomingOpen } from "../../shared/mux/stream.ts";

/** mulberry32: numbers in [0, 1) that follow from a seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A clock that jumps from event to event. */
export class SimulatedClock {
  nowMs = 0;
  readonly #settle: () => Promise<void>;
  /** A binary heap by time, then by order of entry. */
  readonly #events: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #entered = 0;

  /** @param settle resolves when every promise that can go on has done so */
  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#entered++, run };
    let at = this.#events.push(event) - 1;
    while (at > 0 && this.#isLater((at - 1) >> 1, at)) {
      this.#swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.nowMs + ms, resolve));
  }

  /** Runs until nothing is left to happen, or that time. @param check is called after every step */
  async run(check: () => void, untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await this.#settle();
      check();
      const first = this.#events[0];
      if (first === undefined || first.atMs > untilMs) return;
      this.nowMs = first.atMs;
      while (this.#events[0]?.atMs === this.nowMs) this.#pop()?.run();
    }
  }

  #pop(): { readonly run: () => void } | undefined {
    this.#swap(0, this.#events.length - 1);
    const first = this.#events.pop();
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#events.length && this.#isLater(least, child)) least = child;
      }
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #isLater(a: number, b: number): boolean {
    const [left, right] = [this.#events[a], this.#events[b]];
    if (left === undefined || right === undefined) return false;
    return left.atMs > right.atMs || (left.atMs === right.atMs && left.order > right.order);
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#events[a], this.#events[b]];
    if (left === undefined || right === undefined) return;
    this.#events[a] = right;
    this.#events[b] = left;
  }
}

export interface Path {
  /** From one end of the socket to the other. */
  readonly delayMs: number;
  /** On top of it, at most; order is kept. */
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  /** What the sender's side takes before it says that it is full. */
  readonly bufferBytes: number;
}

/** One direction of one WebSocket. */
class Pipe {
  readonly #clock: SimulatedClock;
  readonly #path: Path;
  readonly #random: () => number;
  readonly #deliver: (frame: Uint8Array) => void;
  #freeMs = 0;
  #lastMs = 0;
  #cut = false;

  constructor(clock: SimulatedClock, path: Path, random: () => number, deliver: (frame: Uint8Array) => void) {
    this.#clock = clock;
    this.#path = path;
    this.#random = random;
    this.#deliver = deliver;
  }

  send(frame: Uint8Array): void | Promise<void> {
    const { delayMs, jitterMs, bytesPerMs, bufferBytes } = this.#path;
    const { nowMs } = this.#clock;
    this.#freeMs = Math.max(this.#freeMs, nowMs) + frame.length / bytesPerMs;
    this.#lastMs = Math.max(this.#lastMs, this.#freeMs + delayMs + jitterMs * this.#random());
    this.#clock.at(this.#lastMs, () => {
      if (!this.#cut) this.#deliver(frame);
    });
    const aheadMs = this.#freeMs - nowMs - bufferBytes / bytesPerMs;
    return aheadMs > 0 ? this.#clock.sleep(aheadMs) : undefined;
  }

  cut(): void {
    this.#cut = true;
  }
}

interface Socket {
  readonly mux: Mux;
  readonly toHub: Pipe;
  readonly fromHub: Pipe;
  readonly waiting: RelayWindow;
}

export interface NetworkOptions {
  readonly clock: SimulatedClock;
  readonly random: () => number;
  readonly limits?: Partial<MuxLimits>;
  /** How much the hub sends from mark to mark. */
  readonly markBytes?: number;
  readonly onOpen: (open: IncomingOpen, at: "owner" | "peer") => void;
}

/** The owner, the hub and the peers. */
export class SimulatedNetwork {
  readonly owner: Socket;
  readonly #options: NetworkOptions;
  readonly #peers = new Map<number, Socket>();
  #nextSlot = 1;
  #ownerGone = false;
  /** What the hub would have closed a socket for; a peer that keeps to the rules never does that. */
  readonly culprits: number[] = [];

  constructor(options: NetworkOptions, ownerPath: Path) {
    this.#options = options;
    this.owner = this.#connect(ownerPath, "owner", (frame) => this.#fromOwner(frame));
  }

  connect(path: Path): { readonly slot: number; readonly mux: Mux } {
    const slot = this.#nextSlot++;
    const socket = this.#connect(path, "peer", (frame) => {
      if (!isRelayed(frame)) this.#acknowledged(socket, frame);
      else if (!this.#ownerGone) this.#relay(this.owner, withSlot(frame, slot), slot);
      else if (typeOf(frame) === "open") this.#tellGone(socket, 0);
    });
    this.#peers.set(slot, socket);
    return { slot, mux: socket.mux };
  }

  muxes(): Mux[] {
    return [this.owner, ...this.#peers.values()].map(({ mux }) => mux);
  }

  /** A peer's socket breaks: both ends hear of it, and the hub tells the owner. */
  cutPeer(slot: number): void {
    const peer = this.#peers.get(slot);
    if (peer === undefined) return;
    this.#peers.delete(slot);
    this.#break(peer, "the peer's socket was cut");
    this.#tellGone(this.owner, slot);
  }

  /** The owner's breaks: the hub tells the peers. */
  cutOwner(): void {
    this.#break(this.owner, "the owner's socket was cut");
    this.#ownerGone = true;
    for (const peer of this.#peers.values()) this.#tellGone(peer, 0);
  }

  #tellGone(to: Socket, slot: number): void {
    this.#relay(to, encodeFrame({ type: "peer-gone", slot, stream: 0 }), 0);
  }

  #break({ toHub, fromHub, mux }: Socket, reason: string): void {
    toHub.cut();
    fromHub.cut();
    mux.lost(reason);
  }

  #connect(path: Path, role: "owner" | "peer", toHub: (frame: Uint8Array) => void): Socket {
    const { clock, random, limits, markBytes = RELAY_LIMITS.markBytes, onOpen } = this.#options;
    const up = new Pipe(clock, path, random, (message) => {
      for (const frame of framesOf(message)) toHub(frame.slice());
    });
    const mux: Mux = new Mux({
      transport: { send: (frame) => up.send(frame) },
      role,
      now: () => clock.nowMs,
      soon: queueMicrotask,
      onOpen: (open) => onOpen(open, role),
      ...(limits === undefined ? {} : { limits }),
    });
    const down = new Pipe(clock, path, random, (frame) => mux.received(frame));
    return { mux, toHub: up, fromHub: down, waiting: new RelayWindow(undefined, { ...RELAY_LIMITS, markBytes }) };
  }

  #fromOwner(frame: Uint8Array): void {
    if (!isRelayed(frame)) {
      this.#acknowledged(this.owner, frame);
      return;
    }
    const slot = slotOf(frame);
    const peer = this.#peers.get(slot);
    if (peer !== undefined) this.#relay(peer, withSlot(frame, 0), slot);
    else if (typeOf(frame) === "open") this.#tellGone(this.owner, slot);
  }

  #relay(to: Socket, frame: Uint8Array, source: number): void {
    if (!to.waiting.admits(frame.length, typeOf(frame) === "data")) {
      this.culprits.push(to.waiting.largestSource() ?? -1);
    }
    this.#put(to, frame, source);
    if (!to.waiting.isMarkDue) return;
    const token = Uint8Array.from({ length: 8 }, () => 256 * this.#options.random());
    this.#put(to, encodeFrame({ type: "mark", slot: 0, stream: 0, token }), HUB_SLOT);
    to.waiting.marked(token);
  }

  #put(to: Socket, frame: Uint8Array, source: number): void {
    to.waiting.sent(source, frame.length);
    void to.fromHub.send(frame);
  }

  #acknowledged({ waiting }: Socket, frame: Uint8Array): void {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "ack") return;
    if (!waiting.acknowledged(decoded.value.token)) throw new Error("acknowledges what was not sent");
  }
}
