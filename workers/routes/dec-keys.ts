/** ETSI GS QKD 014 clause 5.4, Get key with key IDs, as GET and POST. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { mergeGrants, writeKeyContainer } from "../../shared/etsi014/key-container.ts";
import { checkKeyIds, parseKeyIdsBody, parseKeyIdsQuery } from "../../shared/etsi014/key-ids.ts";
import type { SaeId } from "../../shared/ids.ts";
import { expandRuns, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, Idempotency, KeyGrant } from "../../shared/keypool/types.ts";
import { nodesOfSae, pairsForDec } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import type { PoolCalls } from "../clients/pool-calls.ts";
import type { Env } from "../env.ts";
import { readText } from "../middleware/body.ts";
import { respondContainer } from "../middleware/respond.ts";
import { foreignPools, type KeyGroup, locate } from "./dec-groups.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { readIdempotency } from "./idempotency.ts";
import { pathSae, saeCaller, type SaeCaller } from "./sae.ts";

export async function getDecKeys(call: AuthenticatedCall): Reply {
  return await decKeys(call, parseKeyIdsQuery(call.query), "");
}

export async function postDecKeys(call: AuthenticatedCall): Reply {
  const body = await readText(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  return await decKeys(call, parseKeyIdsBody(body.value), body.value);
}

async function decKeys(call: AuthenticatedCall, parsed: Result<readonly KeyIdRun[], Fault>, body: string): Reply {
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  if (!parsed.ok) return parsed;
  const keyIds = checkKeyIds(parsed.value, caller.value.policy.max_key_per_request);
  if (!keyIds.ok) return keyIds;
  const idempotency = readIdempotency(call.request, body, caller.value.policy);
  if (!idempotency.ok) return idempotency;
  const master = pathSae(call, "master_SAE_ID");
  const fetch = new KeyFetch(call, caller.value, master, idempotency.value);
  const grant = await fetch.fetch(keyIds.value);
  return grant.ok ? ok(respondContainer(writeKeyContainer(grant.value))) : grant;
}

/** One request for keys, from wherever they are. */
class KeyFetch {
  readonly #env: Env;
  readonly #pools: PoolCalls;
  readonly #caller: SaeCaller;
  readonly #master: SaeId;
  readonly #idempotency: Idempotency | null;

  constructor({ env, pools }: AuthenticatedCall, caller: SaeCaller, master: SaeId, idempotency: Idempotency | null) {
    this.#env = env;
    this.#pools = pools;
    this.#caller = caller;
    this.#master = master;
    this.#idempotency = idempotency;
  }

  /** @returns all keys in the order asked for, `key-not-found`, `unauthorised`, or `unknown-sae` */
  async fetch(keyIds: readonly KeyIdRun[]): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    const { lookup, sae } = this.#caller;
    const nowMs = Date.now();
    if (nodesOfSae(lookup, this.#master, nowMs).length === 0) return fail("unknown-sae", "no such master SAE");
    const pairs = pairsForDec(lookup, sae, this.#master, nowMs);
    const located = await locate(lookup, keyIds, pairs, (group) => this.#check(group));
    const grant = located.ok ? await this.#fetchGroups(keyIds, located.value) : located;
    if (grant.ok || grant.error.code !== "key-not-found") return grant;
    return err(await this.#reasonNotFound(keyIds, grant.error, nowMs));
  }

  /**
   * Keys of one pool (nearly always) are one call. Those of several are checked everywhere before any is taken. What
   * is left is a race of two requests of the same SAE for the same keys: the loser may then have taken some of its
   * keys and is told 503.
   */
  async #fetchGroups(
    keyIds: readonly KeyIdRun[],
    groups: readonly KeyGroup[],
  ): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    const [only, ...more] = groups;
    if (only !== undefined && more.length === 0) return await this.#take(only);
    const checks = await Promise.all(groups.map(async (group) => await this.#check(group)));
    const obstacles = checks.flatMap((check) => (check.ok ? [] : [check.error]));
    const obstacle = obstacles.find(({ code }) => code === "unauthorised") ?? obstacles[0];
    if (obstacle !== undefined) return err(obstacle);
    const grants: KeyGrant<KeyIdRun>[] = [];
    for (const group of groups) {
      const grant = await this.#take(group);
      if (grant.ok) grants.push(grant.value);
      else if (grants.length === 0) return grant;
      else return fail("unavailable", "another request took some of these keys meanwhile");
    }
    return ok(mergeGrants(keyIds, grants));
  }

  /**
   * A key that is not found may be somebody else's, in a pool this caller has no business with: then clause 5.4 wants
   * 401, whoever asks. Only pools of the master's nodes can hold it.
   */
  async #reasonNotFound(keyIds: readonly KeyIdRun[], notFound: Fault, nowMs: number): Promise<Fault> {
    const own = pairsForDec(this.#caller.lookup, this.#caller.sae, this.#master, nowMs);
    const nodes = nodesOfSae(this.#caller.lookup, this.#master, nowMs);
    const pools = foreignPools(this.#caller.lookup, nodes, own, keyIds);
    const checks = await Promise.all(pools.map(async (group) => await this.#check(group)));
    const foreign = checks.find((check) => !check.ok && check.error.code === "unauthorised");
    return foreign === undefined || foreign.ok ? notFound : foreign.error;
  }

  async #take(group: KeyGroup): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    return await this.#pools.decKeys(group, this.#callFor(group));
  }

  async #check(group: KeyGroup): Promise<Result<null, Fault>> {
    const call = { ...this.#callFor(group), keyIds: expandRuns(group.keyIds) };
    return await answerOf(() => poolOf(this.#env, group.pair, group.shard).checkKeys(call));
  }

  #callFor({ keyIds }: KeyGroup): DecKeysCall<KeyIdRun> {
    return {
      configVersion: this.#caller.lookup.sequence,
      principal: this.#caller.principal,
      sae: this.#caller.sae,
      master: this.#master,
      keyIds,
      ...(this.#idempotency === null ? {} : { idempotency: this.#idempotency }),
    };
  }
}
