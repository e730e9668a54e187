/**
 * Seals units (of pools' material, of a QKD module's state, of a stream's KEM secrets): each under a random data key of its own (AES-256-GCM, NIST SP 800-38D), the data key wrapped under the
 * epoch key. Dropping a unit's wrapped key makes its bytes unreadable, whatever copies of them the storage keeps, as
 * soon as the epoch key is gone too.
 *
 * Synchronous on purpose: nothing can come between looking a key up, opening its unit and the write that hands it out.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { EpochKeys } from "./epoch-keys.ts";

export interface SealedUnit {
  readonly epoch: number;
  /** IV (12 bytes), then the data key and tag under the epoch's wrapping key. */
  readonly wrappedKey: Uint8Array;
  /** The unit's bytes and tag under the data key, which is used for nothing else: the IV is zero. */
  readonly sealed: Uint8Array;
}

const CIPHER = "aes-256-gcm";
const DATA_KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ZERO_IV = new Uint8Array(IV_BYTES);

export class Vault {
  readonly #keys: EpochKeys;

  constructor(keys: EpochKeys) {
    this.#keys = keys;
  }

  /** Number of the epoch that new units are sealed in. */
  get epoch(): number {
    return this.#keys.current;
  }

  seal(plaintext: Uint8Array): SealedUnit {
    const dataKey = randomBytes(DATA_KEY_BYTES);
    const sealed = encrypt(dataKey, ZERO_IV, plaintext);
    const wrapped = this.#wrap(dataKey);
    dataKey.fill(0);
    return { ...wrapped, sealed };
  }

  /** @throws Error when the epoch key is gone or the storage was altered */
  open(unit: SealedUnit): Uint8Array {
    const dataKey = this.#unwrap(unit);
    const plaintext = decrypt(dataKey, ZERO_IV, unit.sealed);
    dataKey.fill(0);
    return plaintext;
  }

  /** The same unit with its data key under the current epoch's key; as it is where it is that already, or a newer one. */
  current(unit: SealedUnit): SealedUnit {
    return unit.epoch < this.epoch ? this.rewrap(unit) : unit;
  }

  /** @param change what is to be other in the new sealing, which is under a data key of its own */
  resealChanged(unit: SealedUnit, change: (plaintext: Uint8Array) => void): SealedUnit {
    const plaintext = this.open(unit);
    change(plaintext);
    const resealed = this.seal(plaintext);
    plaintext.fill(0);
    return resealed;
  }

  /** The same unit with its data key under the current epoch's key. */
  rewrap(unit: SealedUnit): SealedUnit {
    const dataKey = this.#unwrap(unit);
    const wrapped = this.#wrap(dataKey);
    dataKey.fill(0);
    return { ...wrapped, sealed: unit.sealed };
  }

  #wrap(dataKey: Uint8Array): Omit<SealedUnit, "sealed"> {
    const epoch = this.#keys.current;
    const iv = randomBytes(IV_BYTES);
    return { epoch, wrappedKey: Buffer.concat([iv, encrypt(this.#keys.wrappingKey(epoch), iv, dataKey)]) };
  }

  #unwrap({ epoch, wrappedKey }: Omit<SealedUnit, "sealed">): Uint8Array {
    const iv = wrappedKey.subarray(0, IV_BYTES);
    return decrypt(this.#keys.wrappingKey(epoch), iv, wrappedKey.subarray(IV_BYTES));
  }
}

function encrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  const end = sealed.length - TAG_BYTES;
  decipher.setAuthTag(sealed.subarray(end));
  const { buffer, byteOffset, length } = decipher.update(sealed.subarray(0, end));
  decipher.final(); // throws where the tag does not fit; GCM leaves nothing over
  // No Buffer: what its `slice` gives is no copy, and would be wiped with it.
  return new Uint8Array(buffer, byteOffset, length);
}
