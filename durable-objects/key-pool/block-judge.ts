/** What the pool knows of a pushed block, and what the table of blocks (shared/keypool) says to it. */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import type { HealthReport } from "../../shared/health/health.ts";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import type { RelayedBy } from "../../shared/relay/types.ts";
import { type KnownAs, type PushedBy, type Verdict, verdictOn } from "../../shared/keypool/block-table.ts";
import { fileRangeOf } from "./block-store.ts";
import type { PoolContext } from "./context.ts";
import type { BlockRow } from "./rows.ts";

export interface Block {
  readonly id: BlockId;
  /** The end that pushes; null: the pool itself, which speaks for both. */
  readonly node: NodeId | null;
  readonly bytes: Uint8Array;
  readonly origin: "pushed" | "relayed" | "simulated" | "local";
  readonly principal: string;
  /** Of origin `relayed`. */
  readonly relayed?: RelayedBy;
}

/** Its bytes come from outside, where they may have been before. */
export const isBroughtIn = ({ origin }: Pick<Block, "origin">): boolean => origin === "pushed" || origin === "relayed";

export interface AssessedBlock extends Block {
  readonly bits: number;
  readonly fingerprint: Uint8Array;
  /**
   * Of each whole unit, where the block was pushed: our own random material needs no such check, nor does relayed key,
   * which is not cut anew from anything.
   */
  readonly unitFingerprints: readonly Uint8Array[];
  readonly health: HealthReport;
  /** It passed its tests, or need not by the link's policy. */
  readonly passes: boolean;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** The block of this id. */
  readonly known: BlockRow | undefined;
  /** The block of the same file that stands in its way. */
  readonly overlapped: BlockRow | undefined;
  /** Of a new block: it is quarantined because its bytes came before. */
  readonly duplicate: boolean;
}

export function judge(pool: PoolContext, block: AssessedBlock): Judgement {
  const known = pool.blocks.byId(block.id);
  const range = known === undefined ? fileRangeOf(block.id) : null;
  const overlapped = range === null ? undefined : pool.blocks.overlapping(range, block.bytes.length);
  const knownAs =
    known !== undefined ? nameOf(known) : overlapped !== undefined ? "overlapping" : nameOfNew(pool, block);
  const verdict = verdictOn({
    known: knownAs,
    by: pushedBy(pool, block, known),
    bytes: known === undefined || hasBytesOf(pool, block, known) ? "equal" : "other",
    passes: block.passes ? "yes" : "no",
  });
  return { verdict, known, overlapped, duplicate: knownAs === "known material" };
}

function nameOf({ state, reason }: BlockRow): KnownAs {
  return state === "quarantined" && reason === "health" ? "unhealthy" : state;
}

function nameOfNew(pool: PoolContext, { fingerprint, unitFingerprints }: AssessedBlock): KnownAs {
  return pool.blocks.knowsMaterial(fingerprint) || pool.blocks.knowsUnit(unitFingerprints) ? "known material" : "new";
}

function pushedBy(pool: PoolContext, block: Block, known: BlockRow | undefined): PushedBy {
  if (pool.config().feed === "one-ended" || block.node === null || known?.node === null) return "alone";
  // The other end's is pushed to the other half: see `shareBlock`.
  if (pool.half.ownNode !== null) return "alone";
  return known === undefined || known.node === block.node ? "one end" : "other end";
}

/**
 * Equal fingerprints mean equal bytes: they are 128 bits of an HMAC whose key nobody but the pool has, so nobody can
 * look for two blocks that share one, and by chance two do once in 2^128. Of a block that waits for its twin the bytes
 * are here too, and are compared as well: keys that differ at the two ends would not even be noticed here.
 */
function hasBytesOf(pool: PoolContext, block: AssessedBlock, known: BlockRow): boolean {
  if (!crypto.subtle.timingSafeEqual(known.fingerprint, block.fingerprint)) return false;
  return (
    known.state !== "unmatched" || pool.units.unmatched(known.seq).every((unit) => isPartOf(pool, unit, block.bytes))
  );
}

/** Verdicts after which the pool has the block's bytes. */
export const KEEPS_BYTES: ReadonlySet<Verdict> = new Set(["take", "wait"]);

/** A block that waits for its twin takes no more room than it has. */
export function refusalOfRoom(pool: PoolContext, { bits }: AssessedBlock, { verdict, known }: Judgement): Fault | null {
  const { available, unmatched } = pool.books.totals.ledger;
  const capacityBits = pool.config().policy.pool.capacity_bytes * 8;
  const takesRoom = KEEPS_BYTES.has(verdict) && known?.state !== "unmatched";
  if (!takesRoom || available + unmatched + bits <= capacityBits) return null;
  const message = `the pool is full: ${available + unmatched} of ${capacityBits} bits`;
  return { ...fault("pool-full", message), retryAfterSeconds: 5 };
}

function isPartOf(
  pool: PoolContext,
  { id, offset, length }: { readonly id: number; readonly offset: number; readonly length: number },
  bytes: Uint8Array,
): boolean {
  const sealed = pool.units.sealed(id);
  if (sealed === undefined) throw new Error(`unit ${id} has no data`);
  const waiting = pool.vault.open(sealed);
  const equal =
    length === waiting.length && crypto.subtle.timingSafeEqual(waiting, bytes.subarray(offset, offset + length));
  waiting.fill(0);
  return equal;
}
