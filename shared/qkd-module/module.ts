/**
 * One end of a QKD link: greets the other end, begins blocks at their time, and hands messages to the simulation they
 * belong to. README.md says what a shell has to do; nothing here waits, and nothing but the store outlives it.
 */
import type { Slices } from "../conditioning/slices.ts";
import { LIMITS } from "../limits.ts";
import type { Sign } from "../postprocessing/authentication/slh-dsa.ts";
import { Bb84Receiver } from "./bb84-receiver.ts";
import { Bb84Sender } from "./bb84-sender.ts";
import { FakeReceiver, FakeSender } from "./fake.ts";
import { Greeting } from "./greeting.ts";
import { type FinishedBlock, ModuleMemory } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { ModuleParts } from "./parts.ts";
import { Peer, type PeerKeySource } from "./peer.ts";
import type { ModuleSettings } from "./settings.ts";
import type { ModuleNews, ModuleReport, ModuleRole, ModuleState, ModuleStatus, ModuleStep } from "./status.ts";
import type { ModuleStore } from "./stored.ts";
import { type ModuleMessage, readMessage, type Sync } from "./wire.ts";

export interface ModuleOptions {
  /** Names the pair of modules; equal at both ends. */
  readonly link: string;
  readonly role: ModuleRole;
  readonly settings: ModuleSettings;
  readonly store: ModuleStore;
  /** @returns so many fresh random bytes, however many are asked for */
  readonly random: (bytes: number) => Uint8Array;
  readonly peerPublicKey: PeerKeySource;
  /** Where something signs faster, of the default parameter set, than what is here. */
  readonly sign?: Sign;
}

export class QkdModule {
  readonly #options: ModuleOptions;
  readonly #memory: ModuleMemory;
  readonly #greeting: Greeting;
  readonly #pace = new Pace();
  readonly #sender: { readonly bb84: Bb84Sender; readonly fake: FakeSender } | null;
  readonly #receiver: { readonly bb84: Bb84Receiver; readonly fake: FakeReceiver } | null;
  #settings: ModuleSettings;
  #connected = false;
  #heardMs = 0;
  #full = false;
  #send: Uint8Array[] = [];
  #news: ModuleNews[] = [];
  #busy = false;

