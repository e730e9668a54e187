/** What a verdict on a block does: to its row, to the ledger, to its units. All of it inside one commit. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Verdict } from "../../shared/keypool/block-table.ts";
import { hopsOf } from "../../shared/keypool/relayed-block.ts";
import type { BitState, IngestOutcome } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { type AssessedBlock, isBroughtIn, type Judgement } from "./block-judge.ts";
import { fileRangeOf } from "./block-store.ts";
import { hostedNodeOf, type PoolContext } from "./context.ts";
import { type BlockRow, type QuarantineReason, type UnitState, UNTOUCHED } from "./rows.ts";
import type { SealedUnit } from "../storage/vault.ts";

/** What keys are cut from once the block is taken; while it waits for its twin, its raw bytes. */
export interface SealedMaterial {
  readonly bytes: number;
  readonly units: readonly SealedUnit[];
}

/** Nothing is sealed anew: the units that wait for the twin become available as they are. */
export const AS_IT_WAITS = "as-it-waits";

export interface PreparedBlock extends AssessedBlock {
  /** Null where the verdict expected needs none. */
  readonly material: SealedMaterial | typeof AS_IT_WAITS | null;
  readonly nowMs: number;
}

type Outcome = Result<IngestOutcome, Fault>;
type Move = (pool: PoolContext, block: PreparedBlock, judgement: Judgement) => Outcome;

/** Does what the verdict says. `take` and `wait` need the block's material. */
export const MOVES: Readonly<Record<Verdict, Move>> = {
  take: (pool, block, { known }) => {
    const bytes = block.material === AS_IT_WAITS ? block.bits / 8 : materialOf(block).bytes;
    const condensedBits = block.bits - bytes * 8;
    const seq = become(pool, block, known, { state: "matched", reason: null });
    enter(pool, known, "available", bytes * 8);
    enter(pool, known, "condensed", condensedBits);
    if (block.origin === "simulated" || block.relayed?.simulated === true)
      pool.books.count({ simulated: pool.books.totals.simulated + block.bits });
    if (block.material === AS_IT_WAITS) pool.books.admitUnits(seq);
    else insertUnits(pool, materialOf(block), seq, "available");
    pool.half.taken({ seq, id: block.id, bytes });
    if (isBroughtIn(block)) {
      pool.biasedSource.passed(block, block.nowMs);
      audit(pool, block, "block.ingested", condensedBits === 0 ? {} : { condensed_bits: condensedBits });
    }
    const { bits, health } = block;
    return ok({ outcome: "ingested", bits, health, ...(condensedBits === 0 ? {} : { condensedBits }) });
  },

  wait: (pool, block, { known }) => {
    const seq = become(pool, block, known, { state: "unmatched", reason: null });
    enter(pool, known, "unmatched", block.bits);
    insertUnits(pool, materialOf(block), seq, "unmatched");
    pool.biasedSource.passed(block, block.nowMs);
    audit(pool, block, "block.ingested", {});
    return ok({ outcome: "unmatched", bits: block.bits, health: block.health });
  },

  quarantine: (pool, block, { known, duplicate }) => {
    const reason = duplicate ? "duplicate-material" : "health";
    // Only the record is kept: bytes that must not be used need not be stored.
    become(pool, block, known, { state: "quarantined", reason });
    enter(pool, known, "quarantined", block.bits);
    if (!duplicate) pool.biasedSource.failed(block, block.nowMs);
    audit(pool, block, "block.quarantined", { reason });
    return ok({ outcome: "quarantined", bits: block.bits, reason, health: block.health });
  },

  mismatch: (pool, block, { known }) => {
    const first = knownOf(known);
    become(pool, block, first, { state: "quarantined", reason: "twin-mismatch" });
    if (first.state === "unmatched") enter(pool, first, "quarantined", first.bits);
    // One of the nodes passed may have changed relayed key: the alarm is about the way.
    const subject = wayOf(block) ?? fileRangeOf(block.id)?.file ?? block.id;
    const detail = `${first.node} and ${block.node} pushed different bytes as ${block.id}`;
    pool.standingAlarms.raise("twin-mismatch", subject, detail, { nowMs: block.nowMs });
    audit(pool, block, "block.quarantined", { reason: "twin-mismatch" });
    return ok({ outcome: "quarantined", bits: first.bits, reason: "twin-mismatch", health: block.health });
  },

  note: (pool, block, { known }) => {
    const first = knownOf(known);
    pool.blocks.update({ ...first, node: endAfter(block, first) });
    return answer(first);
  },

  repeat: (_pool, _block, { known }) => answer(knownOf(known)),

  refuse: (_pool, block, { overlapped }) =>
    overlapped === undefined
      ? fail("conflict", `block ${block.id} is known with other bytes`)
      : fail("conflict", `block ${block.id} overlaps block ${overlapped.id} of ${overlapped.bits / 8} bytes`),
};

