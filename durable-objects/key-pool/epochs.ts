/** Which epoch a pool seals in, and which keys it has at hand for that and for what it sealed before. */
import type { EpochKeys } from "../storage/epoch-keys.ts";
import type { PoolStore } from "./store.ts";
import type { UnitStore } from "./unit-store.ts";

const SETTING = "epoch";

export class PoolEpochs {
  readonly #keys: EpochKeys;
  readonly #store: PoolStore;
  readonly #units: UnitStore;

  constructor(keys: EpochKeys, store: PoolStore, units: UnitStore) {
    this.#keys = keys;
    this.#store = store;
    this.#units = units;
  }

  /**
   * To be done before anything else at each start.
   * @param told the epoch in force, as the pool was told last; undefined where the Directory knows no epochs yet
   * @throws Error where there is no epoch key at all, or where they are kept does not answer
   */
  async start(told: number | undefined): Promise<void> {
    const own = Number(this.#store.setting(SETTING) ?? 0);
    const epoch = own > 0 ? own : (told ?? (await this.#keys.newest()));
    await this.ready([epoch, ...this.#units.epochs()]);
    this.#keys.use(epoch);
    await this.adopt(told);
  }

  /**
   * The epoch in force: new units are sealed in it from now on, and never again in an older one.
   * @returns false where its key is not there (yet): all stays as it is
   */
  async adopt(epoch: number | undefined): Promise<boolean> {
    if (epoch === undefined || epoch <= this.#keys.current) return true;
    if (!(await this.#keys.load(epoch))) return false;
    if (epoch <= this.#keys.current) return true;
    this.#store.putSetting(SETTING, String(epoch));
    this.#keys.use(epoch);
    return true;
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
