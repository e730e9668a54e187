/**
 * An epoch that lasts more than twice as long as policy `epoch_s` says: nothing is erased meanwhile. Where keys are
 * secrets, the operator has not set the next one; else the Directory cannot reach this pool, or others lag behind.
 */
import { ok } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";

const epochMs = (pool: PoolContext): number => pool.config().policy.epoch_s * 1000;

/** When it is told, or told again. */
export const nextOverdueMs = (pool: PoolContext): number =>
  Math.max(pool.epochs.sinceMs + 2 * epochMs(pool), pool.epochs.overdueToldMs + epochMs(pool));

export async function tellOverdue(pool: PoolContext, nowMs: number): Promise<boolean> {
  if (nextOverdueMs(pool) > nowMs) return false;
  const { current, sinceMs } = pool.epochs;
  const told = await commit(pool, () => {
    const detail = `epoch ${current} is in force since ${new Date(sinceMs).toISOString()}`;
    pool.standingAlarms.raise("epoch-overdue", `epoch ${current}`, detail, { nowMs });
    return ok(null);
  });
  if (told.ok) pool.epochs.overdueToldMs = nowMs;
  return false;
}
