/** A link's alarms, cleared by an operator who has looked into them. */
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { isPoolAlarmCode } from "../../shared/keypool/alarms.ts";
import { pairOfLink } from "../../shared/network/lookup.ts";
import type { LinkEntry } from "../../shared/network/document.ts";
import { isModuleAlarmCode } from "../../shared/qkd-module/alarms.ts";
import { allOf, ok, type Result } from "../../shared/result.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import { modulesOf } from "../clients/qkd-module.ts";
import { type Answer, respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { linkOf } from "./link-parts.ts";

export async function deleteAlarms(call: AuthenticatedCall): Reply {
  const link = linkOf(call);
  if (!link.ok) return link;
  const code = call.path["code"] ?? "";
  const answers = await clearAll(call, link.value, code);
  if (answers === null) return fail("not-found", "no alarm has this code");
  return respondCleared(answers);
}

type Cleared = Result<{ readonly cleared: number }, Fault>;

/** @param answers of all who may have raised it */
export function respondCleared(answers: readonly Cleared[]): Result<Answer, Fault> {
  const all = allOf(answers);
  return all.ok ? ok(respondJson({ cleared: all.value.reduce((sum, { cleared }) => sum + cleared, 0) })) : all;
}

/** At all that may raise it: the link's pools, or its QKD modules. Null for a code that nothing raises. */
async function clearAll(call: AuthenticatedCall, link: LinkEntry, code: string): Promise<readonly Cleared[] | null> {
  const { lookup, grant } = call.caller;
  const principal = principalName(grant.principal);
  if (isPoolAlarmCode(code)) {
    const clearing = { configVersion: lookup.sequence, principal, code };
    return await Promise.all(
      Array.from({ length: link.shards }, (_, shard) =>
        answerOf(() => poolOf(call.env, pairOfLink(link), shard).clearAlarms(clearing)),
      ),
    );
  }
  if (!isModuleAlarmCode(code)) return null;
  return await Promise.all(
    modulesOf(call.env, link).map((module) => answerOf(() => module().clearAlarms({ code, principal }))),
  );
}
