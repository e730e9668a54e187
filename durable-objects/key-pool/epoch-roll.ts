/**
 * A new epoch: what is sealed in older ones is put under its key, so that the older keys can be destroyed, and with
 * them all that copies of this storage still hold. What was given away already is left out on the way: of a unit in
 * use, the bytes that nobody may read again are zeroed and the rest is sealed under a new data key.
 */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import type { EpochStep } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { zeroFreed } from "./freed.ts";

/**
 * One bounded step towards `epoch`, from whose first on nothing is sealed in an older one.
 * @returns whether there is more to do; the epochs of which nothing can be opened, as their keys are gone, do not count
 */
export async function rollStep(pool: PoolContext, epoch: number): Promise<Result<EpochStep, Fault>> {
  if (!(await pool.epochs.adopt(epoch))) return fail("unavailable", `the key of epoch ${epoch} is not there`);
  await pool.epochs.ready(pool.units.epochsBefore(epoch));
  const step = await commit(pool, () => {
    const remaining = renew(pool, epoch, Date.now());
    if (!remaining) pool.standingAlarms.clear("epoch-overdue", null, "system", Date.now());
    return ok({ remaining });
  });
  if (!step.ok || step.value.remaining) return step;
  // What was sealed in an older epoch a moment ago, and waits for its commit, comes in first, under its key.
  await pool.commits.run(() => null);
  pool.epochs.leaveBehind(epoch);
  return step;
}

/** @returns whether units remain in older epochs */
function renew(pool: PoolContext, epoch: number, nowMs: number): boolean {
  let room = LIMITS.renewedUnits;
  for (const older of pool.units.epochsBefore(epoch)) {
    if (!pool.epochs.areReady([older])) {
      const detail = `${pool.units.countOf(older)} units cannot be opened: the key of epoch ${older} is gone`;
      pool.standingAlarms.raise("stuck", `epoch ${older}`, detail, { nowMs });
      continue;
    }
    const units = pool.units.ofEpoch(older, room + 1);
    for (const unit of units.slice(0, room)) renewUnit(pool, unit);
    if (units.length > room) return true;
    room -= units.length;
  }
  return false;
}

function renewUnit(pool: PoolContext, id: number): void {
  const sealed = pool.units.sealed(id);
  if (sealed === undefined) throw new Error(`unit ${id} has no data`);
  const freed = pool.books.freedOf(id);
  const { vault } = pool;
  pool.units.reseal(
    id,
    freed === null ? vault.rewrap(sealed) : vault.resealChanged(sealed, (plaintext) => zeroFreed(plaintext, freed)),
  );
}
