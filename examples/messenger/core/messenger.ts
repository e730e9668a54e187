/**
 * One conversation: joins keys, session, room, direct channel, texts, files and call, and says what the screen shows. What
 * it needs of the browser is passed in, so that two of them can talk to each other in a test.
 */
import type { Etsi014Client } from "../../../client/index.ts";
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import { Calls, type Sound } from "./calls.ts";
import type { Carrier } from "./carrier.ts";
import { KEY_BITS } from "./cipher.ts";
import { Direct, type DirectOptions } from "./direct.ts";
import { directionOf } from "./direction.ts";
import { Dispatch } from "./dispatch.ts";
import { type FileToSend, whyNot } from "./file-send.ts";
import { encodeMessage, type MessageHead } from "./message.ts";
import { padBits } from "./one-time-pad.ts";
import { PairKeys } from "./pair-keys.ts";
import type { Rotation } from "./rotation.ts";
import { Screen } from "./screen.ts";
import { Session } from "./session.ts";
import { firstState, type Me, type State } from "./state.ts";
import { isMessage, OTHER, type Tag } from "./tag.ts";
import { Texts } from "./texts.ts";
import type { TextEntry } from "./timeline.ts";
import { Transfers } from "./transfers.ts";

export interface MessengerOptions {
  readonly me: Me;
  readonly peer: string;
  readonly kme: Pick<Etsi014Client, "getKey" | "getKeyWithIds" | "status">;
  readonly now: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly randomNumber: () => number;
  readonly makeLine: DirectOptions["makeLine"];
  readonly sound: Sound;
}

export class Messenger {
  readonly #options: MessengerOptions;
  readonly #closed = new AbortController();
  readonly #screen: Screen;
  readonly #keys: PairKeys;
  readonly #session: Session<Tag>;
  readonly #texts: Texts;
  readonly #transfers: Transfers;
  readonly #calls: Calls;
  readonly #direct: Direct;
  readonly #dispatch: Dispatch;
  #room: Carrier | null = null;
  #isPeerInRoom = false;

