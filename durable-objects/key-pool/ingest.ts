/** Blocks come in: fingerprint, health, twin, then units. */
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { assessHealth, type HealthReport } from "../../shared/health/health.ts";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import type { IngestOutcome } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { fileRangeOf } from "./block-store.ts";
import { type BlockRow, type QuarantineReason, type UnitState, UNTOUCHED } from "./rows.ts";
import type { SealedUnit } from "./vault.ts";

export interface Block {
  readonly id: BlockId;
  /** The end that pushes; a source within the pool speaks for both. */
  readonly node: NodeId | "both";
  readonly bytes: Uint8Array;
  readonly origin: "pushed" | "simulated" | "local";
  readonly principal: string;
}

/** A block with all that needs waiting for done: what remains is one commit. */
interface Prepared extends Block {
  readonly bits: number;
  readonly fingerprint: Uint8Array;
  /** Of each whole unit, where the block was pushed: our own random material needs no such check. */
  readonly unitFingerprints: readonly Uint8Array[];
  readonly health: HealthReport;
  readonly sealed: readonly SealedUnit[];
  readonly nowMs: number;
}

/** Takes a block in. Idempotent: the same id with the same bytes changes nothing the second time. */
export async function ingestBlock(pool: PoolContext, block: Block): Promise<Result<IngestOutcome, Fault>> {
  const bits = block.bytes.length * 8;
  const { ledger } = pool.books.totals;
  const capacityBits = pool.config().policy.pool.capacity_bytes * 8;
  if (ledger.available + ledger.unmatched + bits > capacityBits && needsRoom(pool, block.id)) {
    const message = `the pool is full: ${ledger.available + ledger.unmatched} of ${capacityBits} bits`;
    return err({ ...fault("pool-full", message), retryAfterSeconds: 5 });
  }
  const wholeUnits = block.origin === "pushed" ? cut(block.bytes).filter((u) => u.length === LIMITS.unitBytes) : [];
  const fingerprint = pool.secrets.fingerprint(block.bytes);
  const unitFingerprints = wholeUnits.map((unit) => pool.secrets.fingerprint(unit));
  const health = assessHealth(block.bytes);
  const keep = health.passed || pool.config().health === "accept";
  const sealed = keep ? cut(block.bytes).map((unit) => pool.vault.seal(unit)) : [];
  const prepared: Prepared = { ...block, bits, fingerprint, unitFingerprints, health, sealed, nowMs: Date.now() };
  return await commit(pool, () => decide(pool, prepared));
}

/** A block that is in, or waits for its twin, or may never come in, takes no more room than it has. */
function needsRoom(pool: PoolContext, id: BlockId): boolean {
  const known = pool.blocks.byId(id);
  return known === undefined || known.reason === "health";
}

function cut(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / LIMITS.unitBytes);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * LIMITS.unitBytes, (i + 1) * LIMITS.unitBytes));
}

function decide(pool: PoolContext, block: Prepared): Result<IngestOutcome, Fault> {
  const known = pool.blocks.byId(block.id);
  if (known !== undefined) return decideKnown(pool, block, known);
  const range = fileRangeOf(block.id);
  const overlapped = range === null ? undefined : pool.blocks.overlapping(range, block.bytes.length);
  if (overlapped !== undefined) {
    return fail("conflict", `block ${block.id} overlaps block ${overlapped.id} of ${overlapped.bits / 8} bytes`);
  }
  if (pool.blocks.knowsMaterial(block.fingerprint) || pool.blocks.knowsUnit(block.unitFingerprints)) {
    return quarantineNew(pool, block, "duplicate-material");
  }
  pool.blocks.rememberUnits(block.unitFingerprints);
  if (block.sealed.length === 0) return quarantineNew(pool, block, "health");

  const twinNeeded = pool.config().feed === "two-ended" && block.node !== "both";
  const seq = insertBlock(pool, block, twinNeeded ? "unmatched" : "matched", null);
  pool.books.enter(twinNeeded ? "unmatched" : "available", block.bits);
  if (block.origin === "simulated") pool.books.count({ simulated: pool.books.totals.simulated + block.bits });
  insertUnits(pool, block, seq, twinNeeded ? "unmatched" : "available");
  if (block.origin === "pushed") auditBlock(pool, block, "block.ingested", null);
  return ok({ outcome: twinNeeded ? "unmatched" : "ingested", bits: block.bits, health: block.health });
}

