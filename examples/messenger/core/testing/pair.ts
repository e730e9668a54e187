/** Two messengers that talk to each other: a room that passes frames on at once, and direct lines that may open. */
import type { Carrier } from "../carrier.ts";
import type { Line, LineEvents } from "../direct.ts";
import type { Sound } from "../calls.ts";
import { Messenger } from "../messenger.ts";
import type { Entry, FileEntry, TextEntry } from "../timeline.ts";
import { Clock, KeyStore, randomBytes, until } from "./world.ts";

export type Name = "sae-a" | "sae-b";
const other = (name: Name): Name => (name === "sae-a" ? "sae-b" : "sae-a");

/** Records what it is to play; `speak` is the microphone. */
export class FakeSound implements Sound {
  readonly played: number[] = [];
  fault: string | null = null;
  speak: ((samples: Int16Array) => void) | null = null;
  /** Waited for where it is opened, as for somebody who is asked whether it may be. */
  leave: Promise<void> | null = null;
  #turn = 0;

  async open(capture: (samples: Int16Array) => void): Promise<void> {
    this.close();
    const turn = this.#turn;
    await this.leave;
    if (turn !== this.#turn) return;
    if (this.fault !== null) throw new Error(this.fault);
    this.speak = capture;
  }
  play(number: number): void {
    this.played.push(number);
  }
  close(): void {
    this.#turn++;
    this.speak = null;
  }
}

export class Pair {
  readonly clock = new Clock();
  readonly keys = new KeyStore();
  readonly sounds: Record<Name, FakeSound> = { "sae-a": new FakeSound(), "sae-b": new FakeSound() };
  /** Do direct lines open? */
  isDirectPossible = false;
  /** Does the browser make none at all? */
  isLineForbidden = false;
  /** Asked of the browser so far. */
  linesMade = 0;
  /** Do they pass nothing on, without anybody noticing? */
  isDirectSilent = false;
  /** Frames that went by each way. */
  readonly passed = { direct: 0, room: 0 };
  readonly #open: { events: LineEvents; of: Name; isOpen: boolean }[] = [];
  people: Record<Name, Messenger>;

  constructor() {
    this.people = { "sae-a": this.#person("sae-a"), "sae-b": this.#person("sae-b") };
  }

  get a(): Messenger {
    return this.people["sae-a"];
  }

  get b(): Messenger {
    return this.people["sae-b"];
  }

  enterRoom(...names: readonly Name[]): void {
    for (const name of names) this.people[name].roomIs(this.#roomOf(name), true);
  }

  leaveRoom(name: Name): void {
    this.people[name].roomIs(null, false);
    this.people[other(name)].roomIs(this.#roomOf(other(name)), false);
  }

  reload(name: Name): Messenger {
    const gone = this.people[name];
    this.leaveRoom(name);
    this.breakLines();
    gone.end("the page was closed");
    this.people[name] = this.#person(name);
    this.enterRoom("sae-a", "sae-b");
    return gone;
  }

  breakLines(): void {
    for (const line of this.#open.splice(0)) if (line.isOpen) line.events.onEnd();
  }

  async untilSo(isSo: () => boolean): Promise<void> {
    await until(isSo, () => {
      this.clock.nowMs += 50;
      for (const person of Object.values(this.people)) person.tick();
    });
  }

  async met(): Promise<this> {
    this.enterRoom("sae-a", "sae-b");
    await this.untilSo(() => this.a.state.presence === "here" && this.b.state.presence === "here");
    return this;
  }

  #person(name: Name): Messenger {
    return new Messenger({
      me: { sae: name, node: "tn", by: "token" },
      peer: other(name),
      kme: this.keys.kme,
      now: this.clock.now,
      pause: async (_ms, signal) => {
        const from = this.clock.nowMs;
        await until(() => this.clock.nowMs > from || signal.aborted);
        signal.throwIfAborted();
      },
      randomNumber: () => new DataView(randomBytes(4).buffer).getUint32(0),
      makeLine: (events) => this.#line(name, events),
      sound: this.sounds[name],
    });
  }

  #roomOf(name: Name): Carrier {
    return this.#carrier(name, "room", () => true);
  }

  #carrier(from: Name, kind: Carrier["kind"], isOpen: () => boolean): Carrier {
    return {
      kind,
      hasRoomFor: () => true,
      send: (frame) => {
        if (!isOpen()) return;
        this.passed[kind]++;
        if (kind === "direct" && this.isDirectSilent) return;
        this.people[other(from)].frame(frame);
      },
    };
  }

  #line(of: Name, events: LineEvents): Line {
    this.linesMade++;
    if (this.isLineForbidden) throw new ReferenceError("RTCPeerConnection is not defined");
    const line = { events, of, isOpen: false };
    const open = (): void => {
      line.isOpen = true;
      events.onOpen(this.#carrier(of, "direct", () => line.isOpen));
    };
    this.#open.push(line);
    return {
      offer: async () => await Promise.resolve({ kind: "description", type: "offer", sdp: "o" }),
      hear: async ({ type }) => {
        await Promise.resolve();
        if (!this.isDirectPossible) throw new Error("no way");
        open();
        return type === "offer" ? { kind: "description", type: "answer", sdp: "a" } : null;
      },
      close: () => {
        line.isOpen = false;
      },
    };
  }
}

const ofKind = <Kind extends Entry["kind"]>(person: Messenger, kind: Kind) =>
  person.state.timeline.filter((entry): entry is Extract<Entry, { kind: Kind }> => entry.kind === kind);
export const textsOf = (person: Messenger): readonly TextEntry[] => ofKind(person, "text");
export const filesOf = (person: Messenger): readonly FileEntry[] => ofKind(person, "file");
export const notesOf = (person: Messenger): readonly string[] => ofKind(person, "note").map(({ text }) => text);
