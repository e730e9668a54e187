/** Two modules in one process, for tests: a line that can break, ends that can crash, stores that outlive them. */
import { signByOpenSsl } from "../../test/support/openssl-slh-dsa.ts";
import type { Slices } from "../conditioning/slices.ts";
import { readOpening } from "../postprocessing/session/bob.ts";
import { seededBytes } from "../simulator/test-bytes.ts";
import { QkdModule } from "./module.ts";
import type { PeerKeySource } from "./peer.ts";
import { DEFAULT_MODULE, type ModuleSettings } from "./settings.ts";
import type { ModuleNews, ModuleStep } from "./status.ts";
import type { ModuleStore } from "./stored.ts";
import { readMessage } from "./wire.ts";

/** Short blocks that give some key all the same: a clear line, and many pulses in the test basis. */
export const SHORT: ModuleSettings = {
  ...DEFAULT_MODULE,
  sim: "bb84",
  key_rate_bps: 0,
  loss_db: 0,
  misalignment: 0.0005,
  key_basis_probability: 0.4,
  key_basis_detections: 20_000,
};
export const FAKE: ModuleSettings = { ...DEFAULT_MODULE, sim: "fake", key_rate_bps: 32_768 };

export class MemoryStore implements ModuleStore {
  readonly entries = new Map<string, Uint8Array>();
  /** The next write fails: before or after what it wrote has become durable. */
  crash: "before" | "after" | null = null;

  names = (): string[] => [...this.entries.keys()];
  read = (name: string): Uint8Array | null => this.entries.get(name)?.slice() ?? null;

  write(changes: ReadonlyMap<string, Uint8Array | null>): void {
    const { crash } = this;
    this.crash = null;
    if (crash === "before") throw new Crash();
    for (const [name, bytes] of changes) {
      if (bytes === null) this.entries.delete(name);
      else this.entries.set(name, bytes.slice());
    }
    if (crash === "after") throw new Crash();
  }
}
export class Crash extends Error {}

export type Side = "sender" | "receiver";
const OTHER = { sender: "receiver", receiver: "sender" } as const;

/** Made once for each seed and role: to make them takes longer than most tests. */
const SIGNING_KEYS = new Map<string, Uint8Array>();
const SIGNING_ENTRY = "signing";

interface End {
  readonly store: MemoryStore;
  /** Where finished blocks go, by id: a second block of one id is told. */
  readonly sink: Map<string, Uint8Array>;
  readonly twice: string[];
  readonly news: ModuleNews[];
  module: QkdModule;
  settings: ModuleSettings;
}

export class TestModules {
  nowMs = 0;
  readonly ends: Record<Side, End>;
  /** On the line, by who is to receive it. */
  readonly line: Record<Side, Uint8Array[]> = { sender: [], receiver: [] };
  /** Slots that blocks were opened with, and numbers of blocks. */
  readonly slots: string[] = [];
  readonly blocks: number[] = [];
  readonly #seed: string;
  #lives = 0;

  /** Where each end has the other one's public key from, as of its next start. */
  readonly peerPublicKey: Record<Side, PeerKeySource>;

  constructor(settings: ModuleSettings, peerPublicKey: PeerKeySource = "as-told", seed = "modules") {
    this.#seed = seed;
    this.peerPublicKey = { sender: peerPublicKey, receiver: peerPublicKey };
    const end = (role: Side): End => {
      const store = new MemoryStore();
      const name = `${seed} ${role}`;
      const known = SIGNING_KEYS.get(name);
      if (known !== undefined) store.entries.set(SIGNING_ENTRY, known);
      const module = this.#born(role, store, settings);
      SIGNING_KEYS.set(name, store.read(SIGNING_ENTRY) as Uint8Array);
      return { store, sink: new Map(), twice: [], news: [], settings, module };
    };
    this.ends = { sender: end("sender"), receiver: end("receiver") };
  }

