/** The monitor: the deployment at one glance, live, and of late. */
import { MONITOR_PROTOCOL } from "../../shared/api/monitor-schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { FIGURES_BY_KIND } from "../../shared/monitor/rings.ts";
import { type HistoryCall, LIVE_CALL_HEADER, writeLiveCall } from "../../shared/monitor/rpc.ts";
import { ok, type Result } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { monitorOf } from "../clients/monitor.ts";
import { respondJson } from "../middleware/respond.ts";
import { openSocket } from "../middleware/sockets.ts";
import type { AuthenticatedCall, Reply, StreamReply } from "./handler.ts";
import { queryInstant } from "./query.ts";

export async function getMonitor({ env }: AuthenticatedCall): Reply {
  const view = await answerOf(async () => await monitorOf(env).view());
  return view.ok ? ok(respondJson(view.value)) : view;
}

export async function getMonitorLive(call: AuthenticatedCall): StreamReply {
  const { caller, env } = call;
  const liveCall = {
    principal: principalName(caller.grant.principal),
    self: null,
    standing: caller.standing(),
    sessionSha256: caller.session === null ? null : tokenSha256(caller.session.id),
  };
  const headers = { [LIVE_CALL_HEADER]: writeLiveCall(liveCall) };
  return await openSocket(call, { to: monitorOf(env), headers, protocol: MONITOR_PROTOCOL, what: "monitor" });
}

export async function getMonitorHistory({ env, query }: AuthenticatedCall): Reply {
  const wish = historyOf(query);
  if (!wish.ok) return wish;
  const history = await answerOf(async () => ok(await monitorOf(env).history(wish.value)));
  return history.ok ? ok(respondJson(history.value)) : history;
}

const KIND = /^(?<kind>link|pair):./;

function historyOf(query: URLSearchParams): Result<HistoryCall, Fault> {
  const { of, figure } = { of: query.get("of") ?? "", figure: query.get("figure") ?? "" };
  const kind = KIND.exec(of)?.groups?.["kind"] ?? of;
  const figures = Object.hasOwn(FIGURES_BY_KIND, kind) ? FIGURES_BY_KIND[kind] : undefined;
  if (figures === undefined || (kind === of) !== (kind === "deployment"))
    return fail("bad-request", "query of: shall be link:ID, pair:ID or deployment");
  if (!figures.includes(figure)) return fail("bad-request", `query figure: shall be one of ${figures.join(", ")}`);
  const since = queryInstant(query, "since");
  return since.ok ? ok({ of, figure, sinceMs: since.value }) : since;
}
