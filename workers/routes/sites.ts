/** Sites: who serves them, and what they expose. */
import { principalName } from "../../shared/auth/principal.ts";
import { bearerToken, tokenSha256 } from "../../shared/auth/token.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { EnrolmentSchema } from "../../shared/tunnel/messages.ts";
import { SiteReportsSchema } from "../../shared/tunnel/reports.ts";
import { isTunnelAlarmCode } from "../../shared/tunnel/types.ts";
import { linkedSites } from "../../shared/tunnel/view.ts";
import { ok, type Result } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { hubOf } from "../clients/tunnel-hub.ts";
import { readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import { gatewayAddresses } from "./gateway-address.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { queryInteger } from "./query.ts";
import { type Onlooker, siteBody } from "./site-body.ts";

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

/**
 * The token itself is what enrols: a certificate would do so again and again. And it has to be made for that: one that may
 * do all an agent may is no one-time token, whoever shows it first.
 */
export async function postAgents(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const { principal, scopes } = call.caller.grant;
  const token = bearerToken(call.request.headers.get("Authorization") ?? "");
  if (token === null) return fail("forbidden", "an agent enrols with its one-time token");
  if (scopes === null) return fail("forbidden", "a token enrols whose scopes name agents.enrol; this one has none");
  if (principal.role !== "agent" || principal.site !== site.value) {
    return fail("forbidden", "the token is of an agent of another site");
  }
  const enrolment = await readMembers(call, EnrolmentSchema);
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

/** An agent speaks for its own site only: no other could put words into its audit events. */
export async function postSiteReports(call: AuthenticatedCall): Reply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const { principal } = call.caller.grant;
  if (principal.role !== "agent" || principal.site !== site.value) {
    return fail("forbidden", "agents report of their own site");
  }
  const reports = await readMembers(call, SiteReportsSchema);
  if (!reports.ok) return reports;
  const taken = await answerOf(() =>
    hubOf(call.env, site.value).report({
      site: site.value,
      agent: principal.id,
      principal: principalName(principal),
      reports: reports.value,
    }),
  );
  return taken.ok ? ok(respondJson({ taken: reports.value.reports.length })) : taken;
}
