/**
 * Shards of one pair lend each other untouched units: shard 0 takes in all blocks of the link, so its others live on
 * this. A transfer survives crashes of either side: the lender sets units aside under the transfer's id and gives the
 * same ones until the borrower, who has them durably, settles it.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { LentUnit, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { asOwn, ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext } from "./context.ts";
import { busy, notEnoughKeys } from "./refusals.ts";
import { NO_BLOCK, type UnitRow, UNTOUCHED } from "./rows.ts";

/** The most units in one transfer. */
const UNITS_MAX = 256;

/** What a shard borrows, and of whom. */
export interface Loan {
  readonly bytes: number;
  /** Units asked for beyond the need at hand. */
  readonly unitsAhead: number;
  /** Asked one after the other: the first that has some ends the search. */
  readonly shards: Iterable<number>;
  /** The lender has key relayed where it has too little. */
  readonly brings?: boolean;
}

/** Lender: sets units aside, from the far end of what it has. */
export async function lendUnits(
  pool: PoolContext,
  call: { readonly transfer: string; readonly units: number },
): Promise<Result<readonly LentUnit[], Fault>> {
  return await commitLeased(pool, () => {
    if (pool.store.isSettled(call.transfer)) return ok([]); // a call that comes late
    if (pool.half.ownNode !== null) return ok([]); // what is shared with another deployment stays where it is known
    let units = pool.units.lent(call.transfer);
    if (units.length === 0) {
      units = lendable(pool, Math.min(call.units, UNITS_MAX));
      for (const unit of units) pool.units.markLent(unit.id, call.transfer);
      pool.useLease(units.length);
      pool.books.move("available", "reserved", 8 * units.reduce((sum, unit) => sum + unit.length, 0));
    }
    const mark = pool.books.totals.simulated > 0 ? { simulated: true as const } : {};
    return ok(
      units.map(({ id, offset, length, owner }) => {
        const sealed = pool.units.sealed(id);
        if (sealed === undefined) throw new Error(`unit ${id} has no data`);
        return { offset, length, owner, ...sealed, ...mark };
      }),
    );
  });
}

/** Untouched units from the far end; what of them the supply has read ahead it forgets. */
function lendable(pool: PoolContext, units: number): UnitRow[] {
  const found = pool.units.lendable(units).filter(({ id }) => !pool.books.isTouched(id));
  const given = keepingFloor(pool, found);
  pool.books.restockNext();
  return given.toReversed();
}

/** As many of untouched units, the first ones, as may be given away: the floor stays (relay-floor.ts). */
export function keepingFloor<Unit extends { readonly length: number }>(
  pool: PoolContext,
  units: readonly Unit[],
): Unit[] {
  const given = [...units];
  if (pool.floorBytes() === 0) return given;
  const bytes = () => given.reduce((sum, { length }) => sum + length, 0);
  while (given.length > 0 && !pool.books.has(bytes())) given.pop();
  return given;
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

/** Borrower: brings units in from siblings. @returns why none came, where none did */
export async function borrow(
  pool: PoolContext,
  { bytes, unitsAhead, shards, brings = false }: Loan,
  shardOf: (shard: number) => PoolToPoolRpc,
): Promise<Result<null, Fault>> {
  const units = Math.min(UNITS_MAX, Math.ceil(bytes / LIMITS.unitBytes) + unitsAhead);
  let refusal: Result<null, Fault> = notEnoughKeys();
  for (const shard of shards) {
    if (shard === pool.shard) continue;
    const id = crypto.randomUUID();
    const begun = await commit(pool, () => {
      pool.store.putTransfer(id, shard, "begun");
      return ok(null);
    });
    if (!begun.ok) return begun;
    const finished = await finishTransfer(pool, { id, sibling: shard, state: "begun" }, shardOf, { units, brings });
    if (finished.ok && finished.value > 0) return ok(null);
    if (!finished.ok) refusal = finished;
  }
  return refusal;
}

/** Borrower: takes up transfers that a crash or a lost answer left open. */
export async function recoverTransfers(pool: PoolContext, shardOf: (shard: number) => PoolToPoolRpc): Promise<void> {
  for (const transfer of pool.store.transfers()) {
    await finishTransfer(pool, transfer, shardOf, { units: 1, brings: false });
  }
}

/** @returns the number of units that came in */
async function finishTransfer(
  pool: PoolContext,
  transfer: { readonly id: string; readonly sibling: number; readonly state: string },
  shardOf: (shard: number) => PoolToPoolRpc,
  wish: { readonly units: number; readonly brings: boolean },
): Promise<Result<number, Fault>> {
  const sibling = shardOf(transfer.sibling);
  let received = 0;
  if (transfer.state === "begun") {
    const lent = await sibling.lendUnits({ transfer: transfer.id, units: wish.units, ...(wish.brings ? BRINGS : {}) });
    if (!lent.ok) {
      // Asked for the first time it has set nothing aside: there is nothing to take up again.
      if (wish.brings) await forget(pool, transfer.id);
      return asOwn(lent);
    }
    received = lent.value.length;
    if (received === 0) {
      await forget(pool, transfer.id);
      return ok(0);
    }
    // Should a key be gone by now, the lender has sealed them anew: they are asked for again.
    if (!(await pool.epochs.ready(lent.value.map(({ epoch }) => epoch)))) return ok(0);
    const stored = await commitLeased(pool, () => receive(pool, transfer.id, transfer.sibling, lent.value));
    if (!stored.ok) return stored;
  }
  const settled = await sibling.settleTransfer(transfer.id);
  if (settled.ok) await forget(pool, transfer.id);
  return ok(received);
}

/** Not said to a lender of the release before where it means nothing. */
const BRINGS = { brings: true } as const;

const forget = async (pool: PoolContext, transfer: string): Promise<unknown> =>
  await commit(pool, () => {
    pool.store.deleteTransfer(transfer);
    return ok(null);
  });

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
  for (const { offset, length, owner, epoch, wrappedKey, sealed, simulated = false } of units) {
    const id = pool.books.nextUnit();
    pool.books.insertUnit({
      id,
      block: NO_BLOCK,
      offset,
      length,
      ...UNTOUCHED,
      state: "available",
      owner,
      data: { epoch, wrappedKey, sealed },
    });
    pool.books.transfer("available", length * 8);
    if (simulated) pool.books.count({ simulated: pool.books.totals.simulated + length * 8 });
  }
  pool.store.putTransfer(transfer, sibling, "received");
  return ok(null);
}
