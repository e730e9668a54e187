/**
 * One page's conversation with the other side's page: greets, seals, numbers, acknowledges, sends again, over whichever
 * carrier there is. It knows nothing of sockets, key management entities or the screen.
 */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import type { Carrier } from "./carrier.ts";
import { directionOf, opposite } from "./direction.ts";
import { FrameQueue } from "./frame-queue.ts";
import { Greeting } from "./greeting.ts";
import { Incoming } from "./incoming.ts";
import { Opener } from "./opener.ts";
import { Outgoing } from "./outgoing.ts";
import { decodeRecord, type SealedRecord, type Session as SessionId } from "./record.ts";
import type { KeyUse, Rotation } from "./rotation.ts";
import { Sending } from "./sending.ts";
import { SendingKey, type TakenKey } from "./sending-key.ts";

export interface SessionOptions<Tag> {
  readonly me: string;
  readonly peer: string;
  /** Random, never 0. */
  readonly newId: () => SessionId;
  readonly now: () => number;
  readonly rotation: () => Rotation;
  readonly takeKey: (sizeBits: number, signal: AbortSignal) => Promise<TakenKey>;
  readonly fetchKey: (keyId: string) => Promise<Uint8Array | null>;
  /** Does it count as one of the messages after which the key is changed? */
  readonly isMessage: (tag: Tag) => boolean;
  /** It goes under this key: for the first time, or once more. */
  readonly onSent: (tag: Tag, keyId: string) => void;
  readonly onArrived: (tag: Tag) => void;
  readonly onMessage: (message: Bytes, keyId: string) => void;
  readonly onSound: (call: number, number: number, samples: Bytes) => void;
  /** The two pages know each other; `lost`: what an earlier page of the other side was sent and did not acknowledge. */
  readonly onMet: (isAnother: boolean, lost: readonly Tag[]) => void;
  /** The other side could not have a key of ours, or we not one of theirs. */
  readonly onKeyLost: (whose: "mine" | "theirs", keyId: string) => void;
  readonly onForged: () => void;
  /** Something of what it shows has changed. */
  readonly onChange: () => void;
}

export class Session<Tag> {
  readonly #options: SessionOptions<Tag>;
  readonly #key: SendingKey;
  readonly #opener: Opener;
  readonly #outgoing = new Outgoing<Tag>();
  readonly #incoming = new Incoming();
  readonly #greeting: Greeting;
  readonly #sending: Sending<Tag>;
  readonly #frames = new FrameQueue(async (frame) => await this.#open(frame));
  #isClosed = false;

