/** One stream: bytes each way, each end closed by itself (half-close), or all of it reset. */
import { type Result, err, ok } from "../result.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { type Code, type Ending, type StreamEnd, StreamError } from "./codes.ts";
import { dataHeader, encodeFrame } from "./encode.ts";
import type { OutgoingMessage } from "./message.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { Sender } from "./scheduler.ts";

export interface MuxStream {
  readonly id: number;
  readonly slot: number;
  readonly service: string;
  /** The other end's answer, where this end has asked; what is written before may be lost by a refusal. */
  readonly opened: Promise<Result<MuxStream, Ending>>;
  /** Written and not yet gone to the transport. */
  readonly queuedBytes: number;
  /**
   * The next bytes; null after the other end's last. Reading is what grants new credit. One read at a time.
   * @throws {StreamError} (rejects) where the stream was reset; what had not been read is gone
   */
  read(): Promise<Uint8Array | null>;
  /**
   * Resolves when there is room for more: wait for it before the next write.
   * @param bytes belong to the stream from now on
   * @throws {StreamError} (rejects) where the stream was reset or this end of it has ended
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * No more will be written; resolves when the last byte has gone to the transport. Reading goes on.
   * @param last goes with it: a frame less than if it were written before
   */
  end(last?: Uint8Array): Promise<void>;
  /** Gives the stream up in both directions. Who stops reading before the end has to call it. */
  reset(code: Code, reason?: string): void;
  /** Tells the other end now that its stream was accepted, if that still waits for the answer. */
  confirm(): void;
  readonly closed: Promise<StreamEnd>;
}

/** A stream that the other end asks for. It may be answered later; `closed` tells if nobody waits any more. */
export interface IncomingOpen {
  readonly slot: number;
  readonly service: string;
  readonly closed: Promise<StreamEnd>;
  /** @param answering says so along with the first bytes of the answer, unless the other end needs more credit before */
  accept(answering?: "at-once" | "with-answer"): MuxStream;
  refuse(code: Code, reason?: string): void;
}

/** What a stream needs of its mux. */
export interface StreamHost {
  readonly sendBufferBytes: number;
  /** What may be sent on a stream before it is accepted. */
  readonly earlyBytes: number;
  now(): number;
  rttMs(slot: number): number | null;
  control(frame: Uint8Array): void;
  grant(stream: Stream, creditBytes: number): void;
  wake(stream: Stream): void;
  stalled(): void;
  accepted(stream: Stream): void;
  /** Called while the stream still has the phase that it ends in. */
  over(stream: Stream, end: StreamEnd): void;
}

/** Credit that adds up to more is an attack or a mistake. */
const CREDIT_MAX_BYTES = 0x7fff_ffff;
const DONE = Promise.resolve();
const ENDED: Ending = { code: "cancelled", reason: "this end has ended" };

/** A part of a message would keep all of it in memory: what is less than half of one goes without. */
const ownBytes = (payload: Uint8Array): Uint8Array =>
  2 * payload.length < payload.buffer.byteLength ? payload.slice() : payload;

type Waiter<T> = Pick<PromiseWithResolvers<T>, "resolve" | "reject">;

export class Stream implements MuxStream, IncomingOpen, Sender {
  readonly id: number;
  readonly slot: number;
  readonly service: string;
  readonly closed: Promise<StreamEnd>;
  readonly opened: Promise<Result<MuxStream, Ending>>;
  readonly window: ReceiveWindow;
  readonly #host: StreamHost;
  readonly #close: (end: StreamEnd) => void;
  /** `asked`: by the other end, for our answer; `asking`: the other way round. */
  #phase: "asked" | "asking" | "open" | "over";
  #end: StreamEnd | null = null;

  readonly #incoming = new ChunkQueue();
  #reader: Waiter<Uint8Array | null> | null = null;
  #finReceived = false;

  readonly #outgoing = new ChunkQueue();
  #creditBytes: number;
  #writers: Waiter<void>[] = [];
  #ending: PromiseWithResolvers<void> | null = null;
  #finSent = false;
  readonly #answer: (opened: Result<MuxStream, Ending>) => void;
  /** Granted by an acceptance that the other end has not been told of; null where it has. */
  #owedCreditBytes: number | null = null;
  /** Read meanwhile. */
  #earlyBytes = 0;

