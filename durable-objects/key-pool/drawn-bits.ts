/**
 * Bits that one node of the pair draws for the other to take: pad and tag key, of a hop or of keys that go to another
 * deployment. One key record of one "key": relay-records.ts.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import type { Segment } from "../../shared/keypool/segments.ts";
import type { LinkDraw } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { initialLeft } from "./left.ts";
import { publishWithAll } from "./publish.ts";
import { endTaken, type HopRecord, NO_SAE } from "./relay-records.ts";

export interface Drawn {
  readonly draw: LinkDraw;
  readonly bytes: Uint8Array;
}

/** Inside a commit. */
export interface CutBits {
  readonly record: HopRecord;
  readonly bytes: Uint8Array;
}

/** Who draws, who takes, what for, and until when. */
export interface BitsWish {
  readonly node: NodeId;
  readonly to: NodeId;
  readonly hop: HopRecord["hop"];
  readonly sizeBytes: number;
  readonly expiresMs: number;
}

/** What they are until the other node has taken them: `reserved` where the other half has to know of them first. */
export const stateOfDrawn = (pool: PoolContext): "reserved" | "pending" =>
  pool.half.ownNode === null ? "pending" : "reserved";

/** Inside a commit: the record of bits that were allocated in `stateOfDrawn`. */
export function recordDrawn(pool: PoolContext, wish: BitsWish, segments: readonly Segment[]): CutBits {
  const state = stateOfDrawn(pool);
  const record = insertDrawn(pool, { ...wish, state, keys: 1, segments });
  pool.useLease(1);
  if (state === "reserved") pool.half.announce(record, wish.expiresMs);
  const bytes = new Uint8Array(wish.sizeBytes);
  pool.material.copy(segments, bytes);
  return { record, bytes };
}

/** Inside a commit. @param isTold see RecordStore.insert */
export function insertDrawn(
  pool: PoolContext,
  record: BitsWish & Pick<HopRecord, "state" | "keys" | "segments">,
  isTold = true,
): HopRecord {
  const { node, to, state, keys, sizeBytes, segments, expiresMs, hop } = record;
  const id = pool.books.totals.nextRecord;
  pool.books.count({ nextRecord: id + 1 });
  const inserted: HopRecord = {
    id,
    nonce: makeNonce(crypto.getRandomValues(new Uint8Array(8)), pool.shard),
    state,
    master: NO_SAE,
    masterNode: node,
    recipients: [{ sae: NO_SAE, node: to }],
    keys,
    sizeBytes,
    segments,
    left: initialLeft([true], keys),
    imported: false,
    policyVersion: pool.config().version,
    expiresMs,
    holdUntilMs: 0,
    announced: null,
    chunks: null,
    hop,
  };
  pool.records.insert(inserted, isTold);
  pool.books.reference(segments);
  return inserted;
}

/** After it: once the other half, where there is one, knows of them, too. */
export async function drawnOf(pool: PoolContext, { record, bytes }: CutBits): Promise<Result<Drawn, Fault>> {
  if (record.state === "reserved") {
    const otherHalf = { join: pool.half.acknowledged.bind(pool.half), leave: async () => {} };
    const by = { principal: `node:${record.masterNode}` };
    const published = await publishWithAll(pool, by, record, [otherHalf], record.expiresMs);
    if (!published.ok) {
      bytes.fill(0);
      return published;
    }
  }
  return ok({ draw: linkDrawOf(pool, record.id, toHex(record.nonce)), bytes });
}

export const linkDrawOf = (pool: PoolContext, record: number, nonce: string): LinkDraw => ({
  shard: pool.shard,
  record,
  nonce,
  ...(maySimulate(pool) ? { simulated: true as const } : {}),
});

/** Made here; or by QKD modules of this deployment, whose channel is simulated: what they push looks like any device's. */
const maySimulate = (pool: PoolContext): boolean => pool.books.totals.simulated > 0 || pool.config().source !== "push";

/** Inside a commit: the other node has them, once, and they are erased. */
export function takeDrawn(pool: PoolContext, record: HopRecord): Uint8Array {
  const bytes = new Uint8Array(record.sizeBytes);
  pool.material.copy(record.segments, bytes);
  pool.useLease(1);
  pool.half.fetched(record, NO_SAE, [0]);
  endTaken(pool, record);
  return bytes;
}
