/** ETSI GS QKD 014 clause 5.3, Get key, as GET and POST. */
import { parseJson } from "../../shared/bytes/json.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { RouteType } from "../../shared/etsi014/extensions.ts";
import { writeKeyContainer } from "../../shared/etsi014/key-container.ts";
import {
  checkKeyRequest,
  EMPTY_KEY_REQUEST,
  type KeyRequest,
  parseKeyRequest,
  parseKeyRequestQuery,
} from "../../shared/etsi014/key-request.ts";
import type { LinkId, SaeId } from "../../shared/ids.ts";
import type { KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import { quotaOf } from "../../shared/keypool/quota.ts";
import type { EncKeysCall, Idempotency, KeyGrant, Recipient } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { readText } from "../middleware/body.ts";
import { respondContainer } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { readIdempotency, shardByHash, shardOfRepeat } from "./idempotency.ts";
import { namingSae, pathSae, routeTo, saeCaller, type SaeCaller, shardsOf, type SlaveRoute } from "./sae.ts";

export async function getEncKeys(call: AuthenticatedCall): Reply {
  return await encKeys(call, parseKeyRequestQuery(call.query), "");
}

export async function postEncKeys(call: AuthenticatedCall): Reply {
  const body = await readText(call.request, call.maxBodyBytes);
  return body.ok ? await encKeys(call, parseBody(body.value), body.value) : body;
}

/** No body at all is as `{}`: clause 6.2 has defaults for everything. */
function parseBody(body: string): Result<KeyRequest, Fault> {
  if (body.length === 0) return ok(EMPTY_KEY_REQUEST);
  const json = parseJson(body, LIMITS.jsonDepth);
  return json.ok ? parseKeyRequest(json.value) : json;
}

/** Faults come in the order syntax, extensions, ranges, who may have the key, whether there is one. */
async function encKeys(call: AuthenticatedCall, parsed: Result<KeyRequest, Fault>, body: string): Reply {
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  if (!parsed.ok) return parsed;
  const { sae, policy } = caller.value;
  const slave = pathSae(call, "slave_SAE_ID");
  const route = await routeTo(call, caller.value, slave);
  const checked = checkKeyRequest(parsed.value, { policy, caller: sae, slave, route: routeType(route) });
  if (!checked.ok) return checked;
  if (!route.ok) return route;
  const others = await additionalRecipients(call, caller.value, checked.value.additionalSlaves);
  if (!others.ok) return others;
  const idempotency = readIdempotency(call.request, body, policy);
  if (!idempotency.ok) return idempotency;

  const { number, sizeBits } = checked.value;
  const recipients = [{ sae: slave, node: route.value.slaveNode }, ...others.value];
  const encCall = callOf(caller.value, route.value, { recipients, count: number, sizeBits }, idempotency.value);
  const shards = shardsOf(route.value);
  const only = onlyShard(caller.value, route.value, idempotency.value);
  const { pair } = route.value;
  const grant = await fromShards(shards, only, (shard) => call.pools.encKeys({ pair, shard }, encCall));
  return grant.ok ? ok(respondContainer(writeKeyContainer(grant.value))) : grant;
}

function routeType(route: Result<SlaveRoute, Fault>): RouteType | null {
  if (route.ok) return route.value.link === null ? "same-node" : "direct";
  return route.error.code === "no-route" ? "none" : null;
}

async function additionalRecipients(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slaves: readonly SaeId[],
): Promise<Result<readonly Recipient[], Fault>> {
  const recipients: Recipient[] = [];
  for (const slave of slaves) {
    const route = await routeTo(call, caller, slave);
    if (!route.ok) return err(namingSae(route.error, slave));
    recipients.push({ sae: slave, node: route.value.slaveNode });
  }
  return ok(recipients);
}

function callOf(
  caller: SaeCaller,
  route: SlaveRoute,
  wish: Pick<EncKeysCall, "recipients" | "count" | "sizeBits">,
  idempotency: Idempotency | null,
): EncKeysCall {
  return {
    configVersion: caller.lookup.sequence,
    principal: caller.principal,
    master: caller.sae,
    masterNode: route.masterNode,
    ...wish,
    ...(idempotency === null ? {} : { idempotency }),
  };
}

/** The one shard that knows what the answer depends on: all keys of a principal's day, or its repeats. Null: any will do. */
function onlyShard({ sae, principal, policy }: SaeCaller, route: SlaveRoute, idempotency: Idempotency | null) {
  const shards = shardsOf(route);
  const { keysPerDay } = quotaOf(policy, sae, route.link === null ? null : (route.link.id as LinkId));
  if (keysPerDay !== Infinity) return shardByHash(principal, shards);
  return idempotency === null ? null : shardOfRepeat(principal, idempotency, shards);
}

/**
 * Any shard will do, since a short one refills from its siblings. What it cannot borrow are their units already begun:
 * so the siblings are asked before the client hears 503, unless only one shard may answer.
 */
async function fromShards(
  shards: number,
  only: number | null,
  ask: (shard: number) => Promise<Result<KeyGrant<KeyIdRun>, Fault>>,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  if (only !== null) return await ask(only);
  const first = Math.floor(Math.random() * shards);
  let grant = await ask(first);
  for (let next = 1; next < shards && !grant.ok && grant.error.code === "not-enough-keys"; next++) {
    grant = await ask((first + next) % shards);
  }
  return grant;
}
