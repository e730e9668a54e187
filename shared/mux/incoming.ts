/**
 * What each frame that arrives does. Nothing a peer sends may throw, grow without bound or touch another peer's streams:
 * a fault resets the stream that it names, and no more.
 */
import type { Code } from "./codes.ts";
import type { MuxGauges, MuxLimits, MuxOptions } from "./config.ts";
import { decodeFrame } from "./decode.ts";
import { encodeFrame } from "./encode.ts";
import { type Frame, type FrameOf, framesOf, type FrameType, SOCKET_SLOT } from "./frame.ts";
import type { Outbox } from "./outbox.ts";
import type { Stream, StreamHost } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import type { Upkeep } from "./upkeep.ts";

/** Of the socket as such at an owner's; all others are about one peer. */
const SOCKET_TYPES: ReadonlySet<FrameType> = new Set(["ack", "goaway", "mark", "ping", "pong"]);

export interface IncomingParts {
  readonly options: MuxOptions;
  readonly limits: MuxLimits;
  readonly gauges: MuxGauges;
  readonly table: StreamTable;
  readonly outbox: Outbox;
  readonly upkeep: Upkeep;
  readonly host: StreamHost;
  /** Why this end takes no new streams; null where it does. */
  readonly leaving: () => { readonly code: Code; readonly reason: string } | null;
}

type Handlers = { readonly [T in FrameType]: (frame: FrameOf<T>) => void };

export class Incoming {
  readonly #parts: IncomingParts;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  handle(message: Uint8Array): void {
    for (const frame of framesOf(message)) this.#handleFrame(frame);
  }

  #handleFrame(bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes);
    if (!decoded.ok) this.#fault(decoded.error);
    else if (!this.#slotFits(decoded.value)) this.#fault(decoded.value);
    else (this.#on[decoded.value.type] as (frame: Frame) => void)(decoded.value);
  }

  readonly #on: Handlers = {
    open: (frame) => this.#open(frame),
    accept: (frame) => this.#to(frame, (stream) => stream.wasAccepted(frame.creditBytes)),
    refuse: (frame) =>
      this.#to(frame, (stream) => {
        if (stream.phase !== "asking") return false;
        stream.fail({ kind: "reset", by: "there", code: frame.code, reason: frame.reason });
        return true;
      }),
    data: (frame) => this.#receive(frame, frame.payload, frame.fin),
    fin: (frame) => this.#receive(frame, new Uint8Array(), true),
    credit: (frame) => this.#to(frame, (stream) => stream.receiveCredit(frame.creditBytes)),
    reset: ({ slot, stream, code, reason }) =>
      this.#parts.table.find(slot, stream)?.fail({ kind: "reset", by: "there", code, reason }),
    ping: ({ slot, token }) => this.#echo("pong", slot, token),
    pong: ({ slot, token }) => {
      const { table, options, gauges, upkeep } = this.#parts;
      const peer = table.known(slot);
      const rttMs = peer?.roundTrip.answer(token, options.now()) ?? null;
      if (peer === undefined || rttMs === null) return;
      gauges.rttMs = rttMs;
      if (peer.streams > 0) upkeep.measure(peer);
    },
    goaway: ({ slot, code, reason }) => {
      this.#parts.table.peer(slot).leaving = { code, reason };
      this.#parts.options.onGoAway?.(slot, { code, reason });
    },
    mark: ({ token }) => this.#echo("ack", SOCKET_SLOT, token),
    ack: () => {}, // for the hub, which keeps the account
    "peer-gone": ({ slot, token }) => {
      const { table, outbox } = this.#parts;
      table.forget(slot, "peer-gone", "");
      // At once, before anybody who waited for a stream can open another.
      if (token !== undefined) outbox.queue(encodeFrame({ type: "pong", slot, stream: 0, token }));
      this.#parts.options.onPeerGone?.(slot);
    },
  };

  #slotFits({ slot, type }: Frame): boolean {
    if (this.#parts.options.role === "peer") return slot === SOCKET_SLOT;
    return slot !== SOCKET_SLOT || SOCKET_TYPES.has(type);
  }

  #echo(type: "pong" | "ack", slot: number, token: Uint8Array): void {
    const { outbox, limits } = this.#parts;
    if (outbox.waiting(slot) >= limits.controlFrames) return;
    outbox.queue(encodeFrame({ type, slot, stream: 0, token }));
  }

  #open(frame: FrameOf<"open">): void {
    const { options, limits, gauges, table, outbox, host } = this.#parts;
    const { slot, stream: id, service, creditBytes } = frame;
    if (outbox.waiting(slot) >= limits.controlFrames) {
      gauges.faults++;
      return; // it does not take our answers: no more of them
    }
    const peer = table.peer(slot);
    if (!peer.noteTheirs(id)) {
      this.#fault(frame);
      return;
    }
    const obstacle = this.#parts.leaving() ?? table.full(peer, "there");
    if (obstacle !== null) {
      gauges.refused++;
      outbox.queue(encodeFrame({ type: "refuse", slot, stream: id, ...obstacle }));
      return;
    }
    options.onOpen(table.add(host, { slot, id, service, creditBytes }, "there"));
  }

  #receive(frame: Frame, payload: Uint8Array, fin: boolean): void {
    this.#to(frame, (stream) => {
      const code = stream.receive(payload, fin);
      if (code === "credit-exceeded") {
        this.#parts.gauges.creditExceeded++;
        stream.reset(code);
      }
      return code !== "protocol-error";
    });
  }

  /** Lets a frame's stream have it. Frames of streams that are over crossed their end on the way. */
  #to(frame: Frame, act: (stream: Stream) => boolean): void {
    const { table, gauges } = this.#parts;
    const stream = table.find(frame.slot, frame.stream);
    if (stream !== undefined) {
      if (!act(stream)) this.#fault(frame);
    } else if (table.known(frame.slot)?.knew(frame.stream) !== true) {
      gauges.faults++;
      this.#replyReset(frame, "unknown-stream");
    }
  }

  /** A frame that breaks the protocol takes its stream along, if it names one that it may name. */
  #fault({ slot, stream: id }: { readonly slot: number; readonly stream: number }): void {
    const { table, gauges, options } = this.#parts;
    gauges.faults++;
    if (id === 0 || (slot === SOCKET_SLOT) !== (options.role === "peer")) return;
    const stream = table.find(slot, id);
    if (stream === undefined) this.#replyReset({ slot, stream: id }, "protocol-error");
    else if (stream.phase === "asked") stream.refuse("protocol-error");
    else stream.reset("protocol-error");
  }

  #replyReset({ slot, stream }: { readonly slot: number; readonly stream: number }, code: Code): void {
    const { outbox, limits } = this.#parts;
    if (outbox.waiting(slot) >= limits.controlFrames) return;
    outbox.queue(encodeFrame({ type: "reset", slot, stream, code, reason: "" }));
  }
}