function decideKnown(pool: PoolContext, block: Prepared, known: BlockRow): Result<IngestOutcome, Fault> {
  const equal = crypto.subtle.timingSafeEqual(known.fingerprint, block.fingerprint);
  const twin = known.state === "unmatched" && known.node !== block.node;
  if (twin) return equal ? matchTwin(pool, block, known) : mismatchTwin(pool, block, known);
  if (!equal) return fail("conflict", `block ${block.id} is known with other bytes`);
  if (known.state === "unmatched") return ok({ outcome: "unmatched", bits: known.bits, health: known.health });
  if (known.state === "matched" || known.state === "voided")
    return ok({ outcome: "already-ingested", bits: known.bits, health: known.health });
  // Quarantined for its health, pushed again after the policy changed to `accept`.
  if (known.reason === "health" && block.sealed.length > 0) return readmit(pool, block, known);
  return ok({ outcome: "quarantined", bits: known.bits, reason: known.reason ?? "health", health: known.health });
}

function matchTwin(pool: PoolContext, block: Prepared, known: BlockRow): Result<IngestOutcome, Fault> {
  pool.blocks.setState(known.seq, "matched", null);
  for (const unit of pool.units.unmatched(known.seq)) {
    pool.books.setUnitState(unit.id, "available");
    pool.books.move("unmatched", "available", unit.length * 8);
  }
  auditBlock(pool, block, "block.ingested", null);
  return ok({ outcome: "ingested", bits: known.bits, health: known.health });
}

function mismatchTwin(pool: PoolContext, block: Prepared, known: BlockRow): Result<IngestOutcome, Fault> {
  pool.blocks.setState(known.seq, "quarantined", "twin-mismatch");
  for (const unit of pool.units.unmatched(known.seq)) {
    pool.books.move("unmatched", "quarantined", pool.books.discardUnit(unit.id) * 8);
  }
  pool.books.count({ quarantinedBlocks: pool.books.totals.quarantinedBlocks + 1 });
  auditBlock(pool, block, "block.quarantined", "twin-mismatch");
  return ok({ outcome: "quarantined", bits: known.bits, reason: "twin-mismatch", health: block.health });
}

function readmit(pool: PoolContext, block: Prepared, known: BlockRow): Result<IngestOutcome, Fault> {
  const twinNeeded = pool.config().feed === "two-ended" && known.node === block.node;
  pool.blocks.setState(known.seq, twinNeeded ? "unmatched" : "matched", null);
  pool.books.move("quarantined", twinNeeded ? "unmatched" : "available", known.bits);
  pool.books.count({ quarantinedBlocks: pool.books.totals.quarantinedBlocks - 1 });
  insertUnits(pool, block, known.seq, twinNeeded ? "unmatched" : "available");
  auditBlock(pool, block, "block.ingested", null);
  return ok({ outcome: twinNeeded ? "unmatched" : "ingested", bits: known.bits, health: known.health });
}

/** Only the record is kept: bytes that must not be used need not be stored. */
function quarantineNew(pool: PoolContext, block: Prepared, reason: QuarantineReason): Result<IngestOutcome, Fault> {
  insertBlock(pool, block, "quarantined", reason);
  pool.books.enter("quarantined", block.bits);
  pool.books.count({ quarantinedBlocks: pool.books.totals.quarantinedBlocks + 1 });
  auditBlock(pool, block, "block.quarantined", reason);
  return ok({ outcome: "quarantined", bits: block.bits, reason, health: block.health });
}

function insertBlock(
  pool: PoolContext,
  block: Prepared,
  state: BlockRow["state"],
  reason: QuarantineReason | null,
): number {
  pool.books.count({ blocks: pool.books.totals.blocks + 1 });
  const node = block.node === "both" ? pool.pair.low : block.node;
  const { id, bits, fingerprint, health, nowMs } = block;
  return pool.blocks.insert({ id, bits, fingerprint, state, node, reason, health, atMs: nowMs });
}

function insertUnits(pool: PoolContext, block: Prepared, seq: number, state: UnitState): void {
  block.sealed.forEach((data, index) => {
    const id = pool.books.nextUnit();
    const offset = index * LIMITS.unitBytes;
    const length = Math.min(LIMITS.unitBytes, block.bytes.length - offset);
    // Even units belong to the lower node, odd ones to the other; with both hosted here it makes no difference.
    const owner = index % 2 === 0 ? pool.pair.low : pool.pair.high;
    pool.books.insertUnit({ id, block: seq, offset, length, ...UNTOUCHED, state, owner, data });
  });
}

function auditBlock(pool: PoolContext, block: Prepared, act: string, reason: QuarantineReason | null): void {
  const tests = block.health.failures.map(({ test, value, bound }) => `${test} ${value} (bound ${bound})`).join(", ");
  pool.books.audit({
    atMs: block.nowMs,
    act,
    who: block.principal,
    node: block.node === "both" ? pool.pair.low : block.node,
    detail: {
      block: block.id,
      bits: block.bits,
      pool: pool.pairName,
      ...(reason === null ? {} : { reason }),
      ...(tests === "" ? {} : { failed_tests: tests }),
    },
  });
}
