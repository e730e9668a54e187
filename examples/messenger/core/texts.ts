/** Texts on their way out, one after the other: one that waits for its pad holds up those behind it, so none overtakes. */
import { BOUNDS } from "./bounds.ts";
import type { Direction } from "./direction.ts";
import { reasonOf } from "./key-source.ts";
import { encodeMessage, type Message } from "./message.ts";
import { openWithPad, padBits, padBitsOf, sealWithPad } from "./one-time-pad.ts";
import { Rate } from "./rate.ts";
import type { TakenKey } from "./sending-key.ts";
import { OTHER, type Tag } from "./tag.ts";
import type { TextEntry } from "./timeline.ts";

export interface TextsOptions {
  readonly direction: Direction;
  readonly now: () => number;
  readonly isReachable: () => boolean;
  readonly send: (message: Uint8Array<ArrayBuffer>, tag: Tag) => boolean;
  readonly takePad: (bits: number) => Promise<TakenKey>;
  readonly fetchPad: (keyId: string, bits: number) => Promise<Uint8Array | null>;
  readonly find: (id: string) => TextEntry | undefined;
  readonly patch: (id: string, change: Partial<TextEntry>) => void;
  readonly receive: (entry: Omit<TextEntry, "atMs" | "kind">) => void;
  /** A pad that the own key management entity will not give, and why: the text does not go. */
  readonly onRefused: (reason: string) => void;
  /** Texts came faster than they could be opened: some were thrown away. */
  readonly onFlood: () => void;
}

export class Texts {
  readonly #options: TextsOptions;
  #queue: string[] = [];
  /** Own texts that were sent under a second pad. */
  readonly #secondPads = new Set<string>();
  #isFeeding = false;
  /** The first of the queue, where it is ready to go. */
  #sealed: { readonly id: string; readonly message: Uint8Array<ArrayBuffer> } | null = null;
  #receiving: Promise<void> = Promise.resolve();
  #unopened = 0;
  readonly #refusals: Rate;

  constructor(options: TextsOptions) {
    this.#options = options;
    this.#refusals = new Rate(options.now, BOUNDS.refusals);
  }

  /** Not handed on yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** @param id of an entry that is there already */
  send(id: string): void {
    this.#queue.push(id);
    this.feed();
  }

  /** The page that they were sent to is gone: they go to the next one, each under a pad of its own again. */
  sendAgain(ids: readonly string[]): void {
    for (const id of ids) this.#options.patch(id, { state: "queued", keyId: null });
    this.#queue = [...ids, ...this.#queue.filter((id) => !ids.includes(id))];
    this.feed();
  }

  /** There may be somebody to send to. */
  feed(): void {
    if (!this.#isFeeding) void this.#feed();
  }

  /** @param keyId of the frame that it came in */
  receive({ head, body }: Message, keyId: string): void {
    if (head.kind === "text") this.#inTurn(() => this.#show(head.id, head.text, "key", keyId, 0));
    else if (head.kind === "pad") this.#inTurn(async () => await this.#openPad(head.id, head.keyId, body));
    else if (head.kind === "pad-lost") this.#padLost(head.id);
  }

  /** Pads are fetched one after the other, so that texts come in their order. */
  #inTurn(open: () => void | Promise<void>): void {
    if (this.#unopened >= BOUNDS.textsUnopened) return this.#options.onFlood();
    this.#unopened++;
    const opened = this.#receiving.then(open);
    // What was wrong with one is no reason to leave out the next.
    this.#receiving = opened.catch(() => undefined).finally(() => this.#unopened--);
    return undefined;
  }

  async #feed(): Promise<void> {
    this.#isFeeding = true;
    try {
      for (let id = this.#queue[0]; id !== undefined && this.#options.isReachable(); id = this.#queue[0]) {
        const entry = this.#options.find(id);
        if (entry !== undefined && this.#sealed?.id !== id) await this.#seal(entry);
        // Others may have come before it meanwhile.
        if (this.#queue[0] !== id) continue;
        const sealed = this.#sealed?.id === id ? this.#sealed.message : null;
        if (sealed !== null && !this.#options.send(sealed, { kind: "text", id })) return;
        this.#sealed = null;
        this.#queue.shift();
      }
    } catch {
      // Signed out, or the page closes: there is nobody to send for.
    } finally {
      this.#isFeeding = false;
    }
  }

  /** Kept until it goes: where it cannot go at once, that costs no second pad. */
  async #seal({ id, text, seal }: TextEntry): Promise<void> {
    if (seal === "key") {
      this.#sealed = { id, message: encodeMessage({ kind: "text", id, text }) };
      return;
    }
    try {
      const { keyId, key } = await this.#options.takePad(padBits(text));
      this.#options.patch(id, { keyId });
      const pad = sealWithPad({ keyId, direction: this.#options.direction }, text, key);
      this.#sealed = { id, message: encodeMessage({ kind: "pad", id, keyId }, pad) };
    } catch (error) {
      if (error instanceof DOMException) throw error;
      // Not asked for again: an answer that is none would cost a pad each time.
      this.#options.patch(id, { state: "refused" });
      this.#options.onRefused(reasonOf(error));
    }
  }

  async #openPad(id: string, keyId: string, sealed: Uint8Array): Promise<void> {
    const bits = padBitsOf(sealed);
    const pad = this.#refusals.isReached ? null : await this.#options.fetchPad(keyId, bits).catch(() => null);
    const direction = this.#options.direction === 0 ? 1 : 0;
    const text = pad === null ? null : openWithPad({ keyId, direction }, sealed, pad);
    if (text !== null) this.#show(id, text, "pad", keyId, bits);
    else {
      this.#refusals.add();
      this.#options.receive({ id, from: "peer", text: "", seal: "pad", keyId, bits, state: "lost" });
      this.#options.send(encodeMessage({ kind: "pad-lost", id }), OTHER);
    }
  }

  /** Once more, and no more often: where the second is lost as well, something is wrong that people should look into. */
  #padLost(id: string): void {
    const entry = this.#options.find(id);
    if (entry?.from !== "me" || entry.seal !== "pad" || (entry.state !== "sent" && entry.state !== "delivered")) return;
    if (this.#secondPads.has(id)) this.#options.patch(id, { state: "lost" });
    else {
      this.#secondPads.add(id);
      this.sendAgain([id]);
    }
  }

  #show(id: string, text: string, seal: TextEntry["seal"], keyId: string, bits: number): void {
    this.#options.receive({ id, from: "peer", text, seal, keyId, bits, state: "delivered" });
  }
}
