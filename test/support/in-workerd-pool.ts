/** Set-up shared by the pool's tests: a pool with a configuration of its own, without a Directory. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect } from "vitest";
import type { AuditRecord } from "../../shared/audit/event.ts";
import { type BlockId, type LinkId, type NodeId, type PairName, poolName, type SaeId } from "../../shared/ids.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  ImportCall,
  KeyGrant,
  KeyPoolRpc,
  PoolConfig,
  PoolStatus,
  PoolToPoolRpc,
} from "../../shared/keypool/types.ts";
import { MAX_RECORD } from "../../shared/keypool/key-id.ts";
import { LIMITS } from "../../shared/limits.ts";
import { NetworkDocumentSchema, type Policy } from "../../shared/network/document.ts";
import type { ObjectsEnv } from "../../durable-objects/env.ts";

export const A = { sae: "sae-a" as SaeId, node: "n-1" as NodeId };
export const B = { sae: "sae-b" as SaeId, node: "n-2" as NodeId };
export const C = { sae: "sae-c" as SaeId, node: "n-2" as NodeId };
export const A2 = { sae: "sae-a2" as SaeId, node: "n-1" as NodeId };

/** Newer than whatever a Directory would say, so that the pool asks none. */
const VERSION = 1_000_000;
const objects = env as unknown as ObjectsEnv;
let count = 0;

export const defaultPolicy: Policy = v.parse(NetworkDocumentSchema, {
  nodes: [],
  links: [],
  saes: [],
  operators: [],
}).policy;

