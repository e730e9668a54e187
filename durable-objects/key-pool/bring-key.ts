/** Asks a node of this pool's pair to relay key into it, and says why none came. */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import type { BringKeyCall, TrustedNodeRpc } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { within } from "../within.ts";
import type { PoolContext } from "./context.ts";

export type NodeOf = (node: string) => Pick<TrustedNodeRpc, "bringKey">;
export type KeyWish = Pick<BringKeyCall, "bytes" | "upToBytes" | "isUrgent" | "maxHops">;

/** @returns why no key came, where none did; that some has come is seen in this pool, whatever the node says */
export async function bringKey(
  pool: PoolContext,
  nodeOf: NodeOf,
  wish: KeyWish,
  timeoutMs: number,
): Promise<Result<null, Fault>> {
  const { pairName: pair, shard, half, flow } = pool;
  const { version: configVersion } = pool.config();
  const before = flow.total.inBits;
  const answer = await asked(async () => {
    const call = { configVersion, pair, shard, ...wish };
    return await within(timeoutMs, nodeOf(half.ownNode ?? pool.pair.low).bringKey(call));
  });
  if (answer?.ok === false) return err({ retryAfterSeconds: RETRY_SECONDS, ...answer.error });
  if (answer === undefined) return later("the node that has key relayed to this pair does not answer, try again");
  return flow.total.inBits > before ? ok(null) : later("relayed key did not come in whole, try again");
}

const RETRY_SECONDS = 1;
const later = (message: string) => err<Fault>({ ...fault("unavailable", message), retryAfterSeconds: RETRY_SECONDS });

/** An object that breaks off a call has not answered it. */
async function asked<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

export const stillOnItsWay = () => later("key for this pair is on its way over other nodes, try again");
