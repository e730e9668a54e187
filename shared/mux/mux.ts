/**
 * Many streams over one WebSocket, to many peers: see README.md. It has no socket, clock or timer of its own: frames are
 * pushed in by `received`, the end of the socket by `lost`, and frames leave through the transport.
 */
import { type Result, err, ok } from "../result.ts";
import type { Code, Ending, StreamEnd } from "./codes.ts";
import { MUX_LIMITS, type MuxGauges, type MuxLimits, type MuxOptions, freshGauges } from "./config.ts";
import { encodeFrame, isServiceName } from "./encode.ts";
import { HUB_SLOT, SOCKET_SLOT } from "./frame.ts";
import { Incoming } from "./incoming.ts";
import { Outbox } from "./outbox.ts";
import { Scheduler } from "./scheduler.ts";
import type { MuxStream, Stream, StreamHost } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { Upkeep } from "./upkeep.ts";

export class Mux {
  /** Resolves when the socket was lost or closed. */
  readonly ended: Promise<Ending>;
  readonly gauges: Readonly<MuxGauges>;
  readonly #options: MuxOptions;
  readonly #limits: MuxLimits;
  readonly #scheduler: Scheduler;
  readonly #outbox: Outbox;
  readonly #table: StreamTable;
  readonly #upkeep: Upkeep;
  readonly #incoming: Incoming;
  readonly #host: StreamHost;
  readonly #counted: MuxGauges = freshGauges();
  readonly #finish: (ending: Ending) => void;
  #end: Ending | null = null;
  #leaving: Ending | null = null;

