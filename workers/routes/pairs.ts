/** Pools of key that came over other nodes: their state, and their alarms. For operators. */
import type * as v from "valibot";
import type { RelayedPairSchema } from "../../shared/api/node-schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail } from "../../shared/errors/errors.ts";
import { pairName, pairOf, type PairName } from "../../shared/ids.ts";
import { alarmsInFull } from "../../shared/keypool/alarm-body.ts";
import { isPoolAlarmCode } from "../../shared/keypool/alarms.ts";
import { disjointPathsOf, MAX_DISJOINT_PATHS } from "../../shared/keypool/relay-shard.ts";
import type { PoolStatus } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import { allOf, ok } from "../../shared/result.ts";
import { directoryOf } from "../clients/directory.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import { respondJson } from "../middleware/respond.ts";
import { respondCleared } from "./alarms.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { queryInteger } from "./query.ts";

const callerOf = ({ caller }: AuthenticatedCall) => ({
  configVersion: caller.lookup.sequence,
  principal: principalName(caller.grant.principal),
});

export async function getPairs(call: AuthenticatedCall): Reply {
  const limit = queryInteger(call.query, "limit", { min: 1, max: LIMITS.relayPoolsListed });
  if (!limit.ok) return limit;
  const page = { after: call.query.get("after") ?? "", limit: limit.value ?? LIMITS.relayPoolsListed };
  const known = await answerOf(async () => ok(await directoryOf(call.env).relayPools(page)));
  if (!known.ok) return known;
  const { pools, next } = known.value;
  const answers = await Promise.all(
    pools.map(({ pair, shard }) => answerOf(() => poolOf(call.env, pair, shard).status(callerOf(call)))),
  );
  const states = allOf(answers);
  return states.ok ? ok(respondJson({ pairs: states.value.map(pairBody), next })) : states;
}

function pairBody(pool: PoolStatus): v.InferOutput<typeof RelayedPairSchema> {
  const { pair, shard, state, level, ledgerBits, relay } = pool;
  return {
    pair,
    shard,
    disjoint_paths: disjointPathsOf(shard),
    state,
    level,
    available_bits: ledgerBits.available,
    target_bytes: relay?.targetBytes ?? 0,
    stored_hops: relay?.hops ?? null,
    alarms: alarmsInFull([pool]),
  };
}

/** The pair that a path names, in whichever order; null for anything else. */
function pairOfPath(text: string): PairName | null {
  const [one = "", other = "", ...more] = text.split("|");
  return one === "" || other === "" || more.length > 0 ? null : pairName(pairOf(nodeId(one), nodeId(other)));
}

export async function deletePairAlarms(call: AuthenticatedCall): Reply {
  const code = call.path["code"] ?? "";
  if (!isPoolAlarmCode(code)) return fail("not-found", "no alarm has this code");
  const pair = pairOfPath(call.path["pair"] ?? "");
  // Its pools come first behind its own name.
  const page = { after: `${pair}#`, limit: MAX_DISJOINT_PATHS };
  const known = await answerOf(async () => ok(await directoryOf(call.env).relayPools(page)));
  if (!known.ok) return known;
  const pools = known.value.pools.filter((pool) => pool.pair === pair);
  if (pools.length === 0) return fail("not-found", "these nodes have no relayed key here");
  const clearing = { ...callerOf(call), code };
  const answers = await Promise.all(
    pools.map(({ shard, pair: name }) => answerOf(() => poolOf(call.env, name, shard).clearAlarms(clearing))),
  );
  return respondCleared(answers);
}
