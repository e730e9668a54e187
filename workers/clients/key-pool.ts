/** The KeyPool objects, and calls to objects that may not answer. */
import { logFailure } from "../../durable-objects/log-failure.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import type { KeyPoolRpc } from "../../shared/keypool/types.ts";
import type { Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

export const poolOf = (env: Env, pair: PairName, shard: number): KeyPoolRpc =>
  ids.get(env.KEY_POOL, poolName(pair, shard));

/**
 * Overload, a restart or the network between may fail any call to an object: that is for the client to retry, not an
 * error of ours.
 * @returns the object's own answer, or `unavailable`
 */
export async function answerOf<T>(call: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
  try {
    return await call();
  } catch (error) {
    logFailure("an object did not answer", error);
    return fail("unavailable", "a part of the key management system does not answer, try again");
  }
}
