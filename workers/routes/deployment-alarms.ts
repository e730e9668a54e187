/** The deployment's alarms, as the Monitor has them. */
import { AcknowledgementSchema } from "../../shared/api/alarm-schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail } from "../../shared/errors/errors.ts";
import { ALARM_STATES } from "../../shared/monitor/alarm-rpc.ts";
import { ok } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { monitorOf } from "../clients/monitor.ts";
import { readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export async function getAlarms({ env, query }: AuthenticatedCall): Reply {
  const [text = "standing", ...more] = query.getAll("state");
  const state = ALARM_STATES.find((each) => each === text);
  if (state === undefined || more.length > 0) {
    return fail("bad-request", `query state: shall be one of ${ALARM_STATES.join(", ")}`);
  }
  const listed = await answerOf(async () => ok(await monitorOf(env).listAlarms(state)));
  return listed.ok ? ok(respondJson({ alarms: listed.value })) : listed;
}

export async function postAcknowledgement(call: AuthenticatedCall): Reply {
  const body = await readMembers(call, AcknowledgementSchema);
  return body.ok ? await acknowledge(call, body.value.note) : body;
}

export async function deleteAcknowledgement(call: AuthenticatedCall): Reply {
  return await acknowledge(call, null);
}

async function acknowledge({ env, path, caller }: AuthenticatedCall, note: string | null): Reply {
  const principal = principalName(caller.grant.principal);
  const alarm = path["alarm"] ?? "";
  const answer = await answerOf(async () => await monitorOf(env).acknowledgeAlarm({ alarm, principal, note }));
  return answer.ok ? ok(respondJson(answer.value)) : answer;
}

export async function getWebhooks({ env }: AuthenticatedCall): Reply {
  const states = await answerOf(async () => ok(await monitorOf(env).webhooks()));
  return states.ok ? ok(respondJson({ webhooks: states.value })) : states;
}