  constructor(options: MessengerOptions) {
    const { me, peer, kme, now, pause } = options;
    this.#options = options;
    const direction = directionOf(me.sae, peer);
    this.#keys = new PairKeys({
      kme,
      peer,
      node: me.node,
      now,
      pause,
      screen: () => this.#screen,
      signal: this.#closed.signal,
      onSignedOut: () => this.end("The key management entity no longer knows you."),
    });
    this.#session = this.#makeSession();
    this.#texts = new Texts({
      direction,
      now,
      isReachable: () => this.#session.isMet && this.#carrier() !== null,
      send: (message, tag) => this.#session.send(message, tag),
      takePad: async (bits) => await this.#keys.take(bits, "pad"),
      fetchPad: async (keyId, bits) => await this.#keys.fetch(keyId, bits, "pad"),
      find: (id) => this.#screen.find("text", id),
      patch: (id, change) => this.#screen.patch("text", id, () => change),
      receive: (entry) => this.#receiveText(entry),
      onRefused: (reason) => this.#screen.note(`Not sent under a one-time pad: ${reason}.`, "bad"),
      onFlood: () => this.#screen.noteRarely("Texts came faster than they could be opened: some were thrown away."),
    });
    this.#transfers = new Transfers({
      send: (message, tag, lane) => this.#session.send(message, tag, lane),
      withdraw: (id) => this.#session.withdraw((tag) => tag.kind === "file" && tag.id === id),
      waitingChunks: () => this.#session.waitingBulk,
      add: (entry) => this.#screen.add({ ...entry, kind: "file", atMs: now() }),
      find: (id) => this.#screen.find("file", id),
      patch: (id, change) => this.#screen.patch("file", id, change),
    });
    this.#calls = new Calls({
      now,
      randomNumber: options.randomNumber,
      sound: options.sound,
      tell: (call, step) => this.#tell({ kind: "call", call, step }),
      sendSound: (call, number, samples) => this.#session.sendSound(call, number, samples),
      onChange: () => this.#screen.show(),
      onNote: (text) => this.#screen.note(text),
    });
    this.#direct = new Direct({
      direction,
      now,
      makeLine: options.makeLine,
      tell: (head) => this.#tell(head),
      onChange: () => this.#chooseCarrier(),
    });
    const { randomNumber } = options;
    this.#screen = new Screen({ first: firstState(me, peer), now, randomNumber, parts: () => this.#parts() });
    this.#dispatch = new Dispatch({
      peer,
      screen: this.#screen,
      texts: this.#texts,
      transfers: this.#transfers,
      calls: this.#calls,
      direct: this.#direct,
    });
  }

  get state(): State {
    return this.#screen.state;
  }

  /** @returns what ends it */
  subscribe(listener: () => void): () => void {
    return this.#screen.subscribe(listener);
  }

  sendText(text: string, seal: TextEntry["seal"]): void {
    if (this.#texts.waiting >= BOUNDS.waitingMessages) {
      this.#screen.note("Not sent: too many texts wait already.", "bad");
      return;
    }
    const id = this.#screen.newId();
    const bits = seal === "pad" ? padBits(text) : 0;
    this.#screen.add({
      kind: "text",
      id,
      atMs: this.#options.now(),
      from: "me",
      text,
      seal,
      keyId: null,
      bits,
      state: "queued",
    });
    this.#texts.send(id);
  }

  sendFile(file: FileToSend): void {
    const fault = whyNot(file);
    if (fault !== null) this.#screen.note(`Not sent: ${fault}.`, "bad");
    else if (!this.#transfers.offer(this.#screen.newId(), file))
      this.#screen.note("Not sent: too many files at once.", "bad");
  }

  answerFile(id: string, accept: boolean): void {
    this.#transfers.answer(id, accept);
  }

  cancelFile(id: string): void {
    this.#transfers.cancel(id);
  }

  get calls(): Pick<Calls, "place" | "answer" | "hangUp" | "mute"> {
    return this.#calls;
  }

  setRoomOnly(isRoomOnly: boolean): void {
    this.#direct.setRoomOnly(isRoomOnly);
    this.#screen.note(isRoomOnly ? "Room only: no direct channel is used." : "A direct channel may be used.");
  }

  setRotation(rotation: Rotation): void {
    this.#screen.show({ rotation });
    this.#session.poke();
  }

  /** The room: there, with or without the other side in it, or not there (null). */
  roomIs(room: Carrier | null, isPeerPresent: boolean): void {
    const hasCome = isPeerPresent && !this.#isPeerInRoom;
    this.#room = room;
    this.#isPeerInRoom = isPeerPresent;
    this.#chooseCarrier();
    if (hasCome) this.#session.greet();
    if (room !== null && !isPeerPresent && this.#direct.carrier === null) this.#calls.lose();
  }

  /** A frame, by whichever way. @param done called when it no longer takes up memory */
  frame(frame: Bytes, done: () => void = () => undefined): void {
    this.#session.receive(frame, done);
  }

  /** There is room on the carrier again. */
  poke(): void {
    this.#session.poke();
  }

  /** To be called a few times a second. */
  tick(): void {
    if (this.#closed.signal.aborted) return;
    if (this.#session.isUnheard && this.#direct.carrier !== null) this.#direct.giveUp();
    this.#session.tick();
    this.#direct.tick();
    this.#calls.tick();
    this.#texts.feed();
  }

  /** What the key management entity says of the pair. To be called now and then. */
  async lookAtKeys(): Promise<void> {
    await this.#keys.look();
  }

  /** No more, and why. Keys are dropped. */
  end(reason: string): void {
    if (this.#closed.signal.aborted) return;
    this.#calls.hangUp();
    this.#closed.abort(new DOMException("ended", "AbortError"));
    this.#direct.close();
    this.#session.close();
    this.#screen.show({ ended: reason, waiting: [], channel: null, sendingKey: null });
  }

  #makeSession(): Session<Tag> {
    const { me, peer, now, randomNumber } = this.#options;
    return new Session<Tag>({
      me: me.sae,
      peer,
      newId: () => randomNumber() || 1,
      now,
      rotation: () => this.#screen.state.rotation,
      takeKey: async (bits, signal) => await this.#keys.take(bits, "sealing", signal),
      fetchKey: async (keyId) => await this.#keys.fetch(keyId, KEY_BITS, "sealing"),
      isMessage,
      onSent: (tag, keyId) => this.#dispatch.sent(tag, keyId),
      onArrived: (tag) => this.#dispatch.arrived(tag),
      onMessage: (message, keyId) => this.#dispatch.receive(message, keyId),
      onSound: (call, number, samples) => this.#calls.hearSound(call, number, samples),
      onMet: (isAnother, lost) => this.#dispatch.met(isAnother, lost),
      onKeyLost: (whose) => this.#screen.noteRarely(KEY_LOST[whose]),
      onForged: () => this.#screen.noteRarely("Frames that were not sealed by the other side were thrown away."),
      onChange: () => this.#screen.show(),
    });
  }

  #receiveText(entry: Omit<TextEntry, "atMs" | "kind">): void {
    const former = this.#screen.find("text", entry.id);
    if (former === undefined) this.#screen.add({ ...entry, kind: "text", atMs: this.#options.now() });
    else if (former.from === "peer" && former.state === "lost") this.#screen.patch("text", entry.id, () => entry);
  }

  #tell(head: MessageHead): void {
    this.#session.send(encodeMessage(head), OTHER);
  }

  #carrier(): Carrier | null {
    return this.#direct.carrier ?? (this.#isPeerInRoom ? this.#room : null);
  }

  #chooseCarrier(): void {
    const [before, carrier] = [this.#screen.state.channel, this.#carrier()];
    this.#session.useCarrier(carrier);
    this.#screen.show({ channel: carrier?.kind ?? null });
    if (before !== null && carrier !== null && before !== carrier.kind) {
      this.#screen.note(carrier.kind === "direct" ? "Now directly, from browser to browser." : "Now through the room.");
    }
  }

  /** What they know themselves. */
  #parts(): Partial<State> {
    return {
      sendingKey: this.#session.sendingKey,
      isRoomOnly: this.#direct.isRoomOnly,
      call: this.#calls.view,
      presence: this.#presence(),
    };
  }

  #presence(): State["presence"] {
    if (this.#carrier() !== null) return this.#session.isMet ? "here" : "meeting";
    return this.#room === null ? "connecting" : "away";
  }
}

const KEY_LOST = {
  mine: "The other side's key management entity did not have a key of yours: another one is taken.",
  theirs: "Your key management entity did not have a key that the other side sealed with: another one was asked for.",
} as const;
