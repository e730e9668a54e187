/** Which installations may speak for the site's agents: enrolled with one-time tokens, expelled by operators. */
import { canonicalJson } from "../../shared/audit/canonical-json.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PublicKeys } from "../../shared/tunnel/messages.ts";
import type { EnrolCall, TunnelHubRpc } from "../../shared/tunnel/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { audit, type HubParts } from "./parts.ts";
import type { Errand } from "./store.ts";

/** Waits after the first, second ... failure to tell another hub; the last one for those that count as stuck. */
const RETRY_MS = [1000, 5000, 60_000] as const;

/** @returns `conflict` where the token has enrolled another instance, or the instance belongs to another agent */
export function enrol(parts: HubParts, call: EnrolCall): Result<{ readonly changed: boolean }, Fault> {
  const { store, nowMs } = parts;
  const { enrolment, agent } = call;
  return store.transaction(() => {
    const used = store.usedToken(call.tokenSha256);
    const known = store.instance(enrolment.instance);
    if (used !== undefined) {
      const same = canonicalJson(used) === canonicalJson(enrolment) && known?.agent === agent;
      return same && canonicalJson(known.keys) === canonicalJson(enrolment.keys)
        ? ok({ changed: false })
        : fail("conflict", "this token has enrolled an agent already: each enrols one, once");
    }
    if (known !== undefined && known.agent !== agent) return fail("conflict", "the instance belongs to another agent");
    if (known === undefined && store.instanceCount() >= LIMITS.tunnelInstances) {
      return fail("conflict", `${LIMITS.tunnelInstances} instances are enrolled at this site: expel one first`);
    }
    store.useToken(call.tokenSha256, enrolment);
    store.putInstance(enrolment, agent, nowMs());
    // Those who know its former keys are not to go by them.
    if (known !== undefined) store.tellWatchers(enrolment.instance, nowMs());
    audit(parts, "tunnel.enrol", call.principal, { agent, instance: enrolment.instance, again: known !== undefined });
    return ok({ changed: known !== undefined });
  });
}

export function expelInstance(parts: HubParts, instance: string, principal: string): Result<null, Fault> {
  const { store, nowMs } = parts;
  return store.transaction(() => {
    if (!store.dropInstance(instance)) return fail("not-found", "no such instance is enrolled at this site");
    store.tellWatchers(instance, nowMs());
    audit(parts, "tunnel.expel", principal, { instance });
    return ok(null);
  });
}

/** For the hub at which one of this site's agents knocks. Null: it is not enrolled, or not that agent's. */
export function keysFor(
  { store }: HubParts,
  { agent, instance, hub }: Parameters<TunnelHubRpc["keysOf"]>[0],
): PublicKeys | null {
  const row = store.instance(instance);
  if (row?.agent !== agent) return null;
  return store.transaction(() => store.watch(instance, hub)) ? row.keys : null;
}

/** Tells other hubs who is expelled. One that does not answer is tried again, later each time. */
export async function tellHubs(
  parts: HubParts,
  hubOf: (site: string) => Pick<TunnelHubRpc, "expelled">,
): Promise<void> {
  const due = parts.store.dueErrands(parts.nowMs(), LIMITS.hubsToldAtOnce);
  await Promise.all(due.map(async (errand) => await tell(parts, errand, hubOf)));
}

async function tell(
  { site, store, alarms, nowMs }: HubParts,
  errand: Errand,
  hubOf: (site: string) => Pick<TunnelHubRpc, "expelled">,
): Promise<void> {
  try {
    await hubOf(errand.hub).expelled({ site, instance: errand.instance });
    store.endErrand(errand);
  } catch {
    const attempts = Math.min(errand.attempts + 1, RETRY_MS.length);
    store.transaction(() => {
      store.postponeErrand(errand, attempts, nowMs() + (RETRY_MS[attempts - 1] ?? RETRY_MS[0]));
      if (attempts < RETRY_MS.length) return;
      const detail = "it is told again once a minute";
      alarms.raise("stuck", `${errand.hub}: ${errand.instance}`, detail, { nowMs: nowMs() });
    });
  }
}
