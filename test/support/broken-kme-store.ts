/** The keys of `broken-kme.ts`: one pool, and a ledger of who may still fetch what. */
import { randomBytes, randomUUID } from "node:crypto";
import type { FaultName } from "./broken-kme-faults.ts";

export const KEY_SIZE_BITS = 256;
export const CAPACITY_KEYS = 2_500;
/** How far back what is repeated lies, and how often that happens. */
const BACK_KEYS = 60;
const EVERY_KEYS = 20;
const LONGEST_BYTES = 512;

export interface StoredKey {
  readonly id: string;
  key: Buffer;
  readonly master: string;
  readonly waiting: Set<string>;
  readonly fetched: Set<string>;
  readonly madeMs: number;
}

export interface Wish {
  readonly master: string;
  readonly slaves: readonly string[];
  readonly number: number;
  readonly sizeBits: number;
}

export class BrokenKmeStore {
  /** How long a key is kept for its slaves. */
  lifetimeMs = Number.POSITIVE_INFINITY;
  readonly #fault: FaultName | undefined;
  readonly #keys = new Map<string, StoredKey>();
  /** Of the last keys that were made, the oldest first. */
  readonly #made: { readonly id: string; readonly bytes: Buffer }[] = [];
  #storedBits = CAPACITY_KEYS * KEY_SIZE_BITS;
  #count = 0;

  constructor(fault: FaultName | undefined) {
    this.#fault = fault;
  }

  get storedKeys(): number {
    return Math.floor(this.#storedBits / KEY_SIZE_BITS);
  }

  /** Every key there ever was. */
  keys(): readonly Buffer[] {
    return [...this.#keys.values()].map(({ key }) => key);
  }

  waste(): void {
    this.#storedBits = Math.max(0, this.#storedBits - KEY_SIZE_BITS);
  }

  /** Undefined where there is not so much. */
  make({ master, slaves, number, sizeBits }: Wish): readonly StoredKey[] | undefined {
    const has = Math.floor(this.#storedBits / sizeBits);
    if (has < number && this.#fault !== "gives-what-is-left") return undefined;
    const keys = Array.from({ length: Math.min(has, number) }, () => this.#makeOne(master, slaves, sizeBits));
    this.#storedBits -= keys.length * sizeBits;
    return keys;
  }

  #makeOne(master: string, slaves: readonly string[], sizeBits: number): StoredKey {
    const old = this.#made.length === BACK_KEYS && ++this.#count % EVERY_KEYS === 0 ? this.#made[0] : undefined;
    const latest = this.#fault === "repeats-keys-the-other-way" && master === "sae-c" ? this.#made.at(-1) : undefined;
    const id = (this.#fault === "repeats-key-ids" ? old?.id : undefined) ?? randomUUID();
    const bytes =
      latest?.bytes ?? (this.#fault === "repeats-keys" ? old?.bytes : undefined) ?? randomBytes(LONGEST_BYTES);
    this.#made.push({ id, bytes });
    if (this.#made.length > BACK_KEYS) this.#made.shift();
    const key = Buffer.from(bytes.subarray(0, Math.ceil(sizeBits / 8)));
    const stored = { id, key, master, waiting: new Set(slaves), fetched: new Set<string>(), madeMs: Date.now() };
    this.#keys.set(id, stored);
    return stored;
  }

  /** Undefined for one that is unknown, or too old. */
  find(id: string): StoredKey | undefined {
    const key = this.#keys.get(id);
    const isOld = key !== undefined && Date.now() - key.madeMs > this.lifetimeMs;
    return isOld && this.#fault !== "keeps-keys-for-ever" ? undefined : key;
  }

  restarted(): void {
    if (this.#fault !== "loses-bytes-in-a-restart") return;
    for (const stored of this.#keys.values()) stored.key = randomBytes(stored.key.length);
  }
}
