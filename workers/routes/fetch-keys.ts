/** Keys that wait for an SAE, by their IDs: from whichever pools hold them, all of them or none. */
import { fail, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import { mergeGrants } from "../../shared/etsi014/key-container.ts";
import { checkKeyIds } from "../../shared/etsi014/key-ids.ts";
import { type NodeId, pairName, pairOf, type SaeId } from "../../shared/ids.ts";
import { expandRuns, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, Idempotency, KeyGrant } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import { nodesOfSae, pairsForDec } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { FOREIGN_SHARD } from "../clients/foreign-keys.ts";
import { answerOf, poolOf } from "../clients/key-pool.ts";
import type { PoolCalls } from "../clients/pool-calls.ts";
import type { Env } from "../env.ts";
import { foreignPools, type KeyGroup, locate } from "./dec-groups.ts";
import type { AuthenticatedCall } from "./handler.ts";
import { readIdempotency } from "./idempotency.ts";
import { isLegacySae, legacyDecKeys } from "./legacy-keys.ts";
import type { SaeCaller } from "./sae.ts";

/**
 * @param body of the call, as it came: a repeat has the same
 * @param sizeBytes keys of another size are not found; absent: all sizes
 */
export async function fetchKeys(
  call: AuthenticatedCall,
  caller: SaeCaller,
  master: SaeId,
  wanted: readonly KeyIdRun[],
  body: string,
  sizeBytes?: number,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  const keyIds = checkKeyIds(wanted, caller.policy.max_key_per_request);
  if (!keyIds.ok) return keyIds;
  const idempotency = readIdempotency(call.request, body, caller.policy);
  if (!idempotency.ok) return idempotency;
  if (isLegacySae(caller, master)) return await legacyDecKeys(call, caller, master, keyIds.value);
  const asked = { master, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
  return await new KeyFetch(call, caller, asked, idempotency.value).fetch(keyIds.value);
}

/** What a key has to be, besides the caller's. */
type Asked = Pick<DecKeysCall, "master" | "sizeBytes">;

/** One request for keys, from wherever they are. */
class KeyFetch {
  readonly #env: Env;
  readonly #pools: PoolCalls;
  readonly #caller: SaeCaller;
  readonly #asked: Asked;
  readonly #master: SaeId;
  readonly #idempotency: Idempotency | null;

  constructor({ env, pools }: AuthenticatedCall, caller: SaeCaller, asked: Asked, idempotency: Idempotency | null) {
    this.#env = env;
    this.#pools = pools;
    this.#caller = caller;
    this.#asked = asked;
    this.#master = asked.master;
    this.#idempotency = idempotency;
  }

  /** @returns all keys in the order asked for, `key-not-found`, `unauthorised`, or `unknown-sae` */
  async fetch(keyIds: readonly KeyIdRun[]): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    const { lookup, sae } = this.#caller;
    const nowMs = Date.now();
    const peer = lookup.kmsPeerBySae.get(this.#master);
    if (peer !== undefined) return await this.#fromPeer(nodeId(peer.node), keyIds, nowMs);
    if (nodesOfSae(lookup, this.#master, nowMs).length === 0) return fail("unknown-sae", "no such master SAE");
    const pairs = pairsForDec(lookup, sae, this.#master, nowMs);
    const located = await locate(lookup, keyIds, pairs, (group) => this.#check(group));
    const grant = located.ok ? await this.#fetchGroups(keyIds, located.value) : located;
    if (grant.ok || grant.error.code !== "key-not-found") return grant;
    return err(await this.#reasonNotFound(keyIds, grant.error, nowMs));
  }

  /**
   * Keys that the master's own KMS has handed over (ETSI GS QKD 020), under IDs that name no shard: where the caller is,
   * and then where it was before it was moved. Anywhere else they are somebody else's.
   */
  async #fromPeer(
    peerNode: NodeId,
    keyIds: readonly KeyIdRun[],
    nowMs: number,
  ): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    const { lookup, sae } = this.#caller;
    const groupAt = (node: NodeId): KeyGroup => ({
      pair: pairName(pairOf(peerNode, node)),
      shard: FOREIGN_SHARD,
      keyIds,
    });
    const own = nodesOfSae(lookup, sae, nowMs);
    let grant: Result<KeyGrant<KeyIdRun>, Fault> = err(mandatedFault("key-not-found"));
    for (const node of own) {
      grant = await this.#take(groupAt(node));
      if (grant.ok || grant.error.code !== "key-not-found") return grant;
    }
    const others = [...lookup.nodesById.values()]
      .filter(({ id, remote }) => remote === undefined && !own.includes(nodeId(id)))
      .slice(0, LIMITS.foreignPoolChecks);
    return err(
      await this.#whoseAt(
        others.map(({ id }) => groupAt(nodeId(id))),
        grant.error,
      ),
    );
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
    return await this.#whoseAt(foreignPools(this.#caller.lookup, nodes, own, keyIds), notFound);
  }

  async #whoseAt(pools: readonly KeyGroup[], notFound: Fault): Promise<Fault> {
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
      ...this.#asked,
      keyIds,
      ...(this.#idempotency === null ? {} : { idempotency: this.#idempotency }),
    };
  }
}
