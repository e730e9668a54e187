/**
 * Shards of one pair lend each other untouched units: shard 0 takes in all blocks, so the others live on this. A
 * transfer survives crashes of either side: the lender sets units aside under the transfer's id and gives the same
 * ones until the borrower, who has them durably, settles it.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { LentUnit, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext } from "./context.ts";
import { busy } from "./refusals.ts";
import { type UnitRow, UNTOUCHED } from "./rows.ts";

/** Units asked for beyond the need at hand, and the most in one transfer. */
const UNITS_AHEAD = 16;
const UNITS_MAX = 256;

/** Lender: sets units aside, from the far end of what it has. */
export async function lendUnits(
  pool: PoolContext,
  call: { readonly transfer: string; readonly units: number },
): Promise<Result<readonly LentUnit[], Fault>> {
  return await commitLeased(pool, () => {
    if (pool.store.isSettled(call.transfer)) return ok([]); // a call that comes late
    let units = pool.units.lent(call.transfer);
    if (units.length === 0) {
      units = lendable(pool, Math.min(call.units, UNITS_MAX));
      for (const unit of units) pool.units.markLent(unit.id, call.transfer);
      pool.useLease(units.length);
      pool.books.move("available", "reserved", 8 * units.reduce((sum, unit) => sum + unit.length, 0));
    }
    return ok(
      units.map(({ id, offset, length, owner }) => {
        const sealed = pool.units.sealed(id);
        if (sealed === undefined) throw new Error(`unit ${id} has no data`);
        return { offset, length, owner, ...sealed };
      }),
    );
  });
}

/** Untouched units from the far end; what of them the supply has read ahead it forgets. */
function lendable(pool: PoolContext, units: number): UnitRow[] {
  const found = pool.units.lendable(units).filter(({ id }) => !pool.books.isTouched(id));
  pool.books.restockNext();
  return found.toReversed();
}

/** Lender: the borrower has them. */
export async function settleTransfer(pool: PoolContext, transfer: string): Promise<Result<null, Fault>> {
  return await commit(pool, () => {
    const units = pool.units.lent(transfer);
    if (units.length === 0) return ok(null);
    for (const unit of units) {
      pool.units.delete(unit.id);
      pool.material.drop(unit.id);
    }
    pool.store.markSettled(transfer);
    pool.books.transfer("reserved", -8 * units.reduce((sum, unit) => sum + unit.length, 0));
    return ok(null);
  });
}

/** Borrower: brings in units worth `bytes` from the siblings, shard 0 first. @returns true where any came */
export async function borrow(
  pool: PoolContext,
  bytes: number,
  shardOf: (shard: number) => PoolToPoolRpc,
): Promise<boolean> {
  const units = Math.min(UNITS_MAX, Math.ceil(bytes / LIMITS.unitBytes) + UNITS_AHEAD);
  for (let shard = 0; shard < pool.config().shards; shard++) {
    if (shard === pool.shard) continue;
    const transfer = crypto.randomUUID();
    // One sibling after the other: the first that has some ends the search.
    const begun = await commit(pool, () => {
      pool.store.putTransfer(transfer, shard, "begun");
      return ok(null);
    });
    if (!begun.ok) return false;
    if ((await finishTransfer(pool, { id: transfer, sibling: shard, state: "begun" }, shardOf, units)) > 0) return true;
  }
  return false;
}

/** Borrower: takes up transfers that a crash or a lost answer left open. */
export async function recoverTransfers(pool: PoolContext, shardOf: (shard: number) => PoolToPoolRpc): Promise<void> {
  for (const transfer of pool.store.transfers()) {
    await finishTransfer(pool, transfer, shardOf, 1);
  }
}

/** @returns the number of units that came in */
async function finishTransfer(
  pool: PoolContext,
  transfer: { readonly id: string; readonly sibling: number; readonly state: string },
  shardOf: (shard: number) => PoolToPoolRpc,
  units: number,
): Promise<number> {
  const sibling = shardOf(transfer.sibling);
  let received = 0;
  if (transfer.state === "begun") {
    const lent = await sibling.lendUnits({ transfer: transfer.id, units });
    if (!lent.ok) return 0;
    if (lent.value.length === 0) return await forget(pool, transfer.id);
    received = lent.value.length;
    // Should a key be gone by now, the lender has sealed them anew: they are asked for again.
    if (!(await pool.epochs.ready(lent.value.map(({ epoch }) => epoch)))) return 0;
    const stored = await commitLeased(pool, () => receive(pool, transfer.id, transfer.sibling, lent.value));
    if (!stored.ok) return 0;
  }
  const settled = await sibling.settleTransfer(transfer.id);
  if (settled.ok) await forget(pool, transfer.id);
  return received;
}

async function forget(pool: PoolContext, transfer: string): Promise<number> {
  await commit(pool, () => {
    pool.store.deleteTransfer(transfer);
    return ok(null);
  });
  return 0;
}

function receive(
  pool: PoolContext,
  transfer: string,
  sibling: number,
  units: readonly LentUnit[],
): Result<null, Fault> {
  // Two recoveries at once: the second one finds it done.
  const open = pool.store.transfers().find(({ id }) => id === transfer);
  if (open?.state !== "begun") return ok(null);
  if (!pool.epochs.areReady(units.map(({ epoch }) => epoch))) return busy();
  for (const { offset, length, owner, epoch, wrappedKey, sealed } of units) {
    const id = pool.books.nextUnit();
    pool.books.insertUnit({
      id,
      block: 0,
      offset,
      length,
      ...UNTOUCHED,
      state: "available",
      owner,
      data: { epoch, wrappedKey, sealed },
    });
    pool.books.transfer("available", length * 8);
  }
  pool.store.putTransfer(transfer, sibling, "received");
  return ok(null);
}