  /** Reads the store. The step after it is the first thing to be done. */
  constructor(options: ModuleOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#memory = new ModuleMemory(options.store, options.link, options.random);
    const tell = (news: ModuleNews): void => void this.#news.push(news);
    const raise: ModuleParts["raise"] = (code, detail) => tell({ kind: "raise", code, detail });
    const parts: ModuleParts = {
      link: options.link,
      memory: this.#memory,
      random: options.random,
      sign: options.sign,
      settings: () => this.#settings,
      peer: new Peer(options.peerPublicKey, this.#memory, raise),
      say: (message) => void this.#send.push(message),
      raise,
      ended: (report) => this.#ended(report),
    };
    this.#greeting = new Greeting({ ...options, parts, news: tell });
    const isSender = options.role === "sender";
    this.#sender = isSender ? { bb84: new Bb84Sender(parts), fake: new FakeSender(parts) } : null;
    this.#receiver = isSender ? null : { bb84: new Bb84Receiver(parts), fake: new FakeReceiver(parts) };
  }

  /** SLH-DSA, for the other end to know. */
  get publicKey(): Uint8Array {
    return this.#memory.signing.publicKey;
  }

  /** Key blocks to be put away, oldest first. */
  get finished(): readonly FinishedBlock[] {
    return this.#memory.finished;
  }

  /** A finished block is where it belongs. */
  putAway(id: string): void {
    this.#memory.putAway(id);
  }

  /** There is a connection to the other end, a new one. */
  *connected(nowMs: number): Slices<ModuleStep> {
    return yield* this.#act(() => {
      this.#abandon(nowMs);
      this.#send = [];
      this.#connected = true;
      this.#greeting.greet(nowMs);
    });
  }

  /** There is none any more. */
  *disconnected(nowMs: number): Slices<ModuleStep> {
    return yield* this.#act(() => {
      this.#abandon(nowMs);
      this.#send = [];
      this.#connected = false;
      this.#greeting.forget();
    });
  }

  *configure(settings: ModuleSettings, nowMs: number): Slices<ModuleStep> {
    return yield* this.#act(() => {
      const isOther = settings.sim !== this.#settings.sim;
      this.#settings = settings;
      this.#pace.begin();
      this.#sender?.fake.rest(nowMs);
      if (!isOther) return;
      this.#abandon(nowMs);
      this.#greeting.forget();
      if (this.#connected) this.#greeting.greet(nowMs);
    });
  }

  /** A message of the other end's. */
  *receive(message: Uint8Array, nowMs: number): Slices<ModuleStep> {
    return yield* this.#act(() => this.#receive(message, nowMs));
  }

  /** What is due: see `nextMs`. @param full there is enough key */
  *tick(nowMs: number, { full }: { readonly full: boolean }): Slices<ModuleStep> {
    return yield* this.#act(() => this.#tick(nowMs, full));
  }

  /** When `tick` has something to do, should nothing be heard before; null: nothing at all. */
  nextMs(nowMs: number): number | null {
    if (!this.#connected) return null;
    if (!this.#greeting.isDone) return this.#greeting.againMs;
    if (this.#isRunning) return this.#heardMs + LIMITS.moduleSilenceMs;
    if (this.#sender === null) return null;
    if (this.#memory.offer !== null) return this.#heardMs + LIMITS.moduleSilenceMs;
    if (this.#settings.sim === "bb84") return this.#pace.nextMs;
    const dueMs = this.#sender.fake.dueMs(nowMs);
    return dueMs === null ? null : Math.max(dueMs, this.#pace.nextMs);
  }

  status(nowMs: number): ModuleStatus {
    const { last, totals, reports, finishedBlocks, unsettled, slots } = this.#memory;
    return {
      role: this.#options.role,
      sim: this.#settings.sim,
      state: this.#stateAt(nowMs),
      block: last,
      totals,
      reports,
      finishedBlocks,
      unsettledBlocks: unsettled.length,
      authenticationSlots: slots,
    };
  }

  #stateAt(nowMs: number): ModuleState {
    if (this.#greeting.isMismatched) return "mismatched";
    if (!this.#connected || !this.#greeting.isDone) return "connecting";
    if (this.#isRunning || this.#memory.offer !== null) return "running";
    if (this.#full || this.#mustStop) return "full";
    return this.#pace.hasFailed && nowMs < this.#pace.nextMs ? "waiting" : "idle";
  }

  get #isRunning(): boolean {
    return this.#sender?.bb84.isRunning === true || this.#receiver?.bb84.isRunning === true;
  }

  get #mustStop(): boolean {
    return this.#memory.finishedBlocks >= LIMITS.moduleFinishedBlocks;
  }

  *#receive(message: Uint8Array, nowMs: number): Slices<void> {
    this.#connected = true;
    const read = readMessage(message, this.#receiver?.bb84.detectionsMax ?? 0);
    if (read === null) return;
    if (read.kind === "sync") this.#greeted(read.sync, nowMs);
    else if (this.#greeting.isDone) {
      this.#heardMs = nowMs;
      yield* this.#pass(read, nowMs);
    } else this.#greeting.again(nowMs);
  }

  #greeted(sync: Sync, nowMs: number): void {
    const isNews = !sync.answer || !this.#greeting.isDone;
    if (isNews) {
      // It has no block under way: nor has this end, and what it would say of one is of no use.
      this.#abandon(nowMs);
      this.#send = [];
    }
    if (!this.#greeting.hear(sync, nowMs) || !isNews) return;
    this.#heardMs = nowMs;
    this.#sender?.bb84.settle(sync.unsettled);
    this.#sender?.fake.rest(nowMs);
    this.#sender?.fake.offer();
  }

  *#pass(message: Exclude<ModuleMessage, { kind: "sync" }>, nowMs: number): Slices<void> {
    switch (message.kind) {
      case "classical":
        yield* (this.#sender ?? this.#receiver)?.bb84.hear(message.message, nowMs) ?? [];
        break;
      case "quantum":
        this.#receiver?.bb84.measured(message.block, message.detections, nowMs);
        break;
      case "key":
        this.#receiver?.fake.key(message.block, message.bytes);
        break;
      case "start":
        (this.#sender ?? this.#receiver)?.fake.started(message.block, nowMs);
    }
  }

  *#tick(nowMs: number, full: boolean): Slices<void> {
    this.#full = full;
    if (!this.#connected) return;
    const waits = this.#isRunning || this.#memory.offer !== null;
    if (!this.#greeting.isDone) this.#greeting.again(nowMs);
    else if (!waits) yield* this.#begin(nowMs);
    else if (nowMs >= this.#heardMs + LIMITS.moduleSilenceMs) {
      this.#abandon(nowMs);
      this.#greeting.greet(nowMs);
    }
  }

  *#begin(nowMs: number): Slices<void> {
    if (this.#sender === null) return;
    if (this.#full || this.#mustStop) this.#sender.fake.rest(nowMs);
    if (this.#full || this.#mustStop || nowMs < this.#pace.nextMs) return;
    this.#heardMs = nowMs;
    if (this.#settings.sim === "fake") this.#sender.fake.make(nowMs);
    else if (this.#greeting.isOutdated) this.#greeting.greet(nowMs);
    else yield* this.#sender.bb84.begin(nowMs);
  }

  #abandon(nowMs: number): void {
    this.#sender?.bb84.abandon(nowMs);
    this.#receiver?.bb84.abandon(nowMs);
  }

  /** Of one block: released, given up, or accepted by a receiver who has still to hear what becomes of it. */
  #ended(report: ModuleReport): void {
    this.#memory.report(report);
    this.#news.push({ kind: "block", report });
    if (report.outcome === "unconfirmed") {
      const isTooMany = this.#memory.unsettled.length > LIMITS.moduleUnsettled;
      if (isTooMany && this.#memory.giveUpOldestUnsettled()) {
        this.#news.push({ kind: "raise", code: "module-unsettled", detail: "the sender's word on a block never came" });
      }
      return;
    }
    this.#greeting.ended(report);
    this.#news.push(...this.#pace.ended(report));
  }

  /** Runs what says or changes something, and writes it down before it is said. */
  *#act(work: () => Slices<void> | void): Slices<ModuleStep> {
    if (this.#busy) throw new Error("the module is in the middle of a step");
    this.#busy = true;
    try {
      const slices = work();
      if (slices !== undefined) yield* slices;
    } finally {
      this.#busy = false;
    }
    this.#memory.flush();
    const step: ModuleStep = { send: this.#send, news: this.#news };
    this.#send = [];
    this.#news = [];
    return step;
  }
}