const OUTCOMES = {
  unmatched: "unmatched",
  matched: "already-ingested",
  voided: "already-ingested",
  quarantined: "quarantined",
  expired: "quarantined",
} as const satisfies Record<BlockRow["state"], IngestOutcome["outcome"]>;

/** What is said of a block that a push changes nothing of. */
function answer({ state, bits, reason, health }: BlockRow): Outcome {
  const outcome = OUTCOMES[state];
  if (outcome !== "quarantined") return ok({ outcome, bits, health });
  return ok({ outcome, bits, reason: state === "expired" ? "twin-late" : (reason ?? "health"), health });
}

function knownOf(known: BlockRow | undefined): BlockRow {
  if (known === undefined) throw new Error("the verdict is on a known block");
  return known;
}

function materialOf({ material }: PreparedBlock): SealedMaterial {
  if (material === null || material === AS_IT_WAITS) throw new Error("the block's material was not prepared");
  return material;
}

/** The block's row as it is from now on; what waited for a twin is given up. @returns its number */
function become(
  pool: PoolContext,
  block: PreparedBlock,
  known: BlockRow | undefined,
  next: { readonly state: BlockRow["state"]; readonly reason: QuarantineReason | null },
): number {
  const { totals } = pool.books;
  const quarantinedBlocks =
    totals.quarantinedBlocks + Number(next.state === "quarantined") - Number(known?.state === "quarantined");
  pool.books.count({ quarantinedBlocks, blocks: totals.blocks + Number(known === undefined) });
  const { health, nowMs: atMs } = block;
  if (known !== undefined) {
    if (known.state === "unmatched" && block.material !== AS_IT_WAITS) discardWaiting(pool, known);
    const node = next.reason === "twin-mismatch" ? known.node : endAfter(block, known);
    pool.blocks.update({ ...known, ...next, node, health, atMs });
    return known.seq;
  }
  if (next.reason !== "duplicate-material") pool.blocks.rememberUnits(block.unitFingerprints);
  const { id, bits, fingerprint } = block;
  const seq = pool.blocks.insert({ id, bits, fingerprint, health, atMs, node: block.node, ...next });
  if (block.relayed !== undefined && next.state !== "quarantined") pool.relayed.put(seq, block.relayed);
  return seq;
}

/** The one end that has pushed these bytes, or null: both have. */
const endAfter = (block: PreparedBlock, known: BlockRow): BlockRow["node"] =>
  known.node === block.node ? known.node : null;

/** Bits of a new block, or of one that waited or was quarantined so far. */
function enter(pool: PoolContext, known: BlockRow | undefined, to: BitState, bits: number): void {
  if (known === undefined) pool.books.enter(to, bits);
  else pool.books.move(known.state === "unmatched" ? "unmatched" : "quarantined", to, bits);
}

/** The units of a block that waits for its twin; the caller moves its bits in the ledger. */
export function discardWaiting(pool: PoolContext, { seq }: Pick<BlockRow, "seq">): void {
  for (const { id } of pool.units.unmatched(seq)) pool.books.discardUnit(id);
}

function insertUnits(pool: PoolContext, { bytes, units }: SealedMaterial, block: number, state: UnitState): void {
  units.forEach((data, index) => {
    const offset = index * LIMITS.unitBytes;
    pool.books.insertUnit({
      id: pool.books.nextUnit(),
      block,
      offset,
      length: Math.min(LIMITS.unitBytes, bytes - offset),
      ...UNTOUCHED,
      state,
      owner: pool.half.ownerOf(pool.pair, offset),
      data,
    });
  });
}

/** The nodes that relayed key has passed, in words. */
const wayOf = ({ relayed }: Pick<PreparedBlock, "relayed">): string | undefined =>
  relayed?.paths
    .map((path) => path.join(" > "))
    .join(", ")
    .slice(0, LIMITS.alarmDetailChars);

function audit(pool: PoolContext, block: PreparedBlock, act: string, more: Record<string, string | number>): void {
  const tests = block.health.failures.map(({ test, value, bound }) => `${test} ${value} (bound ${bound})`).join(", ");
  pool.books.audit({
    atMs: block.nowMs,
    act,
    who: block.principal,
    node: block.node ?? hostedNodeOf(pool),
    detail: {
      block: block.id,
      bits: block.bits,
      pool: pool.pairName,
      ...(block.relayed === undefined ? {} : { hops: hopsOf(block.relayed), paths: wayOf(block) ?? "" }),
      ...more,
      ...(tests === "" ? {} : { failed_tests: tests }),
    },
  });
}
