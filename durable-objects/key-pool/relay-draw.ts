/** The first half of a hop: a node draws pad and tag key from its link, for the other node to take. */
import { fail, type Fault, fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { BudgetRefusal } from "../../shared/keypool/link-budget.ts";
import { flawOfTermsAt, otherNodeOf } from "../../shared/keypool/relay-checks.ts";
import { flawOfExpiry } from "../../shared/relay/terms.ts";
import { type DrawCall, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commitLeased, isAuditFull, type PoolContext } from "./context.ts";
import { type BitsWish, type CutBits, type Drawn, drawnOf, recordDrawn, stateOfDrawn } from "./drawn-bits.ts";
import { drawOfRun, openRun } from "./hop-run-uses.ts";
import { countHops } from "./hop-uses.ts";
import { refuseHop } from "./relay-budget.ts";
import { stockOf } from "./relay-link.ts";

interface Short {
  readonly why: BudgetRefusal;
  /** That would be enough; null where nobody can bring it in. */
  readonly wantedBytes: number | null;
}

/** Others may take what was brought in: it is tried again, but not for ever. */
const REFILLS = 2;

/** @param refill brings in at least so many bytes; false where there are none */
export async function drawHop(
  pool: PoolContext,
  call: DrawCall,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<Drawn, Fault>> {
  const hop = hopOf(pool, call);
  if (!hop.ok) return hop;
  const ofRun = pool.isLeased() && !isAuditFull(pool) ? cutOfRun(pool, call, hop.value, Date.now()) : undefined;
  if (ofRun !== undefined) return ok(ofRun);
  const drawn = await cutHop(pool, call, hop.value, refill);
  if (!drawn.ok) return drawn;
  return "record" in drawn.value ? await drawnOf(pool, drawn.value) : ok(drawn.value);
}

/** The node that is to take what this one draws; or why nothing is drawn, whatever there is. */
function hopOf(pool: PoolContext, { node, terms }: DrawCall): Result<NodeId, Fault> {
  const { state, source, policy } = pool.config();
  const to = otherNodeOf({ pair: pool.pairName, node });
  if (to === null) return fail("forbidden", "only the two nodes of a link draw from it");
  if (!pool.half.serves(node)) return fail("no-route", "the node that draws is not hosted here");
  if (source === "relay") return fail("no-route", "hops go over links, not over relayed key");
  if (!policy.relay.enabled) return fail("no-route", "keys are not relayed: policy.relay.enabled is false");
  if (state !== "active") return fail("no-route", "this link gives no new keys");
  const flaw = flawOfTermsAt(terms, { from: node, to }) ?? flawOfExpiry(terms, Date.now());
  if (flaw !== null) return fail("bad-request", flaw);
  const refusal = pool.half.refusal();
  return refusal === null ? ok(to) : err(refusal);
}

async function cutHop(
  pool: PoolContext,
  call: DrawCall,
  to: NodeId,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<CutBits | Drawn, Fault>> {
  for (let refills = 0; ; refills++) {
    const result = await commitLeased(pool, () => cut(pool, call, to, Date.now()));
    if (!result.ok) return result;
    if (!("why" in result.value)) return ok(result.value);
    const { why, wantedBytes } = result.value;
    if (wantedBytes !== null && refills < REFILLS && (await refill(wantedBytes))) continue;
    return await refuseHop(pool, call, why);
  }
}

/** Waits for no commit; undefined where it takes one. */
function cutOfRun(pool: PoolContext, call: DrawCall, to: NodeId, nowMs: number): Drawn | undefined {
  const wish = wishOf(call, to);
  const stock = stockOf(pool);
  const { pair } = call.terms;
  if (pool.linkBudget.refusal(pair, wish.sizeBytes * 8, stock, nowMs) !== null) return undefined;
  const drawn = drawOfRun(pool, wish, nowMs);
  if (drawn !== undefined) pool.linkBudget.took(pair, wish.sizeBytes * 8, stock, nowMs);
  return drawn;
}

function wishOf({ node, terms }: DrawCall, to: NodeId): BitsWish {
  const { relay, pair, shard, bytes, expiresMs } = terms;
  return { node, to, hop: { relay, pair, shard }, sizeBytes: bytes + TAG_KEY_BYTES, expiresMs };
}

function cut(pool: PoolContext, call: DrawCall, to: NodeId, nowMs: number): Result<CutBits | Drawn | Short, Fault> {
  const { node, terms } = call;
  if (flawOfExpiry(terms, nowMs) !== null) return err(fault("bad-request", "the relay's time is over"));
  const wish = wishOf(call, to);
  const { sizeBytes } = wish;
  const stock = stockOf(pool);
  const isShared = pool.half.ownNode !== null;
  const why = pool.linkBudget.refusal(terms.pair, sizeBytes * 8, stock, nowMs);
  if (why !== null) {
    const beyondBits = why === "low" ? pool.linkBudget.leftBits(stock, nowMs) : stock.availableBits;
    // What the other half yields is the link's already.
    return ok({ why, wantedBytes: isShared ? null : Math.ceil(beyondBits / 8) + sizeBytes });
  }
  const ofRun = drawOfRun(pool, wish, nowMs) ?? (openRun(pool, wish, nowMs) ? drawOfRun(pool, wish, nowMs) : undefined);
  if (ofRun !== undefined) {
    pool.linkBudget.took(terms.pair, sizeBytes * 8, stock, nowMs);
    return ok(ofRun);
  }
  const segments = pool.books.allocate(sizeBytes, stateOfDrawn(pool), nowMs);
  if (segments === null) return ok({ why: "low", wantedBytes: sizeBytes });
  pool.linkBudget.took(terms.pair, sizeBytes * 8, stock, nowMs);
  countHops(pool, { pair: terms.pair, node, relays: 1, bits: sizeBytes * 8 }, nowMs);
  return ok(recordDrawn(pool, wish, segments));
}
