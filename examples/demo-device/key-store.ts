/**
 * What a pair of QKD devices has: keys that both ends can give out, each once. Made by the system's random generator
 * where a real pair would measure photons.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { err, ok, type Result } from "../../shared/result.ts";

export type End = "a" | "b";
export const otherEnd = (end: End): End => (end === "a" ? "b" : "a");

export interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

export interface StoreOptions {
  /** How long the other end may take to fetch a key. */
  readonly ttlMs: number;
  /** Bits a second that the pair makes; Infinity: as many as are asked for. */
  readonly rateBps: number;
  /** How long a repeated request gets what the first got. */
  readonly repeatMs: number;
  /** Keys held for the other end. */
  readonly maxKeys: number;
  readonly now: () => number;
}

export type Refusal = "short" | "not found";

interface Held {
  readonly bytes: Buffer;
  /** Who may fetch it. */
  readonly end: End;
  readonly untilMs: number;
}

/** Requests whose answers are kept for repeats. */
const MAX_REPEATS = 256;

export class KeyStore {
  readonly #options: StoreOptions;
  readonly #held = new Map<string, Held>();
  readonly #repeats = new Map<string, { readonly keys: readonly Key[]; readonly untilMs: number }>();
  #availableBits = 0;
  #filledMs: number;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#filledMs = options.now();
  }

  get heldKeys(): number {
    return this.#held.size;
  }

  /** New keys for `end`; the other end can fetch the same. */
  enc(end: End, count: number, sizeBytes: number, repeat: string | null): Result<readonly Key[], Refusal> {
    const before = this.#repeated(`enc ${end} ${repeat}`, repeat);
    if (before !== null) return ok(before);
    this.#expire();
    const bits = count * sizeBytes * 8;
    this.#fill();
    if (this.#availableBits < bits || this.#held.size + count > this.#options.maxKeys) return err("short");
    this.#availableBits -= bits;
    const untilMs = this.#options.now() + this.#options.ttlMs;
    const keys = Array.from({ length: count }, () => ({ id: randomUUID(), bytes: randomBytes(sizeBytes) }));
    for (const { id, bytes } of keys) this.#held.set(id, { bytes, end: otherEnd(end), untilMs });
    this.#remember(`enc ${end} ${repeat}`, repeat, keys);
    return ok(keys);
  }

  /** All of these keys, or none. */
  dec(end: End, ids: readonly string[], repeat: string | null): Result<readonly Key[], Refusal> {
    const before = this.#repeated(`dec ${end} ${repeat}`, repeat);
    if (before !== null) return ok(before);
    this.#expire();
    const keys: Key[] = [];
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held === undefined || held.end !== end) return err("not found");
      keys.push({ id, bytes: held.bytes });
    }
    for (const id of ids) this.#held.delete(id);
    this.#remember(`dec ${end} ${repeat}`, repeat, keys);
    return ok(keys);
  }

  #fill(): void {
    const { now, rateBps, maxKeys } = this.#options;
    const nowMs = now();
    const madeBits = rateBps === Infinity ? Infinity : (rateBps * (nowMs - this.#filledMs)) / 1000;
    // A pair stores no more than what `maxKeys` keys of 256 bits are made of.
    this.#availableBits = rateBps === Infinity ? Infinity : Math.min(this.#availableBits + madeBits, maxKeys * 256);
    this.#filledMs = nowMs;
  }

  #expire(): void {
    const nowMs = this.#options.now();
    // In the order in which they run out.
    for (const [id, { untilMs }] of this.#held) {
      if (untilMs > nowMs) return;
      this.#held.delete(id);
    }
  }

  #repeated(name: string, repeat: string | null): readonly Key[] | null {
    if (repeat === null) return null;
    const known = this.#repeats.get(name);
    return known !== undefined && known.untilMs > this.#options.now() ? known.keys : null;
  }

  #remember(name: string, repeat: string | null, keys: readonly Key[]): void {
    if (repeat === null) return;
    this.#repeats.set(name, { keys, untilMs: this.#options.now() + this.#options.repeatMs });
    for (const oldest of this.#repeats.keys()) {
      if (this.#repeats.size <= MAX_REPEATS) return;
      this.#repeats.delete(oldest);
    }
  }
}
