/**
 * The second half of a hop: the other node takes the same bits, once. They are erased in the same commit; what was drawn
 * out of a run is, by the next one.
 */
import { fail, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { flawOfTermsAt, otherNodeOf } from "../../shared/keypool/relay-checks.ts";
import { type DrawCall, type LinkDraw, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commitLeased, type PoolContext } from "./context.ts";
import { type BitsWish, takeDrawn } from "./drawn-bits.ts";
import { findOfRun, takeOfRun } from "./hop-run-uses.ts";
import { findDraw, type HopRecord } from "./relay-records.ts";

type TakeCall = DrawCall & { readonly draw: LinkDraw };

/** What was drawn is handed over whatever becomes of the link meanwhile. */
export async function takeHop(pool: PoolContext, call: TakeCall): Promise<Result<Uint8Array, Fault>> {
  const from = otherNodeOf({ pair: pool.pairName, node: call.node });
  if (from === null) return fail("forbidden", "only the two nodes of a link take what was drawn from it");
  if (!pool.half.serves(call.node)) return fail("no-route", "the node that takes is not hosted here");
  const flaw = flawOfTermsAt(call.terms, { from, to: call.node });
  if (flaw !== null) return fail("bad-request", flaw);
  const ofRun = pool.isLeased() ? findOfRun(pool, call.draw) : undefined;
  if (ofRun !== undefined && isOf(ofRun.draw, call, Date.now())) return ok(takeOfRun(pool, ofRun));
  return await commitLeased(pool, () => take(pool, call, Date.now()));
}

function take(pool: PoolContext, call: TakeCall, nowMs: number): Result<Uint8Array, Fault> {
  const record = findDraw(pool, call.draw);
  if (record === undefined || !isFor(record, call, nowMs)) return err(mandatedFault("key-not-found"));
  return ok(takeDrawn(pool, record));
}

const isFor = (record: HopRecord, call: TakeCall, nowMs: number): boolean =>
  record.state === "pending" && isOf({ ...record, to: record.recipients[0]?.node }, call, nowMs);

type Asked = Pick<BitsWish, "hop" | "sizeBytes" | "expiresMs"> & { readonly to: NodeId | undefined };

/** It is what this node takes for this relay, in time. */
function isOf({ hop, to, sizeBytes, expiresMs }: Asked, call: TakeCall, nowMs: number): boolean {
  const { relay, pair, shard, bytes } = call.terms;
  const isSameRelay = hop.relay === relay && hop.pair === pair && hop.shard === shard;
  return isSameRelay && expiresMs > nowMs && to === call.node && sizeBytes === bytes + TAG_KEY_BYTES;
}
