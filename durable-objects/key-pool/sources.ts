/** Material a pool makes itself: simulated for links of the demo and tests, local for two SAEs of one node. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { ingestBlock } from "./ingest.ts";

/** `getRandomValues` takes at most 64 KiB, which is a block. */
const BLOCK_BYTES = LIMITS.fileBlockBytes;

/** Makes `bytes` of random material, in blocks of at most 64 KiB. Stops at the first fault (pool full). */
export async function makeMaterial(
  pool: PoolContext,
  origin: "simulated" | "local",
  bytes: number,
): Promise<Result<null, Fault>> {
  for (let made = 0; made < bytes; made += BLOCK_BYTES) {
    const block = crypto.getRandomValues(new Uint8Array(Math.min(BLOCK_BYTES, bytes - made)));
    const id = `${origin}:${crypto.randomUUID()}` as BlockId;
    // Bounded memory: one block after the other.
    const result = await ingestBlock(pool, { id, node: null, bytes: block, origin, principal: "system" });
    block.fill(0);
    if (!result.ok) return result;
  }
  return ok(null);
}

/**
 * Bytes a simulated source makes now: what the link's key rate gives for the time passed, up to the high watermark.
 * Whole units only, so that time is not lost to rounding: the caller moves its clock on by what was made.
 */
export function simulatedBytesDue(
  pool: PoolContext,
  elapsedMs: number,
): { readonly bytes: number; readonly usedMs: number } {
  const { keyRateBps, policy } = pool.config();
  const roomBytes = Math.floor(policy.pool.high_bytes - pool.books.totals.ledger.available / 8);
  if (keyRateBps === 0 || roomBytes <= 0) return { bytes: 0, usedMs: elapsedMs };
  const units = Math.floor((elapsedMs * keyRateBps) / 8000 / LIMITS.unitBytes);
  const bytes = Math.min(units * LIMITS.unitBytes, roomBytes, MAX_BYTES_A_TICK);
  return { bytes, usedMs: bytes < units * LIMITS.unitBytes ? elapsedMs : (bytes * 8000) / keyRateBps };
}

/** A late alarm does not make an hour's worth at once. */
const MAX_BYTES_A_TICK = 4 * 1024 * 1024;
