/**
 * A unit that keys were cut from does not stay in use for longer than policy `unit_max_age_s`: what is left of it is
 * retired, as `remainder`. So the bytes given away from it are not kept beside unused ones for ever on a quiet link.
 * A unit that the other half cuts keys from is the other half's to retire.
 */
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";

/** When the next unit is to be retired; Infinity where none is in use. May be early. */
export const nextRetiringMs = (pool: PoolContext): number => firstBegunMs(pool) + maxAgeMs(pool);

const firstBegunMs = ({ units, half: { ownNode } }: PoolContext): number =>
  ownNode === null ? units.earliestBegunMs : units.firstBegunMs(ownNode);

const maxAgeMs = (pool: PoolContext): number => pool.config().policy.unit_max_age_s * 1000;

/** Retires units in use for too long; at most one batch. @returns true where more may be waiting */
export async function retireBegun(pool: PoolContext, nowMs: number): Promise<boolean> {
  const begunUntilMs = nowMs - maxAgeMs(pool);
  if (firstBegunMs(pool) > begunUntilMs) return false;
  const retired = await commit(pool, () => {
    // Of code that did not write it down.
    pool.units.dateBegun(nowMs);
    const units = pool.units.begunUntil(begunUntilMs, pool.half.ownNode, LIMITS.alarmBatchRows);
    pool.half.retired(units, "remainder");
    let bytes = 0;
    for (const unit of units) bytes += pool.books.discardUnit(unit);
    pool.books.move("available", "remainder", bytes * 8);
    return ok(units.length);
  });
  if (!retired.ok) return true;
  pool.units.recountBegun();
  return retired.value === LIMITS.alarmBatchRows;
}
