/** A link's alarms, cleared by an operator who has looked into them. */
import { principalName } from "../../shared/auth/principal.ts";
import { fail } from "../../shared/errors/errors.ts";
import { isPoolAlarmCode } from "../../shared/keypool/alarms.ts";
import { pairOfLink } from "../../shared/network/lookup.ts";
import { ok } from "../../shared/result.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { linkOf } from "./link-parts.ts";

export async function deleteAlarms(call: AuthenticatedCall): Reply {
  const link = linkOf(call);
  if (!link.ok) return link;
  const code = call.path["code"] ?? "";
  if (!isPoolAlarmCode(code)) return fail("not-found", "no alarm has this code");
  const { lookup, grant } = call.caller;
  const clearing = { configVersion: lookup.sequence, principal: principalName(grant.principal), code };
  const answers = await Promise.all(
    Array.from({ length: link.value.shards }, (_, shard) =>
      answerOf(() => poolOf(call.env, pairOfLink(link.value), shard).clearAlarms(clearing)),
    ),
  );
  let cleared = 0;
  for (const answer of answers) {
    if (!answer.ok) return answer;
    cleared += answer.value.cleared;
  }
  return ok(respondJson({ cleared }));
}
