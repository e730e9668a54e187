/**
 * The side of the relay shard that counts its pair's quotas: what the other relay shards said last of each principal. In
 * memory: of whom nothing is known the others are asked before it is given anything, and of whom is refused for their
 * sake they are asked again, as they do not tell when their keys are fetched.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { SaeId } from "../../shared/ids.ts";
import type { Usage } from "../../shared/keypool/quota.ts";
import { CLAIMING_SHARDS, type HeldUsage } from "../../shared/keypool/quota-claims.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";

interface CountParts {
  /** Of the configuration in force: another one may limit whom the one before did not. */
  readonly configVersion: () => number;
  /** Asks another shard. Does not throw. */
  readonly heldBy: (shard: number, master: SaeId) => Promise<Result<HeldUsage, Fault>>;
}

interface Known {
  readonly configVersion: number;
  readonly held: Map<number, HeldUsage>;
  lookedMs: number;
}

/** Shards that would hold up a principal are asked again so often at most. */
const LOOK_MS = 250;

export class QuotaCount {
  readonly #parts: CountParts;
  /** Longest known first. */
  readonly #known = new Map<SaeId, Known>();

  constructor(parts: CountParts) {
    this.#parts = parts;
  }

  /** What the other shards hold, or all of them but one; undefined: not known, `look`. */
  others(master: SaeId, but: number | null = null): readonly Usage[] | undefined {
    const held = this.#of(master)?.held;
    const others = CLAIMING_SHARDS.filter((shard) => shard !== but).map((shard) => held?.get(shard)?.usage);
    return others.every((usage) => usage !== undefined) ? others : undefined;
  }

  /** Of the last word of a shard; 0: it has said nothing yet. */
  versionOf(shard: number, master: SaeId): number {
    return this.#of(master)?.held.get(shard)?.version ?? 0;
  }

  /** A shard's word. One that is older than another counts for nothing. */
  told(shard: number, master: SaeId, word: HeldUsage): void {
    if (word.version < this.versionOf(shard, master)) return;
    const known = this.#of(master) ?? { configVersion: this.#parts.configVersion(), held: new Map(), lookedMs: 0 };
    known.held.set(shard, word);
    this.#known.set(master, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > LIMITS.cachedUsages && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Asks the others. @param but a shard that need not be asked */
  async look(master: SaeId, but: number | null = null): Promise<Result<null, Fault>> {
    const asked = CLAIMING_SHARDS.filter((shard) => shard !== but);
    const answers = await Promise.all(
      asked.map(async (shard) => ({ shard, held: await this.#parts.heldBy(shard, master) })),
    );
    for (const { shard, held } of answers) {
      if (!held.ok) return held;
      this.told(shard, master, held.value);
    }
    return ok(null);
  }

  /** It was refused: the others may hold less by now. @returns whether it is worth another try */
  async lookAgain(master: SaeId, but: number | null = null): Promise<boolean> {
    const known = this.#of(master);
    if (known === undefined || Date.now() < known.lookedMs + LOOK_MS) return false;
    const others = [...known.held].filter(([shard]) => shard !== but);
    if (others.every(([, { usage }]) => usage.keysToday + usage.pendingBits === 0)) return false;
    known.lookedMs = Date.now();
    return (await this.look(master, but)).ok;
  }

  #of(master: SaeId): Known | undefined {
    const known = this.#known.get(master);
    return known?.configVersion === this.#parts.configVersion() ? known : undefined;
  }
}
