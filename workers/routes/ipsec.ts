/** Nodes with an IPsec host: entries of controllers, what keys are made of, and what the host tells its agent. */
import { RekeySchema } from "../../shared/api/ipsec-schemas.ts";
import { servesNode } from "../../shared/auth/policy.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { isProxyAlarmCode } from "../../shared/ipsec/alarms.ts";
import type { EntryKind } from "../../shared/ipsec/errand.ts";
import type { IpsecNotification } from "../../shared/ipsec/notification.ts";
import { NotificationsSchema } from "../../shared/ipsec/notification-schema.ts";
import { type BadEntry, readDeletions, readEntries } from "../../shared/ipsec/read-entries.ts";
import { readKeySettings } from "../../shared/ipsec/rendezvous.ts";
import type { Batch, ProxyAgentRpc } from "../../shared/ipsec/types.ts";
import { dialectOf } from "../../shared/ipsec/view.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import type { NodeIpsec } from "../../shared/network/node-ipsec.ts";
import { ok, type Result } from "../../shared/result.ts";
import { askProxyAgent } from "../clients/proxy-agent.ts";
import { readBytes, readJson, readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { batchBody, statusBody } from "./ipsec-body.ts";
import { preferred } from "./ipsec-prefer.ts";

const ACCEPTED = 202;
const NO_HOST = fail("not-found", "this deployment hosts no such node with an IPsec host");

interface Host {
  readonly id: NodeId;
  readonly ipsec: NodeIpsec;
}

/** The node of the path, if the caller may act for it: a controller for all, an agent for those of its own site. */
function hostOf({ path, caller }: AuthenticatedCall): Result<Host, Fault> {
  const entry = caller.lookup.nodesById.get(path["node"] ?? "");
  if (entry?.ipsec === undefined || entry.remote !== undefined || entry.ipsec.foreign) return NO_HOST;
  const { principal } = caller.grant;
  if (principal.role !== "controller" && !servesNode(principal, entry))
    return fail("forbidden", "the node is at another site");
  return ok({ id: nodeId(entry.id), ipsec: entry.ipsec });
}

async function ask<T>(
  { env }: AuthenticatedCall,
  { id }: Host,
  what: (object: ProxyAgentRpc) => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> {
  return await askProxyAgent(env, id, what);
}

/** @param read what the body asks for */
async function batched<Entry extends { readonly kind: EntryKind | null } | BadEntry>(
  call: AuthenticatedCall,
  host: Host,
  read: (
    body: Uint8Array,
  ) => Result<{ readonly entries: readonly Entry[]; readonly warnings: readonly string[] }, Fault>,
  run: (
    object: ProxyAgentRpc,
    what: {
      readonly entries: readonly Entry[];
      readonly principal: string;
      readonly waitMs: number;
      readonly configVersion: number;
    },
  ) => Promise<Result<Batch, Fault>>,
): Reply {
  const bytes = await readBytes(call.request, call.maxBodyBytes);
  if (!bytes.ok) return bytes;
  const body = read(bytes.value);
  if (!body.ok) return body;
  const [first] = body.value.entries;
  if (first !== undefined && body.value.entries.every((entry) => entry.kind === null))
    return fail("bad-request", "problem" in first ? first.problem : "nothing of the body can be read");
  const { async, waitMs } = preferred(call.request.headers.get("Prefer"), host.ipsec.answer_wait_ms);
  const principal = principalName(call.caller.grant.principal);
  const configVersion = call.caller.lookup.sequence;
  const { entries, warnings } = body.value;
  const batch = await ask(
    call,
    host,
    async (object) => await run(object, { principal, entries, waitMs, configVersion }),
  );
  if (!batch.ok) return batch;
  const answer = batchBody(batch.value, warnings);
  if (!async || batch.value.done) return ok(respondJson(answer));
  const Location = `/api/v1/nodes/${host.id}/ipsec/ipsec-entries?batch=${batch.value.id}`;
  return ok(respondJson(answer, ACCEPTED, { Location, "Preference-Applied": "respond-async" }));
}

export async function postIpsecEntries(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const dialect = dialectOf(host.value.ipsec);
  return await batched(
    call,
    host.value,
    (body) => readEntries(body, dialect),
    async (object, what) => await object.post(what),
  );
}

export async function deleteIpsecEntries(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  return await batched(call, host.value, readDeletions, async (object, what) => await object.remove(what));
}

export async function getIpsecEntries(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const id = call.query.get("batch");
  if (id === null) {
    const status = await ask(call, host.value, async (object) => await object.status());
    return status.ok ? ok(respondJson(statusBody(status.value))) : status;
  }
  const batch = await ask(call, host.value, async (object) => await object.batch({ id }));
  return batch.ok ? ok(respondJson(batchBody(batch.value))) : batch;
}

export async function postCreateQkd(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const body = await readJson(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  const settings = readKeySettings(body.value);
  if (!settings.ok) return settings;
  const principal = principalName(call.caller.grant.principal);
  const configVersion = call.caller.lookup.sequence;
  const setting = { principal, settings: settings.value, told: false, configVersion };
  const set = await ask(call, host.value, async (object) => await object.setKeys(setting));
  return set.ok ? ok(respondJson({ STATUS: "OK" })) : set;
}

export async function postIpsecRekey(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const wanted = await readMembers(call, RekeySchema);
  if (!wanted.ok) return wanted;
  const principal = principalName(call.caller.grant.principal);
  const begun = await ask(
    call,
    host.value,
    async (object) => await object.rekey({ principal, name: wanted.value.name }),
  );
  return begun.ok ? ok(respondJson({ rekey: begun.value.id }, ACCEPTED)) : begun;
}

export async function postIpsecNotifications(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const told = await readMembers(call, NotificationsSchema);
  if (!told.ok) return told;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- absent members are absent, which valibot's types do not say
  const notifications = told.value.notifications as readonly IpsecNotification[];
  const taken = await ask(call, host.value, async (object) => await object.notified({ notifications }));
  return taken.ok ? ok(respondJson({ taken: notifications.length })) : taken;
}

export async function deleteIpsecAlarms(call: AuthenticatedCall): Reply {
  const host = hostOf(call);
  if (!host.ok) return host;
  const code = call.path["code"] ?? "";
  if (!isProxyAlarmCode(code)) return fail("not-found", "no alarm has this code");
  const principal = principalName(call.caller.grant.principal);
  const cleared = await ask(call, host.value, async (object) => await object.clearAlarms({ code, principal }));
  return cleared.ok ? ok(respondJson(cleared.value)) : cleared;
}
