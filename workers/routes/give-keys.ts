/** New keys of an SAE for one other or several: who may have them, and which pool gives them. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { checkExtensions, checkKeyRequest, checkWishes, type KeyRequest } from "../../shared/etsi014/key-request.ts";
import type { LinkId, SaeId } from "../../shared/ids.ts";
import type { KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import { quotaOf } from "../../shared/keypool/quota.ts";
import type { EncKeysCall, Idempotency, KeyGrant } from "../../shared/keypool/types.ts";
import { isHosted } from "../../shared/network/lookup.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { AuthenticatedCall } from "./handler.ts";
import { handedOver } from "./hand-over-to-peer.ts";
import { readIdempotency, shardByHash, shardOfRepeat } from "./idempotency.ts";
import { attemptsFor, firstToGive } from "./key-attempts.ts";
import { connectionsOf } from "./key-wishes.ts";
import { isLegacySae, legacyEncKeys } from "./legacy-keys.ts";
import { namingSae, routeTo, type SaeCaller, type SlaveRoute, unmetFor } from "./sae.ts";

/**
 * Faults come in the order extensions, ranges, who may have the key, whether there is one.
 * @param body of the call, as it came: a repeat has the same
 */
export async function giveKeys(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slave: SaeId,
  request: KeyRequest,
  body: string,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  const known = checkExtensions(request);
  if (!known.ok) return known;
  const { sae, policy, lookup } = caller;
  if (isLegacySae(caller, slave)) return await legacyEncKeys(call, caller, slave, request);
  const route = await routeTo(call, caller, slave);
  const connections = await connectionsOf(call.env, lookup.sequence, route, request);
  if (!connections.ok) return connections;
  const checked = checkKeyRequest(request, { policy, caller: sae, slave, connections: connections.value });
  if (!checked.ok) return checked;
  if (!route.ok) return route;
  const others = await additionalRoutes(call, caller, checked.value.additionalSlaves, request);
  if (!others.ok) return others;
  const alone = aloneBehindPeer(route.value, others.value);
  if (!alone.ok) return alone;
  const idempotency = route.value.peer === undefined ? readIdempotency(call.request, body, policy) : ok(null);
  if (!idempotency.ok) return idempotency;

  const { number, sizeBits, wishes } = checked.value;
  const recipients = [route.value, ...others.value].map((each) => ({ sae: each.slave, node: each.slaveNode }));
  const encCall = callOf(caller, route.value, { recipients, count: number, sizeBits }, idempotency.value);
  const grant = await firstToGive(attemptsFor(route.value, wishes, others.value), async ({ pair, shards, maxHops }) => {
    const only =
      sharedShard(caller, shards, route.value, others.value) ??
      onlyShard(caller, route.value, shards, idempotency.value);
    const hopsCall = maxHops === null ? encCall : { ...encCall, maxHops };
    return await fromShards(shards, only, async (shard) => await call.pools.encKeys({ pair, shard }, hopsCall));
  });
  return grant.ok ? await handedOver(call, caller, route.value, grant.value) : grant;
}

/** What other KMSs acknowledge, and what others here fetch, are not brought under one answer. */
function aloneBehindPeer(slave: SlaveRoute, others: readonly SlaveRoute[]): Result<null, Fault> {
  const isAlone = others.length === 0 || [slave, ...others].every(({ peer }) => peer === undefined);
  return isAlone ? ok(null) : fail("no-route", "an SAE behind another KMS gets keys with no other slave");
}

/** Each of them shall be reached as the request has it, and is named where that cannot be. */
async function additionalRoutes(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slaves: readonly SaeId[],
  request: KeyRequest,
): Promise<Result<readonly SlaveRoute[], Fault>> {
  const routes: SlaveRoute[] = [];
  for (const slave of slaves) {
    const route = await routeTo(call, caller, slave);
    const connections = await connectionsOf(call.env, caller.lookup.sequence, route, request);
    if (!connections.ok) return err(namingSae(connections.error, slave));
    if (connections.value !== null) {
      const met = checkWishes(request, connections.value, caller.policy.extension_optional);
      if (!met.ok) return err(unmetFor(met.error, slave));
    }
    if (!route.ok) return err(namingSae(route.error, slave));
    routes.push(route.value);
  }
  return ok(routes);
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
function onlyShard(
  { sae, principal, policy }: SaeCaller,
  { link }: SlaveRoute,
  shards: readonly number[],
  idempotency: Idempotency | null,
): number | null {
  const chosen = (index: number): number | null => shards[index] ?? null;
  const { keysPerDay } = quotaOf(policy, sae, link === null ? null : (link.id as LinkId));
  if (keysPerDay !== Infinity) return chosen(shardByHash(principal, shards.length));
  return idempotency === null ? null : chosen(shardOfRepeat(principal, idempotency, shards.length));
}

/** Keys that other deployments take in, too: they know of a link's first shard, whatever the number of ours. Null: any. */
function sharedShard(
  { lookup }: SaeCaller,
  shards: readonly number[],
  { pair }: SlaveRoute,
  others: readonly SlaveRoute[],
): number | null {
  const leaves = others.some((other) => other.pair !== pair && !isHosted(lookup, other.slaveNode));
  return leaves ? (shards[0] ?? null) : null;
}

/** Of the pool's material each shard has a share, and so has everybody of each. */
const SIBLINGS_AFTER: ReadonlySet<string> = new Set<Fault["code"]>(["not-enough-keys", "over-quota"]);

/**
 * Any shard will do, since a short one refills from its siblings. What it cannot borrow are their units already begun:
 * so the siblings are asked before the client hears 503, unless only one shard may answer.
 */
async function fromShards(
  shards: readonly number[],
  only: number | null,
  ask: (shard: number) => Promise<Result<KeyGrant<KeyIdRun>, Fault>>,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  if (only !== null) return await ask(only);
  const first = Math.floor(Math.random() * shards.length);
  const [start = 0, ...others] = [...shards.slice(first), ...shards.slice(0, first)];
  let grant = await ask(start);
  for (const shard of others) {
    if (grant.ok || !SIBLINGS_AFTER.has(grant.error.code)) break;
    grant = await ask(shard);
  }
  return grant;
}
