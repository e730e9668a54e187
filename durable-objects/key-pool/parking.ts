/** Upkeep in batches, of which one bad item must not keep the others for ever. */
import { ok } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";

export interface BatchWork<T> {
  /** Inside one commit. */
  readonly work: (items: readonly T[]) => void;
  /**
   * Inside a commit: sets an item aside that `work` cannot do even alone, as it is now.
   * @returns false where it is gone, or set aside already
   */
  readonly park: (item: T) => boolean;
  readonly nameOf: (item: T) => string;
}

/** With the batch it was part of, an item has failed three times when it is parked. */
const ATTEMPTS_ALONE = 2;

/**
 * Does all items in one commit; where that fails, one by one, and what fails alone as well is parked and told of.
 * @returns false where the pool takes no commits now: nothing was done, and it can be tried again later
 */
export async function inOneBatch<T>(
  pool: PoolContext,
  items: readonly T[],
  nowMs: number,
  { work, park, nameOf }: BatchWork<T>,
): Promise<boolean> {
  if (items.length === 0) return true;
  /** @returns whether it was done; null where the pool takes no commits */
  const attempt = async (some: readonly T[]): Promise<boolean | null> => {
    try {
      const result = await commit(pool, () => {
        work(some);
        return ok(null);
      });
      return result.ok ? true : null;
    } catch {
      return false;
    }
  };
  const together = await attempt(items);
  if (together !== false) return together === true;
  for (const item of items) {
    let done: boolean | null = false;
    for (let tries = 0; tries < ATTEMPTS_ALONE && done === false; tries++) done = await attempt([item]);
    if (done === null) return false;
    if (!done) {
      await commit(pool, () => {
        const parked = park(item);
        if (parked)
          pool.standingAlarms.raise("stuck", nameOf(item), "it cannot be expired and was set aside", { nowMs });
        return ok(null);
      });
    }
  }
  return true;
}
