/**
 * Epoch keys: kept outside the objects' storage, as numbered secrets of the deployment. A copy of the storage alone
 * opens nothing.
 */
import { hkdfSync } from "node:crypto";
import type { ObjectsEnv } from "../env.ts";

const PREFIX = "QKD_EPOCH_KEY_";
const KEY_BYTES = 32;

export class EpochKeys {
  readonly #env: ObjectsEnv;
  readonly #purpose: string;
  readonly #derived = new Map<number, Uint8Array>();
  /** Number of the epoch new units are sealed in. */
  readonly current: number;

  /**
   * @param purpose whose keys: each pair wraps under a key of its own, derived from the epoch's
   * @throws Error when the deployment has no epoch key
   */
  constructor(env: ObjectsEnv, purpose: string) {
    this.#env = env;
    this.#purpose = purpose;
    const numbers = Object.keys(env)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => Number(name.slice(PREFIX.length)))
      .filter((number) => Number.isInteger(number) && number > 0);
    if (numbers.length === 0)
      throw new Error(`no epoch key: set the secret ${PREFIX}1 to base64 of ${KEY_BYTES} random bytes`);
    this.current = Math.max(...numbers);
  }

  /**
   * AES-256 key that wraps data keys: HKDF-SHA256 (RFC 5869) of the epoch key, labelled with the purpose.
   * @throws Error when there is no such epoch key (any more), or it is no key
   */
  wrappingKey(epoch: number): Uint8Array {
    let key = this.#derived.get(epoch);
    if (key === undefined) {
      key = this.#derive(epoch);
      this.#derived.set(epoch, key);
    }
    return key;
  }

  #derive(epoch: number): Uint8Array {
    const text = this.#env[`${PREFIX}${epoch}`];
    if (text === undefined)
      throw new Error(`the epoch key ${PREFIX}${epoch} is gone: what it protected cannot be opened`);
    const raw = Uint8Array.fromBase64(text);
    if (raw.length !== KEY_BYTES) throw new Error(`${PREFIX}${epoch} must be base64 of ${KEY_BYTES} bytes`);
    const info = `qkd-edge data key wrapping|${this.#purpose}`;
    const derived = new Uint8Array(hkdfSync("sha256", raw, new Uint8Array(), info, KEY_BYTES));
    raw.fill(0);
    return derived;
  }
}