  constructor(options: MuxOptions) {
    const { transport, role, now } = options;
    const limits = { ...MUX_LIMITS, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.gauges = this.#counted;
    this.#scheduler = new Scheduler(limits);
    this.#outbox = new Outbox(transport, this.#scheduler, this.#counted, {
      aheadBytes: limits.aheadBytes,
      messageBytes: limits.messageBytes,
      soon: options.soon ?? ((act) => act()),
      onBroken: (reason) => this.lost(reason),
    });
    this.#table = new StreamTable(role, limits, this.#counted);
    this.#upkeep = new Upkeep(this.#outbox, limits, now);
    this.#host = this.#makeHost();
    this.#incoming = new Incoming({
      options,
      limits,
      gauges: this.#counted,
      table: this.#table,
      outbox: this.#outbox,
      upkeep: this.#upkeep,
      host: this.#host,
      leaving: () => this.#leaving,
    });
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#finish = resolve;
  }

  /** Credit granted and bytes not yet read, over all streams. */
  get heldBytes(): number {
    return this.#table.budget.heldBytes;
  }

  /** A message has arrived. @param message is the mux's from now on */
  received(message: Uint8Array): void {
    if (this.#end !== null) return;
    this.#counted.bytesIn += message.length;
    this.#incoming.handle(message);
    this.#outbox.flush();
  }

  /** The socket has ended, and with it every stream. */
  lost(reason: string): void {
    this.#stop({ code: "link-lost", reason });
  }

  /** Resets every stream and ends the socket. */
  close(code: Code, reason = ""): void {
    if (this.#end !== null) return;
    for (const stream of this.#table.streams()) stream.reset(code, reason);
    this.#stop({ code, reason });
    this.#options.transport.abort?.(reason);
  }

  /** No new streams in either direction; those that are open go on. Every peer so far is told, and the hub. */
  goAway(code: Code, reason = ""): void {
    this.#leaving = { code, reason };
    for (const slot of new Set([SOCKET_SLOT, ...this.#table.slots])) {
      this.#outbox.queue(encodeFrame({ type: "goaway", slot, stream: 0, code, reason }));
    }
    this.#outbox.flush();
  }

  /**
   * Opens a stream to a peer's service, and waits for the answer.
   * @param slot of the peer; at a peer's socket 0, the owner
   * @param signal gives the attempt up, as `timed-out`
   */
  async open(slot: number, service: string, signal?: AbortSignal): Promise<Result<MuxStream, Ending>> {
    const started = this.start(slot, service, signal);
    return started.ok ? await started.value.opened : started;
  }

  /** As `open`, but waits for nothing: a little may be written before the answer, which `opened` tells. */
  start(slot: number, service: string, signal?: AbortSignal): Result<MuxStream, Ending> {
    const obstacle = this.#obstacle(slot, service, signal);
    if (obstacle !== null) return err(obstacle);
    const peer = this.#table.peer(slot);
    const id = peer.takeId();
    if (id === null) return err({ code: "too-many-streams", reason: "all stream ids of this socket are used" });
    const stream = this.#table.add(
      this.#host,
      { slot, id, service, creditBytes: this.#limits.floorWindowBytes },
      "here",
    );
    const creditBytes = stream.window.grantFirst();
    this.#outbox.queue(encodeFrame({ type: "open", slot, stream: id, creditBytes, service }));
    this.#upkeep.measure(peer);
    this.#outbox.flush();
    const giveUp = (): void => {
      if (stream.phase === "asking") stream.reset("timed-out");
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    void stream.opened.then(() => signal?.removeEventListener("abort", giveUp));
    return ok(stream);
  }

  /** Measures the round trip to a peer, end to end, in milliseconds. */
  ping(slot: number): Promise<Result<number, Ending>> {
    if (this.#end !== null) return Promise.resolve(err(this.#end));
    const peer = this.#table.peer(slot);
    if (peer.roundTrip.underWay >= this.#limits.pings) {
      return Promise.resolve(err({ code: "timed-out", reason: "earlier pings have no answer yet" }));
    }
    const { promise, resolve } = Promise.withResolvers<Result<number, Ending>>();
    this.#upkeep.ping(peer, resolve);
    this.#outbox.flush();
    return promise;
  }

  /** Why a stream may not be opened; null where it may. */
  #obstacle(slot: number, service: string, signal: AbortSignal | undefined): Ending | null {
    if (this.#end !== null) return this.#end;
    if (signal?.aborted === true) return { code: "timed-out", reason: "" };
    if (!isServiceName(service)) return { code: "unknown-service", reason: "no name of a service" };
    if ((slot === SOCKET_SLOT) !== (this.#options.role === "peer") || slot > HUB_SLOT) {
      return { code: "peer-gone", reason: "no slot of a peer" };
    }
    const leaving = this.#table.known(slot)?.leaving ?? this.#table.known(SOCKET_SLOT)?.leaving ?? this.#leaving;
    return leaving ?? this.#table.full(this.#table.peer(slot), "here");
  }

  #stop(ending: Ending): void {
    if (this.#end !== null) return;
    this.#end = ending;
    if (ending.code !== "link-lost") this.#outbox.sendAll();
    this.#outbox.close();
    this.#table.clear(ending);
    this.#finish(ending);
  }

  #makeHost(): StreamHost {
    const queue = (frame: Uint8Array): void => {
      this.#outbox.queue(frame);
      this.#outbox.flush();
    };
    return {
      sendBufferBytes: this.#limits.sendBufferBytes,
      earlyBytes: this.#limits.floorWindowBytes,
      now: this.#options.now,
      rttMs: (slot) => this.#table.known(slot)?.roundTrip.shortestMs ?? null,
      control: queue,
      grant: ({ slot, id }, creditBytes) => {
        this.#upkeep.measure(this.#table.peer(slot));
        queue(encodeFrame({ type: "credit", slot, stream: id, creditBytes }));
      },
      wake: (stream) => {
        this.#scheduler.wake(stream);
        this.#outbox.flush();
      },
      stalled: () => this.#counted.creditStalls++,
      accepted: ({ slot }) => {
        const peer = this.#table.peer(slot);
        peer.waiting--;
        this.#upkeep.measure(peer);
      },
      over: (stream: Stream, end: StreamEnd) => {
        this.#scheduler.remove(stream);
        this.#table.remove(stream, end);
      },
    };
  }
}
