/** The state of a pair's pool: several of its shards, asked at once. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { PairName } from "../../shared/ids.ts";
import type { PoolStatus } from "../../shared/keypool/types.ts";
import { allOf, type Result } from "../../shared/result.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import type { Env } from "../env.ts";

export async function poolStatuses(
  env: Env,
  pair: PairName,
  shards: readonly number[],
  call: { readonly configVersion: number; readonly principal: string },
): Promise<Result<readonly PoolStatus[], Fault>> {
  return allOf(
    await Promise.all(shards.map(async (shard) => await answerOf(() => poolOf(env, pair, shard).status(call)))),
  );
}
