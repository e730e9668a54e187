/** The keys under which a KeyStream object keeps KEM secrets: those of the epoch in force, and of older ones as long as they last. */
import type { EpochKeys } from "../../storage/epoch-keys.ts";
import { type SealedUnit, Vault } from "../../storage/vault.ts";
import { logFailure } from "../../log-failure.ts";

export class HybridSealing {
  readonly #keys: EpochKeys;
  readonly #vault: Vault;
  readonly #inForce: (object: string) => Promise<number>;
  /** Since this start the Directory has told the epoch in force, and counts on this object to be told of the next. */
  #isKnown = false;

  /** @param inForce asks the Directory */
  constructor(keys: EpochKeys, inForce: (object: string) => Promise<number>) {
    this.#keys = keys;
    this.#vault = new Vault(keys);
    this.#inForce = inForce;
  }

  /** To be called before anything is sealed. @param object its own name @returns false where there is no key, or nobody to ask for its epoch */
  async readyToSeal(object: string): Promise<boolean> {
    try {
      if (!this.#isKnown) this.#isKnown = await this.enter(await this.#inForce(object));
    } catch (error) {
      logFailure("key stream, epoch", error);
      return false;
    }
    return this.#keys.has(this.#keys.current);
  }

  /** @returns false where the epoch's key is gone, and what was sealed in it with it */
  async readyToOpen(epoch: number): Promise<boolean> {
    return await this.#keys.load(epoch);
  }

  canOpen(epoch: number): boolean {
    return this.#keys.has(epoch);
  }

  /** Seals in this epoch from now on, and never again in an older one. @returns false where its key is not there (yet) */
  async enter(epoch: number): Promise<boolean> {
    if (!(await this.#keys.load(epoch))) return false;
    if (epoch > this.#keys.current) this.#keys.use(epoch);
    return true;
  }

  /** Nothing is sealed in older epochs any more. */
  leaveBehind(epoch: number): void {
    this.#keys.forgetBefore(epoch);
  }

  seal(secret: Uint8Array): SealedUnit {
    return this.#vault.seal(secret);
  }

  /** @throws Error where its epoch's key is not ready */
  open(unit: SealedUnit): Uint8Array {
    return this.#vault.open(unit);
  }

  current(unit: SealedUnit): SealedUnit {
    return this.#vault.current(unit);
  }
}
