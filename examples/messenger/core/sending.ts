/** The sending half of a session: what goes next, and under which key, over whichever carrier there is. */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import type { Carrier } from "./carrier.ts";
import type { Greeting } from "./greeting.ts";
import type { Outgoing } from "./outgoing.ts";
import { encodeRecord, type SealedRecord } from "./record.ts";
import { SEAL_BYTES } from "./sealer.ts";
import type { SendingKey } from "./sending-key.ts";

export interface SendingOptions<Tag> {
  readonly key: SendingKey;
  readonly greeting: Greeting;
  readonly outgoing: Outgoing<Tag>;
  readonly now: () => number;
  /** All of the other side's messages up to this number have come. */
  readonly acknowledged: () => number;
  /** A message goes, for the first time or once more. */
  readonly onSent: (tag: Tag, keyId: string, isFirst: boolean) => void;
}

type Outbox = { readonly record: SealedRecord; readonly sent?: (keyId: string) => void };

export class Sending<Tag> {
  readonly #options: SendingOptions<Tag>;
  #carrier: Carrier | null = null;
  #isClosed = false;
  #ackDue = false;
  #keyPlease: string | null = null;
  #sound: SealedRecord[] = [];
  #pumping = false;
  #pokedAgain = false;

  constructor(options: SendingOptions<Tag>) {
    this.#options = options;
  }

  /** Another way, or none. What the former had on it may be lost, so it is sent again: the other side takes it once. */
  useCarrier(carrier: Carrier | null): void {
    if (carrier === this.#carrier) return;
    this.#carrier = carrier;
    if (carrier === null) this.#sound = [];
    else this.#options.outgoing.resendAll();
    this.poke();
  }

  /** Sound that comes late is worth nothing: the oldest that still waits makes room. */
  sound(call: number, number: number, samples: Bytes): void {
    this.#sound.push({ type: "sound", to: this.#options.greeting.peer, call, number, samples });
    if (this.#sound.length > BOUNDS.soundFramesToSend) this.#sound.shift();
    this.poke();
  }

  acknowledge(): void {
    this.#ackDue = true;
    this.poke();
  }

  /** @returns false where that was about to be said already */
  askForAnother(keyId: string): boolean {
    if (this.#keyPlease === keyId) return false;
    this.#keyPlease = keyId;
    this.poke();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#carrier = null;
  }

  /** There may be something to send, or a way to send it. */
  poke(): void {
    this.#pokedAgain = true;
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#pokedAgain) {
        this.#pokedAgain = false;
        while (await this.#sendOne());
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** @returns was there something? */
  async #sendOne(): Promise<boolean> {
    const carrier = this.#carrier;
    if (carrier === null || this.#isClosed || !carrier.hasRoomFor(BOUNDS.messageBytes + SEAL_BYTES)) return false;
    const outbox = this.#nextRecord();
    if (outbox === null) return false;
    const { key } = this.#options;
    outbox.sent?.(key.keyId as string);
    const frame = await key.seal(encodeRecord(outbox.record));
    // Where the carrier has gone meanwhile the frame goes with it: its message is sent again.
    if (this.#carrier === carrier) carrier.send(frame);
    return true;
  }

  /** Chosen and taken at once, with a key there for it. */
  #nextRecord(): Outbox | null {
    const { key, greeting, outgoing, now } = this.#options;
    const nowMs = now();
    const control = this.#control();
    if (control !== null) return key.isReadyFor("control") ? { record: control() } : null;
    if (!greeting.isMet) return null;
    const [from, to] = [greeting.own, greeting.peer];
    if (this.#sound.length > 0 && key.isReadyFor("people")) return { record: this.#sound.shift() as SealedRecord };
    const acknowledged = this.#options.acknowledged();
    if (outgoing.peek(nowMs) !== null && key.isReadyFor("people")) {
      const { number, item, isFirst } = outgoing.next(nowMs) ?? unreachable();
      this.#ackDue = false;
      const record: SealedRecord = { type: "data", to, from, number, acknowledged, message: item.message };
      return { record, sent: (keyId) => this.#options.onSent(item.tag, keyId, isFirst) };
    }
    if (!this.#ackDue || !key.isReadyFor("control")) return null;
    this.#ackDue = false;
    return { record: { type: "ack", to, from, acknowledged } };
  }

  #control(): (() => SealedRecord) | null {
    const [keyId, { greeting }] = [this.#keyPlease, this.#options];
    if (keyId === null) return greeting.isDue ? () => greeting.say() : null;
    return () => {
      this.#keyPlease = null;
      return { type: "key-please", keyId };
    };
  }
}

function unreachable(): never {
  throw new Error("a message that was there is gone");
}