  /** Two others, that start from what these have stored: no test that needs blocks before it has to make them anew. */
  copied(peerPublicKey: PeerKeySource = "as-told"): TestModules {
    const { ends, nowMs, slots, blocks } = this;
    const copy = new TestModules(ends.sender.settings, peerPublicKey, this.#seed);
    copy.nowMs = nowMs;
    copy.slots.push(...slots);
    copy.blocks.push(...blocks);
    copy.#lives = this.#lives;
    for (const side of ["sender", "receiver"] as const) {
      for (const [name, bytes] of ends[side].store.entries) copy.ends[side].store.entries.set(name, bytes.slice());
      for (const [id, bytes] of ends[side].sink) copy.ends[side].sink.set(id, bytes.slice());
      copy.ends[side].settings = ends[side].settings;
      copy.restart(side);
    }
    copy.settle();
    return copy;
  }

  /** Takes a step of an end; where it crashes, it starts again from its store, on a new connection. */
  step(side: Side, slices: (module: QkdModule) => Slices<ModuleStep>, slicesDone = Infinity): void {
    try {
      const work = slices(this.ends[side].module);
      for (let done = 0; ; done++) {
        const { value, done: isDone } = work.next();
        if (isDone === true) return this.#take(side, value);
        if (done >= slicesDone) throw new Crash();
      }
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.restart(side);
    }
  }

  connect(): void {
    this.line.sender.length = this.line.receiver.length = 0;
    for (const side of ["sender", "receiver"] as const) {
      this.step(side, (module) => module.disconnected(this.nowMs));
      this.step(side, (module) => module.connected(this.nowMs));
    }
  }

  /** As after `kill -9`: what is not in the store is gone. */
  restart(side: Side): void {
    const end = this.ends[side];
    end.store.crash = null;
    end.module = this.#born(side, end.store, end.settings);
    this.connect();
  }

  /** @returns false where nothing was on its way */
  deliver(to: Side, slicesDone = Infinity): boolean {
    const message = this.line[to].shift();
    if (message === undefined) return false;
    this.step(to, (module) => module.receive(message, this.nowMs), slicesDone);
    return true;
  }

  putAway(side: Side): void {
    const { module, sink, twice } = this.ends[side];
    for (const { id, bytes } of module.finished) {
      const before = sink.get(id);
      if (before !== undefined && before.join() !== bytes.join()) twice.push(id);
      sink.set(id, bytes.slice());
      try {
        module.putAway(id);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        return this.restart(side);
      }
    }
  }

  /** Lets the two talk until neither has anything to say. */
  settle(): void {
    for (let more = true; more;) {
      more = [this.deliver("receiver"), this.deliver("sender")].some(Boolean);
    }
    this.putAway("sender");
    this.putAway("receiver");
  }

  /** Time passes, and what is due then is done. */
  tick(passedMs = 300_000, full = false): void {
    this.nowMs += passedMs;
    this.step("sender", (module) => module.tick(this.nowMs, { full }));
  }

  configure(changes: Partial<ModuleSettings>, sides: readonly Side[] = ["sender", "receiver"]): void {
    for (const side of sides) {
      const end = this.ends[side];
      end.settings = { ...end.settings, ...changes };
      this.step(side, (module) => module.configure(end.settings, this.nowMs));
    }
  }

  #born(role: Side, store: ModuleStore, settings: ModuleSettings): QkdModule {
    const random = seededBytes(`${this.#seed} ${role} ${this.#lives++}`);
    const peerPublicKey = this.peerPublicKey[role];
    return new QkdModule({ link: "n1-n2", role, settings, store, random, peerPublicKey, sign: signByOpenSsl });
  }

  #take(side: Side, { send, news }: ModuleStep): void {
    this.ends[side].news.push(...news);
    for (const message of send) {
      this.#note(message);
      this.line[OTHER[side]].push(message);
    }
  }

  #note(message: Uint8Array): void {
    const read = readMessage(message, 0);
    const opening = read?.kind === "classical" ? readOpening(read.message) : null;
    if (opening?.ok !== true) return;
    const { block, slot } = opening.value;
    this.blocks.push(block);
    if (slot !== null) this.slots.push(`${slot.block}:${slot.index}`);
  }
}
