/**
 * The fake simulation: random key at a set rate. The sender makes a block and offers it until the receiver says that it
 * has it, so a message that is lost, or an end that restarts, costs nothing but time.
 */
import { LIMITS } from "../limits.ts";
import { fakeReport, type ModuleParts, nextBlock } from "./parts.ts";
import { keyMessage, startMessage } from "./wire.ts";

/** Made at least at once: less would only be more messages. */
const PIECE_BYTES = LIMITS.unitBytes;

export class FakeSender {
  readonly #parts: ModuleParts;
  /** Key up to here has been made. */
  #madeMs: number | null = null;
  #runMs = 0;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  /** When there is a piece to be made; null where the rate is 0. */
  dueMs(nowMs: number): number | null {
    const { key_rate_bps: rateBps } = this.#parts.settings();
    this.#madeMs ??= nowMs;
    return rateBps === 0 ? null : this.#madeMs + (8000 * PIECE_BYTES) / rateBps;
  }

  /** Makes what is due, and offers it. */
  make(nowMs: number): void {
    const { memory, random } = this.#parts;
    const { key_rate_bps: rateBps } = this.#parts.settings();
    if (memory.offer !== null || rateBps === 0) return;
    this.#madeMs ??= nowMs;
    const sinceMs = nowMs - this.#madeMs;
    const pieces = Math.floor((sinceMs * rateBps) / (8000 * PIECE_BYTES));
    if (pieces === 0) return;
    const bytes = Math.min(pieces * PIECE_BYTES, LIMITS.moduleFakeBytes);
    // A late call does not make an hour's worth later.
    this.#runMs = (8000 * bytes) / rateBps;
    this.#madeMs = bytes < pieces * PIECE_BYTES ? nowMs : this.#madeMs + this.#runMs;
    const block = nextBlock(this.#parts);
    memory.offerKey(block, random(bytes));
    this.offer();
  }

  /** Time in which no key was wanted does not count. */
  rest(nowMs: number): void {
    this.#madeMs = nowMs;
  }

  offer(): void {
    const { memory, say } = this.#parts;
    if (memory.offer === null) return;
    say(keyMessage(memory.offer.block, memory.offer.bytes));
    say(startMessage(memory.offer.block));
  }

  /** The receiver has it. */
  started(block: number, nowMs: number): void {
    const { memory, ended } = this.#parts;
    if (memory.offer?.block !== block) return;
    const keyBytes = memory.offer.bytes.length;
    memory.acceptOffer();
    ended(fakeReport(block, keyBytes, nowMs, this.#runMs));
  }
}

export class FakeReceiver {
  readonly #parts: ModuleParts;
  #coming: { readonly block: number; readonly bytes: Uint8Array } | null = null;
  #takenMs: number | null = null;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  key(block: number, bytes: Uint8Array): void {
    this.#coming = { block, bytes: bytes.slice() };
  }

  /** The sender says that the key is there. */
  started(block: number, nowMs: number): void {
    const { memory, say, ended } = this.#parts;
    const coming = this.#coming;
    this.#coming = null;
    if (coming?.block !== block) return;
    if (memory.takeFake(block, coming.bytes)) {
      ended(fakeReport(block, coming.bytes.length, nowMs, nowMs - (this.#takenMs ?? nowMs)));
      this.#takenMs = nowMs;
    }
    say(startMessage(block));
  }
}
