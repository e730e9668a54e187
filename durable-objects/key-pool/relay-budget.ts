/** Why a link gives a relay nothing for now: told to who asks, and now and then to the audit log. */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { type BudgetRefusal, retryAfterSeconds } from "../../shared/keypool/link-budget.ts";
import { type DrawCall, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { err, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { refillBpsOf, stockOf } from "./relay-link.ts";

/** A message's end, by what is wrong. */
const REASONS: Readonly<Record<BudgetRefusal, (leftBytes: number) => string>> = {
  low: (leftBytes) => `relays may take only what lies above ${leftBytes} bytes, and there is too little`,
  "fair-share": () => "what relays may take is for other pairs now",
};

export async function refuseHop(
  pool: PoolContext,
  { node, terms }: DrawCall,
  why: BudgetRefusal,
): Promise<Result<never, Fault>> {
  const nowMs = Date.now();
  if (why === "low") pool.linkBudget.unserved(terms.pair, nowMs);
  const stock = stockOf(pool);
  const leftBits = pool.linkBudget.leftBits(stock, nowMs);
  const lackingBits = leftBits + (terms.bytes + TAG_KEY_BYTES) * 8 - stock.availableBits;
  const message = `link ${pool.config().link ?? pool.pairName}: ${REASONS[why](Math.ceil(leftBits / 8))}`;
  const refused = err<Fault>({
    ...fault("link-budget", message),
    retryAfterSeconds: retryAfterSeconds(lackingBits, refillBpsOf(pool, nowMs)),
  });
  const refusals = pool.hopRefusals.count(terms.pair, why, nowMs);
  if (refusals === 0) return refused;
  return await commit(pool, () => {
    pool.books.audit({
      atMs: nowMs,
      act: "relay.refused",
      who: `node:${node}`,
      node,
      detail: { pair: terms.pair, reason: why, refusals, pool: pool.pairName },
    });
    return refused;
  });
}
