/** A pool's two secrets: made at the object's first start, kept in its storage, never told to anybody. */
import { createHmac } from "node:crypto";
import { MASK_BYTES, type Mask, type Nonce, prefixOfNonce } from "../../shared/keypool/key-id.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PoolStore } from "./store.ts";

const SECRET_BYTES = 32;
const FINGERPRINT_BYTES = 16;

export class PoolSecrets {
  readonly #keyId: Uint8Array;
  readonly #fingerprint: Uint8Array;
  readonly #masks = new Map<string, Mask>();

  constructor(store: PoolStore) {
    this.#keyId = madeOnce(store, "key-id-secret");
    this.#fingerprint = madeOnce(store, "fingerprint-secret");
  }

  /** What hides record number and index in the key IDs of a batch; those of late are remembered. */
  maskOf(nonce: Nonce): Mask {
    const name = prefixOfNonce(nonce);
    let mask = this.#masks.get(name);
    if (mask !== undefined) return mask;
    mask = createHmac("sha256", this.#keyId).update(nonce).digest().subarray(0, MASK_BYTES);
    this.#masks.set(name, mask);
    for (const oldest of this.#masks.keys()) {
      if (this.#masks.size <= LIMITS.cachedRecords) break;
      this.#masks.delete(oldest);
    }
    return mask;
  }

  /** 128 bits of HMAC-SHA256: the only digest of material anywhere, and of no use without the key. */
  fingerprint(material: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#fingerprint).update(material).digest().subarray(0, FINGERPRINT_BYTES);
  }
}

function madeOnce({ settings }: PoolStore, name: string): Uint8Array {
  const stored = settings.bytes(name);
  if (stored !== undefined) return stored;
  const made = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  settings.put(name, made);
  return made;
}