  /**
   * @param of its credit: what this end may send at once
   * @param asked which end asks for it
   */
  constructor(
    host: StreamHost,
    of: { readonly slot: number; readonly id: number; readonly service: string; readonly creditBytes: number },
    window: ReceiveWindow,
    asked: "here" | "there",
  ) {
    this.id = of.id;
    this.slot = of.slot;
    this.service = of.service;
    this.window = window;
    this.#creditBytes = of.creditBytes;
    this.#host = host;
    this.#phase = asked === "there" ? "asked" : "asking";
    const closing = Promise.withResolvers<StreamEnd>();
    this.closed = closing.promise;
    this.#close = closing.resolve;
    const opening = Promise.withResolvers<Result<MuxStream, Ending>>();
    this.opened = opening.promise;
    this.#answer = opening.resolve;
    if (asked === "there") this.#answer(ok(this));
  }

  get phase(): "asked" | "asking" | "open" | "over" {
    return this.#phase;
  }

  get queuedBytes(): number {
    return this.#outgoing.byteLength;
  }

  /** Received and not yet read. */
  get bufferedBytes(): number {
    return this.#incoming.byteLength;
  }

  get sendable(): boolean {
    if ((this.#phase !== "open" && this.#phase !== "asking") || this.#finSent) return false;
    return this.queuedBytes > 0 ? this.#creditBytes > 0 : this.#ending !== null;
  }

  // What the application calls.

  accept(answering: "at-once" | "with-answer" = "at-once"): MuxStream {
    if (this.#phase !== "asked") return this;
    this.#phase = "open";
    this.#host.accepted(this);
    this.#owedCreditBytes = this.window.grantFirst();
    if (answering === "at-once") this.confirm();
    return this;
  }

  confirm(): void {
    if (this.#owedCreditBytes !== null) this.#host.control(this.#acceptance(this.#owedCreditBytes));
  }

  refuse(code: Code, reason = ""): void {
    if (this.#phase !== "asked") return;
    this.#host.control(encodeFrame({ type: "refuse", slot: this.slot, stream: this.id, code, reason }));
    this.fail({ kind: "reset", by: "here", code, reason });
  }

  read(): Promise<Uint8Array | null> {
    if (this.#reader !== null) return Promise.reject(new Error("a read is under way on this stream"));
    const chunk = this.#incoming.shift();
    if (chunk !== undefined) {
      this.#wasRead(chunk.length);
      return Promise.resolve(chunk);
    }
    if (this.#end?.kind === "reset") return Promise.reject(new StreamError(this.#end));
    if (this.#finReceived) return Promise.resolve(null);
    const { promise, ...reader } = Promise.withResolvers<Uint8Array | null>();
    this.#reader = reader;
    return promise;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#end?.kind === "reset") return Promise.reject(new StreamError(this.#end));
    if (this.#ending !== null) return Promise.reject(new StreamError(ENDED));
    this.#outgoing.push(bytes);
    this.#wake();
    if (this.queuedBytes <= this.#host.sendBufferBytes) return DONE;
    const { promise, ...writer } = Promise.withResolvers<void>();
    this.#writers.push(writer);
    return promise;
  }

  end(last?: Uint8Array): Promise<void> {
    if (this.#ending !== null) return this.#ending.promise;
    if (this.#end?.kind === "reset") return Promise.reject(new StreamError(this.#end));
    if (last !== undefined) this.#outgoing.push(last);
    this.#ending = Promise.withResolvers<void>();
    this.#wake();
    return this.#ending.promise;
  }

  reset(code: Code, reason = ""): void {
    if (this.#phase === "asked") this.refuse(code, reason);
    if (this.#phase === "over") return;
    this.#host.control(encodeFrame({ type: "reset", slot: this.slot, stream: this.id, code, reason }));
    this.fail({ kind: "reset", by: "here", code, reason });
  }

  // What the mux calls, as frames arrive.

  /** @returns false where nothing had been asked */
  wasAccepted(creditBytes: number): boolean {
    if (this.#phase !== "asking" || this.#creditBytes + creditBytes > CREDIT_MAX_BYTES) return false;
    this.#phase = "open";
    this.#answer(ok(this));
    if (creditBytes > 0) this.receiveCredit(creditBytes);
    this.#settle();
    return true;
  }

  /** @returns the code to reset the stream with, where the frame was wrong; else null */
  receive(payload: Uint8Array, fin: boolean): Code | null {
    if (this.#finReceived || this.#phase === "asking") return "protocol-error";
    if (!this.window.receive(payload.length)) return "credit-exceeded";
    if (fin) {
      this.#finReceived = true;
      this.window.complete();
    }
    const reader = this.#reader;
    if (payload.length > 0) {
      const own = ownBytes(payload);
      if (reader === null) this.#incoming.push(own);
      else this.#hand(reader, own);
    } else if (fin && reader !== null) {
      this.#reader = null;
      reader.resolve(null);
    }
    this.#settle();
    return null;
  }

  /** @returns false where that is more credit than can be meant */
  receiveCredit(creditBytes: number): boolean {
    if (this.#creditBytes + creditBytes > CREDIT_MAX_BYTES) return false;
    this.#creditBytes += creditBytes;
    this.#wake();
    return true;
  }

  takeFrame(message: OutgoingMessage, maxPayloadBytes: number): void {
    const { slot, id: stream } = this;
    if (this.#owedCreditBytes !== null) message.add(this.#acceptance(this.#owedCreditBytes));
    const count = Math.min(this.queuedBytes, this.#creditBytes, maxPayloadBytes);
    const fin = this.#ending !== null && count === this.queuedBytes;
    message.add(count === 0 ? encodeFrame({ type: "fin", slot, stream }) : dataHeader(slot, stream, count, fin));
    this.#outgoing.take(count, (piece) => message.add(piece));
    this.#creditBytes -= count;
    if (this.#creditBytes === 0 && this.queuedBytes > 0) this.#host.stalled();
    if (this.#writers.length > 0 && this.queuedBytes <= this.#host.sendBufferBytes) {
      for (const writer of this.#writers.splice(0)) writer.resolve();
    }
    if (fin) {
      this.#finSent = true;
      this.#ending?.resolve();
      this.#settle();
    }
  }

  /** The stream ends here and now; sends nothing. */
  fail(end: StreamEnd & { readonly kind: "reset" }): void {
    if (this.#phase === "over") return;
    const wasAsking = this.#phase === "asking";
    this.#incoming.clear();
    this.#outgoing.clear();
    this.#finish(end);
    const error = new StreamError(end);
    this.#reader?.reject(error);
    this.#reader = null;
    for (const writer of this.#writers.splice(0)) writer.reject(error);
    if (!this.#finSent) this.#ending?.reject(error);
    if (wasAsking) this.#answer(err({ code: end.code, reason: end.reason }));
  }

  #hand(reader: Waiter<Uint8Array | null>, chunk: Uint8Array): void {
    this.#reader = null;
    this.#wasRead(chunk.length);
    reader.resolve(chunk);
  }

  #wasRead(bytes: number): void {
    const creditBytes = this.window.read(bytes, this.#host.now(), this.#host.rttMs(this.slot));
    this.#earlyBytes += bytes;
    // Before the other end has used all that it may send so far.
    if (2 * this.#earlyBytes >= this.#host.earlyBytes) this.confirm();
    if (creditBytes > 0) this.#host.grant(this, creditBytes);
    this.#settle();
  }

  #acceptance(creditBytes: number): Uint8Array {
    this.#owedCreditBytes = null;
    return encodeFrame({ type: "accept", slot: this.slot, stream: this.id, creditBytes });
  }

  #wake(): void {
    if (this.sendable) this.#host.wake(this);
  }

  /** Both ends have ended and all has been read: only then does the stream stop counting. */
  #settle(): void {
    if (this.#phase === "open" && this.#finSent && this.#finReceived && this.bufferedBytes === 0) {
      this.#finish({ kind: "finished" });
    }
  }

  #finish(end: StreamEnd): void {
    this.#host.over(this, end);
    this.#owedCreditBytes = null;
    this.#phase = "over";
    this.#end = end;
    this.window.release();
    this.#close(end);
  }
}
