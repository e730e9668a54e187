/** Sites: who serves them, what they expose, and the tunnel's own door. */
import { principalName } from "../../shared/auth/principal.ts";
import { bearerToken, tokenSha256 } from "../../shared/auth/token.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { parseMembers } from "../../shared/etsi014/syntax.ts";
import { LIMITS } from "../../shared/limits.ts";
import { EnrolmentSchema } from "../../shared/tunnel/messages.ts";
import { GATEWAY_HEADER, isTunnelAlarmCode } from "../../shared/tunnel/types.ts";
import { isOwnHost } from "../../shared/tunnel/hosts.ts";
import { linkedSites } from "../../shared/tunnel/view.ts";
import { ok, type Result } from "../../shared/result.ts";
import { directoryCache, snapshotSourceOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import { hubOf } from "../clients/tunnel-hub.ts";
import { isGateway } from "../middleware/authenticate.ts";
import { readJson } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import { gatewayAddresses } from "./gateway-address.ts";
import type { AuthenticatedCall, Call, Reply, StreamReply } from "./handler.ts";
import { queryInteger } from "./query.ts";
import { type Onlooker, siteBody } from "./site-body.ts";

/** Somebody in between may have passed on what an agent sent to a name of theirs: its signature would hold here. */
const NOT_HERE = fail(
  "misdirected-request",
  "header Host: this edge is not known to agents by that name; its operator says with --public-host by which it is",
);
const NO_SITE = fail("not-found", "no such site");

/** The site of the path, if the network has it. */
export function siteOfPath({ path, caller }: AuthenticatedCall): Result<string, Fault> {
  const site = path["site"] ?? "";
  return caller.lookup.sites.has(site) ? ok(site) : NO_SITE;
}

function onlookerAt({ caller }: AuthenticatedCall, site: string): Onlooker {
  const { principal } = caller.grant;
  if (principal.role !== "agent" || principal.site === site) return { all: true };
  const { document } = caller.lookup.snapshot;
  return { all: false, site: principal.site, linked: linkedSites(document, site).has(principal.site) };
}

/** What the caller may see of a site; null: nothing. */
async function seen(call: AuthenticatedCall, site: string) {
  const status = await answerOf(async () => ok(await hubOf(call.env, site).status()));
  if (!status.ok) return status;
  const gateway = gatewayAddresses(call.env, call.request.url);
  return ok(siteBody(site, status.value, onlookerAt(call, site), gateway));
}

export async function getSites(call: AuthenticatedCall): Reply {
  const limit = queryInteger(call.query, "limit", { min: 1, max: LIMITS.sitesListed });
  if (!limit.ok) return limit;
  const after = call.query.get("after") ?? "";
  const names = [...call.caller.lookup.sites].filter((site) => site > after).sort();
  const page = names.slice(0, limit.value ?? LIMITS.sitesListed);
  const bodies = await Promise.all(page.map(async (site) => await seen(call, site)));
  const failed = bodies.find((body) => !body.ok);
  if (failed !== undefined && !failed.ok) return failed;
  const sites = bodies.flatMap((body) => (body.ok && body.value !== null ? [body.value] : []));
  return ok(respondJson({ sites, next: names.length > page.length ? (page.at(-1) ?? null) : null }));
}

export async function getSite(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const body = await seen(call, site.value);
  if (!body.ok) return body;
  return body.value === null ? NO_SITE : ok(respondJson(body.value));
}

/** The token itself is what enrols: a certificate would do so again and again. */
export async function postAgents(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const { principal } = call.caller.grant;
  const token = bearerToken(call.request.headers.get("Authorization") ?? "");
  if (token === null) return fail("forbidden", "an agent enrols with its one-time token");
  if (principal.role !== "agent" || principal.site !== site.value) {
    return fail("forbidden", "the token is of an agent of another site");
  }
  const body = await readJson(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  const enrolment = parseMembers(EnrolmentSchema, body.value, "the body");
  if (!enrolment.ok) return enrolment;
  const enrolled = await answerOf(() =>
    hubOf(call.env, site.value).enrol({
      site: site.value,
      agent: principal.id,
      enrolment: enrolment.value,
      tokenSha256: tokenSha256(token),
      principal: principalName(principal),
    }),
  );
  return enrolled.ok ? ok(respondJson({ agent: principal.id }, 201)) : enrolled;
}

export async function deleteAgent(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const instance = call.path["instance"] ?? "";
  const principal = principalName(call.caller.grant.principal);
  const expelled = await answerOf(() => hubOf(call.env, site.value).expel({ site: site.value, instance, principal }));
  return expelled.ok ? ok(respondJson({ instance })) : expelled;
}

export async function deleteSiteAlarms(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const code = call.path["code"] ?? "";
  if (!isTunnelAlarmCode(code)) return fail("not-found", "no alarm has this code");
  const principal = principalName(call.caller.grant.principal);
  const cleared = await answerOf(() => hubOf(call.env, site.value).clearAlarms({ code, principal }));
  return cleared.ok ? ok(respondJson(cleared.value)) : cleared;
}

/** Whoever comes is asked inside who it is; but only hubs of sites that there are are woken. */
export async function getTunnel({ request, env, context, path }: Call): StreamReply {
  if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
    return fail("upgrade-required", "this is the WebSocket of site agents");
  }
  const vouched = isGateway(request, env);
  if (!vouched && !isOwnHost(env.QKD_HOSTS, request.url)) return NOT_HERE;
  const source = snapshotSourceOf(env);
  const view = await directoryCache.lookup(source, context);
  if (!view.ok) return view;
  const site = path["site"] ?? "";
  // It may be newer than this copy of the network.
  const knows = view.value.sites.has(site) || (await directoryCache.afterMiss(source, view.value))?.sites.has(site);
  if (knows !== true) return NO_SITE;
  try {
    // Nothing of the client's but the address it dialled, which it has to sign.
    const headers = { Upgrade: "websocket", ...(vouched ? { [GATEWAY_HEADER]: "1" } : {}) };
    return ok(await hubOf(env, site).fetch(new Request(request.url, { headers })));
  } catch {
    return fail("unavailable", "the hub of the site does not answer, try again");
  }
}
