/**
 * Who has had how many keys of this pool today, and how many of its bits wait for whose slaves. Counted only while the
 * policy limits somebody here, and written once a commit for each principal it concerns.
 *
 * When limits are set, keys of the day count from then on; pending bits are counted from the key records that are
 * there, a bounded number in each commit. From then on every change of a record is followed, so that they stay right.
 */
import { hasQuotas, NO_USAGE, taken, type Usage } from "../../shared/keypool/quota.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { KeyRecord } from "./rows.ts";
import type { PoolStore } from "./store.ts";
import { heldBits, type UsageStore } from "./usage-store.ts";

interface UsageParts {
  readonly store: UsageStore;
  readonly poolStore: PoolStore;
  readonly config: () => PoolConfig | undefined;
  /** Number of the next record, as the running commit has it. */
  readonly nextRecord: () => number;
}

/** Records up to `upTo`, and those numbered `goal` or higher, are counted. Complete where the two meet. */
interface Counted {
  readonly upTo: number;
  readonly goal: number;
}

const ALL: Counted = { upTo: Infinity, goal: 0 };
const SETTING = "usage";
const COMPLETE = "counted";

export class Usages {
  readonly #parts: UsageParts;
  /** Least recently used first; what the table says too, but for those in `#changed`. */
  readonly #usages = new Map<string, Usage>();
  readonly #changed = new Set<string>();
  /** Null: nobody is limited, nothing is counted. */
  #counted: Counted | null;
  /** Of the configuration that `#counted` goes by. */
  #version = -1;

  constructor(parts: UsageParts) {
    this.#parts = parts;
    this.#counted = this.#stored();
  }

  /** Is there any limit? Counting begins or ends here: ask inside a commit. */
  get limited(): boolean {
    this.#follow();
    return this.#counted !== null;
  }

  /** Are there records still to be counted? Another commit counts more of them. */
  get behind(): boolean {
    return this.#counted !== null && this.#counted.upTo < this.#counted.goal;
  }

  of(sae: string): Usage {
    const known = this.#usages.get(sae);
    if (known !== undefined) return known;
    const usage = this.#parts.store.get(sae) ?? NO_USAGE;
    this.#usages.set(sae, usage);
    return usage;
  }

  /** Keys were cut; their bits are counted with their record. */
  took(sae: string, keys: number, nowMs: number): void {
    if (this.limited) this.#put(sae, taken(this.of(sae), { keys, bits: 0 }, nowMs));
  }

  /**
   * The table's record was, and is now, like this (undefined: not there). Only where somebody is `limited`, asked before
   * the change: counting begins with what the table held until then.
   */
  recordChanged(before: KeyRecord | undefined, after: KeyRecord | undefined): void {
    const record = after ?? before;
    if (record === undefined || this.#counted === null) return;
    const { upTo, goal } = this.#counted;
    if (record.id > upTo && record.id < goal) return; // its turn comes
    this.#add(record.master, bitsOf(after) - bitsOf(before));
  }

  // ---- the commit's end

  flush(): void {
    if (this.behind) this.#countOn();
    for (const sae of this.#changed) this.#parts.store.put(sae, this.of(sae));
    this.#changed.clear();
    for (const oldest of this.#usages.keys()) {
      if (this.#usages.size <= LIMITS.cachedUsages) return;
      this.#usages.delete(oldest);
    }
  }

  rollback(): void {
    this.#usages.clear();
    this.#changed.clear();
    this.#counted = this.#stored();
    this.#version = -1;
  }

  // ---- counting

  /** Begins or ends counting where the configuration has changed so. */
  #follow(): void {
    const config = this.#parts.config();
    if (config === undefined || config.version === this.#version) return;
    this.#version = config.version;
    const limited = hasQuotas(config.policy, config.link);
    if (limited === (this.#counted !== null)) return;
    this.#usages.clear();
    this.#changed.clear();
    if (limited) {
      this.#parts.store.forgetPending();
      this.#counted = { upTo: 0, goal: this.#parts.nextRecord() };
      this.#countOn();
    } else {
      this.#parts.store.clear();
      this.#counted = null;
      this.#parts.poolStore.settings.put(SETTING, "");
    }
  }

  #countOn(): void {
    const { upTo, goal } = this.#counted ?? ALL;
    const records = this.#parts.store.held(upTo, LIMITS.countedRecords);
    for (const { id, master, bits } of records) if (id < goal) this.#add(master, bits);
    const last = records.at(-1)?.id ?? goal;
    this.#counted = records.length < LIMITS.countedRecords || last >= goal ? ALL : { upTo: last, goal };
    this.#parts.poolStore.settings.put(SETTING, this.#counted === ALL ? COMPLETE : "");
  }

  /**
   * What an earlier instance has counted, if it got to the end and the ledger bears it out: code of a version that does
   * not count may have served the pool since.
   */
  #stored(): Counted | null {
    if (this.#parts.poolStore.settings.text(SETTING) !== COMPLETE) return null;
    const { pending, reserved } = this.#parts.poolStore.totals().ledger;
    const bits = this.#parts.store.pendingBits();
    return bits >= pending && bits <= pending + reserved ? ALL : null;
  }

  #add(sae: string, bits: number): void {
    if (bits === 0) return;
    const usage = this.of(sae);
    this.#put(sae, { ...usage, pendingBits: usage.pendingBits + bits });
  }

  #put(sae: string, usage: Usage): void {
    this.#usages.delete(sae);
    this.#usages.set(sae, usage);
    this.#changed.add(sae);
  }
}

const bitsOf = (record: KeyRecord | undefined): number => (record === undefined ? 0 : heldBits(record));
