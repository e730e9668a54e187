/** Epochs of the keys at rest: where they are, and the next one at once. */
import { principalName } from "../../shared/auth/principal.ts";
import { ok } from "../../shared/result.ts";
import { directoryOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export async function getEpochs(call: AuthenticatedCall): Reply {
  const state = await answerOf(() => directoryOf(call.env).epochs());
  if (!state.ok) return state;
  const { epoch, sinceMs, endMs, overdue, keptIn, keys, removable, laggingPools, firstLagging } = state.value;
  return ok(
    respondJson({
      epoch,
      since: new Date(sinceMs).toISOString(),
      until: new Date(endMs).toISOString(),
      overdue,
      kept_in: keptIn,
      keys,
      removable,
      lagging_pools: laggingPools,
      first_lagging: firstLagging,
    }),
  );
}

export async function postEpochsRoll(call: AuthenticatedCall): Reply {
  const by = principalName(call.caller.grant.principal);
  const rolled = await answerOf(() => directoryOf(call.env).rollEpoch({ by }));
  return rolled.ok ? ok(respondJson({ epoch: rolled.value.epoch })) : rolled;
}