  constructor(options: SessionOptions<Tag>) {
    this.#options = options;
    const { me, peer, now, rotation, takeKey, fetchKey } = options;
    const direction = directionOf(me, peer);
    const onKey = (): void => {
      options.onChange();
      this.poke();
    };
    this.#greeting = new Greeting({ newSession: options.newId, now });
    this.#key = new SendingKey({ direction, now, rotation, takeKey, onKey });
    this.#sending = new Sending({
      key: this.#key,
      greeting: this.#greeting,
      outgoing: this.#outgoing,
      now,
      acknowledged: () => this.#incoming.acknowledged,
      onSent: (tag, keyId, isFirst) => this.#sent(tag, keyId, isFirst),
    });
    this.#opener = new Opener({ direction: opposite(direction), now, fetchKey });
  }

  get isMet(): boolean {
    return this.#greeting.isMet;
  }

  get sendingKey(): { readonly keyId: string; readonly use: KeyUse } | null {
    const { keyId, use } = this.#key;
    return keyId === null || use === null ? null : { keyId, use };
  }

  get waitingBulk(): number {
    return this.#outgoing.waitingBulk;
  }

  /** @returns false where too much waits already */
  send(message: Bytes, tag: Tag, lane: "urgent" | "bulk" = "urgent"): boolean {
    const isTaken = this.#outgoing.add({ message, tag }, lane);
    this.poke();
    return isTaken;
  }

  withdraw(isMeant: (tag: Tag) => boolean): void {
    this.#outgoing.withdraw(isMeant);
  }

  sendSound(call: number, number: number, samples: Bytes): void {
    if (this.isMet) this.#sending.sound(call, number, samples);
  }

  useCarrier(carrier: Carrier | null): void {
    this.#sending.useCarrier(carrier);
  }

  /** The other side has come (back), perhaps as another page that has none of the keys. */
  greet(): void {
    this.#key.replace();
    this.#greeting.begin();
    this.poke();
  }

  /** Is the present carrier as good as dead? */
  get isUnheard(): boolean {
    return this.#outgoing.silentResends >= BOUNDS.resendsUntilDead;
  }

  /** To be called a few times a second. */
  tick(): void {
    this.#opener.dropRetired();
    // Where neither can have the other's key, neither can say so.
    if (!this.isMet && this.#greeting.repeatLater().isUnheard) this.#key.replace();
    this.poke();
  }

  /** @param done called when the frame no longer takes up memory */
  receive(frame: Bytes, done: () => void): void {
    this.#frames.add(frame, done);
  }

  /** Keys are dropped, nothing more is sent or taken. */
  close(): void {
    this.#isClosed = true;
    this.#frames.close();
    this.#sending.close();
    this.#key.close();
    this.#opener.close();
  }

  /** There may be something to send, or a way to send it. */
  poke(): void {
    this.#sending.poke();
  }

  #sent(tag: Tag, keyId: string, isFirst: boolean): void {
    if (isFirst && this.#options.isMessage(tag)) this.#key.countMessage();
    this.#options.onSent(tag, keyId);
  }

  async #open(frame: Bytes): Promise<void> {
    const opened = await this.#opener.open(frame);
    if (!opened.ok) {
      if (opened.why === "forged") this.#options.onForged();
      else if (opened.why === "no-key" && this.#sending.askForAnother(opened.keyId))
        this.#options.onKeyLost("theirs", opened.keyId);
      return;
    }
    if (this.#isClosed) return;
    const record = decodeRecord(opened.plain);
    if (record !== null) this.#take(record, opened.keyId);
    if (opened.isNewKey) this.#options.onChange();
  }

  #take(record: SealedRecord, keyId: string): void {
    switch (record.type) {
      case "hello":
        return this.#meet(record.from, record.known);
      case "key-please":
        return this.#keyRefused(record.keyId);
      case "sound":
        if (record.to === this.#greeting.own) this.#options.onSound(record.call, record.number, record.samples);
        return undefined;
      case "ack":
      case "data":
        if (record.from !== this.#greeting.peer || record.to !== this.#greeting.own) return this.#greetAgain();
        this.#acknowledged(record.acknowledged);
        if (record.type === "data") this.#receiveData(record.number, record.message, keyId);
    }
    return undefined;
  }

  #receiveData(number: number, message: Bytes, keyId: string): void {
    for (const inbound of this.#incoming.take(number, { message, keyId })) {
      this.#options.onMessage(inbound.message, inbound.keyId);
    }
    this.#sending.acknowledge();
  }

  #acknowledged(number: number): void {
    const arrived = this.#outgoing.acknowledge(number, this.#options.now());
    if (arrived.length === 0) return;
    this.#key.isGood();
    for (const { tag } of arrived) this.#options.onArrived(tag);
    this.poke();
  }

  #meet(from: SessionId, known: SessionId): void {
    const { isAnother, isSuccessor, isNews } = this.#greeting.hear(from, known);
    const lost = isSuccessor ? this.#outgoing.restart().map(({ tag }) => tag) : [];
    if (isAnother) this.#incoming.restart();
    if (isNews) this.#options.onMet(isSuccessor, lost);
    this.#outgoing.resendAll();
    this.poke();
  }

  /** They speak to, or as, a page that is gone. */
  #greetAgain(): void {
    this.#greeting.repeatLater();
    this.poke();
  }

  #keyRefused(keyId: string): void {
    if (!this.#key.isRefused(keyId)) return;
    this.#options.onKeyLost("mine", keyId);
    this.#greeting.repeat();
    this.#outgoing.resendAll();
    this.poke();
  }
}
