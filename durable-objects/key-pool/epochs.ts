/** Which epoch a pool seals in, and which keys it has at hand for that and for what it sealed before. */
import type { EpochKeys } from "../storage/epoch-keys.ts";
import type { PoolStore } from "./store.ts";
import type { UnitStore } from "./unit-store.ts";

/** The pool's epoch, and when it took it up: `3 1767225600000`. */
const SETTING = "epoch";

export class PoolEpochs {
  readonly #keys: EpochKeys;
  readonly #store: PoolStore;
  readonly #units: UnitStore;
  #sinceMs = 0;
  /** False while the epoch is only the newest there is a key of: the pool has not been told. */
  #isOwn = false;
  /** When it was told last that the epoch is overdue. */
  overdueToldMs = 0;

  constructor(keys: EpochKeys, store: PoolStore, units: UnitStore) {
    this.#keys = keys;
    this.#store = store;
    this.#units = units;
  }

  get current(): number {
    return this.#keys.current;
  }

  /** False where the epoch's key is gone: nothing can be taken in before the pool is told of the next. */
  get canSeal(): boolean {
    return this.#keys.has(this.#keys.current);
  }

  /** When the pool took its epoch up. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /**
   * To be done before anything else at each start. Where the key of the epoch is gone, nothing can be sealed before the
   * pool is told of the next one.
   * @param told the epoch in force, as the pool was told last; undefined where the Directory knows no epochs yet
   * @throws Error where the keys are kept does not answer
   */
  async start(told: number | undefined): Promise<void> {
    const stored = this.#store.settings.text(SETTING);
    const [own = 0, sinceMs = 0] = stored?.split(" ").map(Number) ?? [];
    const epoch = own > 0 ? own : (told ?? (await this.#keys.newest()));
    await this.ready([epoch, ...this.#units.epochs()]);
    this.#keys.use(epoch);
    this.#isOwn = own > 0;
    this.#sinceMs = own > 0 ? sinceMs : Date.now();
    await this.adopt(told);
  }

  /**
   * The epoch in force: new units are sealed in it from now on, and never again in an older one.
   * @returns false where its key is not there (yet): all stays as it is
   */
  async adopt(epoch: number | undefined): Promise<boolean> {
    if (epoch === undefined || !this.#isNews(epoch)) return true;
    if (!(await this.#keys.load(epoch))) return false;
    if (!this.#isNews(epoch)) return true;
    this.#sinceMs = Date.now();
    this.#store.settings.put(SETTING, `${epoch} ${this.#sinceMs}`);
    this.#keys.use(epoch);
    this.#isOwn = true;
    return true;
  }

  #isNews(epoch: number): boolean {
    return epoch > this.#keys.current || (epoch === this.#keys.current && !this.#isOwn);
  }

  /** Gets the keys of these epochs ready. @returns false where one of them is gone */
  async ready(epochs: Iterable<number>): Promise<boolean> {
    const there = await Promise.all([...new Set(epochs)].map(async (epoch) => await this.#keys.load(epoch)));
    return there.every(Boolean);
  }

  /** What was sealed in these epochs can be opened. */
  areReady(epochs: Iterable<number>): boolean {
    return [...epochs].every((epoch) => this.#keys.has(epoch));
  }

  /** Nothing is sealed in older epochs than this any more. */
  leaveBehind(epoch: number): void {
    this.#keys.forgetBefore(epoch);
  }
}
