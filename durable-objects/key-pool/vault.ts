/**
 * Seals units: each under a random data key of its own, the data key wrapped under the epoch key. Dropping a unit's
 * wrapped key makes its bytes unreadable, whatever copies of them the storage keeps.
 */
import type { PairName } from "../../shared/ids.ts";
import type { ObjectsEnv } from "../env.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";

export interface SealedUnit {
  readonly epoch: number;
  /** IV (12 bytes), then the data key and tag under the epoch's wrapping key. */
  readonly wrappedKey: Uint8Array;
  /** The unit's bytes and tag under the data key, which is used for nothing else: the IV is zero. */
  readonly sealed: Uint8Array;
}

const IV_BYTES = 12;
const ZERO_IV = new Uint8Array(IV_BYTES);

export class Vault {
  readonly #keys: EpochKeys;

  constructor(env: ObjectsEnv, pair: PairName) {
    this.#keys = new EpochKeys(env, pair);
  }

  async seal(plaintext: Uint8Array): Promise<SealedUnit> {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const dataKey = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: ZERO_IV }, dataKey, plaintext));
    const epoch = this.#keys.current;
    const wrapping = await this.#keys.wrappingKey(epoch);
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const wrapped = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, wrapping, raw));
    raw.fill(0);
    const wrappedKey = new Uint8Array(IV_BYTES + wrapped.length);
    wrappedKey.set(iv);
    wrappedKey.set(wrapped, IV_BYTES);
    return { epoch, wrappedKey, sealed };
  }

  /** @throws when the epoch key is gone or the storage was altered */
  async open(unit: SealedUnit): Promise<Uint8Array> {
    const wrapping = await this.#keys.wrappingKey(unit.epoch);
    const iv = unit.wrappedKey.subarray(0, IV_BYTES);
    const raw = new Uint8Array(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv }, wrapping, unit.wrappedKey.subarray(IV_BYTES)),
    );
    const dataKey = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    raw.fill(0);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: ZERO_IV }, dataKey, unit.sealed));
  }
}