export interface TestPool {
  readonly pair: PairName;
  readonly low: NodeId;
  readonly high: NodeId;
  readonly stub: KeyPoolRpc & PoolToPoolRpc;
  shard(shard: number): KeyPoolRpc & PoolToPoolRpc;
  /** Stores a changed configuration and restarts the object. */
  configure(changes: Partial<PoolConfig>, shards?: readonly number[]): Promise<void>;
  evict(shard?: number): Promise<void>;
  sql<T>(query: string, ...params: (string | number)[]): Promise<T[]>;
  push(block: string, bytes: Uint8Array, node?: NodeId): ReturnType<KeyPoolRpc["ingest"]>;
  enc(call?: Partial<EncKeysCall>): ReturnType<KeyPoolRpc["encKeys"]>;
  /** Takes over keys that another pool gave out: two random ones, where the call does not say otherwise. */
  importKeys(call?: Partial<ImportCall>): ReturnType<PoolToPoolRpc["importKeys"]>;
  dec(keyIds: KeyGrant["keyIds"], call?: Partial<DecKeysCall>): ReturnType<KeyPoolRpc["decKeys"]>;
  status(shard?: number): Promise<PoolStatus>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const raw = (stub: unknown): any => stub;

/** A fresh pool between two nodes, or the local pool of node `one`. @param changes `at`: the shard that is meant, not 0 */
export async function makePool(
  changes: Omit<Partial<PoolConfig>, "policy"> & { policy?: Partial<Policy>; one?: NodeId; at?: number } = {},
): Promise<TestPool> {
  const { one, policy, at = 0, ...rest } = changes;
  const low = one ?? (`n-1.${++count}` as NodeId);
  const high = one ?? (`n-2.${count}` as NodeId);
  const pair = `${low}|${high}` as PairName;
  let config: PoolConfig = {
    version: VERSION,
    pair,
    link: "link" as LinkId,
    state: "active",
    source: one !== undefined ? "local" : "push",
    feed: "one-ended",
    health: "reject",
    keyRateBps: 0,
    shards: 1,
    ...rest,
    policy: { ...defaultPolicy, ...policy },
  };
  const shard = (number: number) => objects.KEY_POOL.getByName(poolName(pair, number));
  const evict = async (number = at) => {
    await shard(number).countPending({ sae: null, after: MAX_RECORD }); // only a running object can be evicted
    await evictDurableObject(raw(shard(number)));
  };
  const configure: TestPool["configure"] = async (next, shards) => {
    config = { ...config, ...next, version: config.version + 1 };
    for (const number of shards ?? Array.from({ length: config.shards }, (_, i) => at + i)) {
      await runInDurableObject(raw(shard(number)), (_: unknown, state: DurableObjectState) => {
        state.storage.sql.exec(
          "INSERT OR REPLACE INTO setting (name, value) VALUES ('config', ?)",
          JSON.stringify(config),
        );
      });
      await evict(number);
    }
  };
  await configure({});
  const stub = shard(at);
  return {
    pair,
    low,
    high,
    stub,
    shard,
    configure,
    evict,
    sql: async <T>(query: string, ...params: (string | number)[]) =>
      (await runInDurableObject(raw(stub), (_: unknown, state: DurableObjectState) =>
        state.storage.sql.exec(query, ...params).toArray(),
      )) as T[],
    push: async (block, bytes, node = low) =>
      await stub.ingest({ configVersion: 0, principal: "agent:x", block: block as BlockId, node, bytes }),
    enc: async (call = {}) =>
      await stub.encKeys({
        configVersion: 0,
        principal: "sae:sae-a",
        master: A.sae,
        masterNode: low,
        recipients: [{ sae: B.sae, node: high }],
        count: 1,
        sizeBits: 256,
        ...call,
      }),
    importKeys: async (call = {}) =>
      await stub.importKeys({
        configVersion: 0,
        principal: "sae:sae-a",
        master: A.sae,
        masterNode: low,
        recipients: [{ sae: B.sae, node: high }],
        nonce: randomBytes(9),
        mask: randomBytes(7),
        keys: 2,
        sizeBytes: 32,
        bytes: randomBytes(64),
        expiresMs: Date.now() + 60_000,
        ...call,
      }),
    dec: async (keyIds, call = {}) =>
      await stub.decKeys({ configVersion: 0, principal: "sae:sae-b", sae: B.sae, master: A.sae, keyIds, ...call }),
    status: async (number = at) => {
      const result = await shard(number).status({ configVersion: 0, principal: "operator:x" });
      if (!result.ok) throw new Error(result.error.message);
      return result.value;
    },
  };
}

/** As if the blocks that wait for their twins (or those `which` fits) had come an hour ago: until they are given up. */
export async function makeLate(pool: TestPool, which = "true"): Promise<void> {
  await pool.sql(`UPDATE block SET at_ms = at_ms - 3600001 WHERE state = 'unmatched' AND ${which}`);
  await pool.evict(); // what it holds in memory is older
  const isDone = async () => {
    await runDurableObjectAlarm(raw(pool.stub));
    const sql = "SELECT id FROM block WHERE state = 'unmatched' AND at_ms <= ? LIMIT 1";
    return (await pool.sql(sql, Date.now() - 3_600_000)).length === 0;
  };
  await expect.poll(isDone, { timeout: 10_000 }).toBe(true);
}

/** What the log of the pair's lower node tells of it. Pools ship within a second or so: poll. */
export const auditOf = async (pool: TestPool): Promise<readonly AuditRecord[]> =>
  (await objects.AUDIT_LOG.getByName(pool.low).read({ after: 0, limit: LIMITS.auditReadRecords })).records;

/** What went right, or a thrown fault. */
export async function value<T>(
  result: Promise<{ ok: true; value: T } | { ok: false; error: { code: string } }>,
): Promise<T> {
  const got = await result;
  if (!got.ok) throw new Error(`refused: ${JSON.stringify(got.error)}`);
  return got.value;
}

/** The code of the fault, or a throw where there was none. */
export async function code(result: Promise<{ ok: boolean; error?: { code: string } }>): Promise<string> {
  const got = await result;
  if (got.ok || got.error === undefined) throw new Error("was not refused");
  return got.error.code;
}

export const randomBytes = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

export const hex = (bytes: Uint8Array): string => bytes.toHex();

/** Each key of a grant as hexadecimal text. */
export function keysOf(grant: KeyGrant): string[] {
  let at = 0;
  return grant.sizesBytes.map((size) => {
    at += size;
    return hex(grant.bytes.slice(at - size, at));
  });
}
