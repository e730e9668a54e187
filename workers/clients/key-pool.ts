/** The KeyPool objects, and calls to objects that may not answer. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import type { KeyPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";

/** IDs by name: to make one costs as much as the rest of a call. */
const ids = new Map<string, DurableObjectId>();

export function poolOf(env: Env, pair: PairName, shard: number): KeyPoolRpc {
  const name = poolName(pair, shard);
  let id = ids.get(name);
  if (id === undefined) {
    id = env.KEY_POOL.idFromName(name);
    if (ids.size >= LIMITS.cachedObjectIds) ids.clear();
    ids.set(name, id);
  }
  return env.KEY_POOL.get(id);
}

/**
 * Overload, a restart or the network between may fail any call to an object: that is for the client to retry, not an
 * error of ours.
 * @returns the object's own answer, or `unavailable`
 */
export async function answerOf<T>(call: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
  try {
    return await call();
  } catch (error) {
    // oxlint-disable-next-line no-console -- the Worker's log
    console.error(`an object did not answer: ${error instanceof Error ? error.message : String(error)}`);
    return fail("unavailable", "a part of the key management system does not answer, try again");
  }
}
