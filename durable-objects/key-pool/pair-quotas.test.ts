/** Quotas of relayed key: one count for a pair, whatever the number of disjoint paths that its keys come over. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { A, A2, B, code, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { FakeNode, makeRelayed, newRelay, pushRelayed } from "../../test/support/in-workerd-relayed.ts";
import { fault } from "../../shared/errors/errors.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { CLAIMING_SHARDS, COUNTING_SHARD } from "../../shared/keypool/quota-claims.ts";
import { disjointPathsOf } from "../../shared/keypool/relay-shard.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { Policy } from "../../shared/network/document.ts";
import { err } from "../../shared/result.ts";
import type { ObjectsEnv } from "../env.ts";
import type { KeyPool } from "./key-pool.ts";

const objects = env as unknown as ObjectsEnv;
const SHARDS = [COUNTING_SHARD, ...CLAIMING_SHARDS];
const LEVELS: Policy["pool"] = { capacity_bytes: 1024 * 1024, high_bytes: 4096, low_bytes: 0 };

/** A pair whose four relay shards have so much key each. */
async function makePair(policy: Partial<Policy>, bytes = 4096): Promise<TestPool> {
  const pool = await makeRelayed({ policy: { pool: LEVELS, ...policy } });
  await pool.configure({}, SHARDS);
  if (bytes > 0) for (const shard of SHARDS) await fill(pool, shard, bytes);
  return pool;
}

async function fill(pool: TestPool, shard: number, bytes: number): Promise<void> {
  const paths = Array.from({ length: disjointPathsOf(shard) }, (_, i) => [pool.low, `m-${i}` as NodeId, pool.high]);
  const relayed = newRelay(...paths);
  const key = randomBytes(bytes);
  for (const node of [pool.high, pool.low]) await value(pushRelayed(pool, relayed, { node, bytes: key, shard }));
}

const encAt = async (pool: TestPool, shard: number, count: number, master = A.sae) =>
  await pool.shard(shard).encKeys({
    configVersion: 0,
    principal: `sae:${master}`,
    master,
    masterNode: pool.low,
    recipients: [{ sae: B.sae, node: pool.high }],
    count,
    sizeBits: 256,
  });
const decAt = async (pool: TestPool, shard: number, { keyIds }: KeyGrant) =>
  await pool.shard(shard).decKeys({ configVersion: 0, principal: "sae:sae-b", sae: B.sae, master: A.sae, keyIds });

const silent = async () => await Promise.reject(new Error("broken"));

/** Puts something else in the place of the pair's other shards, as one of them sees them. */
async function replaceSiblings(pool: TestPool, shard: number, sibling: object): Promise<void> {
  const stub = pool.shard(shard) as unknown as DurableObjectStub<KeyPool>;
  await runInDurableObject(stub, (object) => {
    Reflect.set(object, "env", { ...objects, KEY_POOL: { getByName: () => sibling } });
  });
}

describe("keys a day", () => {
  const policy = { quota: { keys_per_day: 6 }, quotas: [{ sae: A2.sae, keys_per_day: 0 }] };

  test("are of all shards together, in whatever order, over restarts of any of them", async () => {
    const pool = await makePair(policy);
    await value(encAt(pool, 61, 2));
    await value(encAt(pool, 60, 1));
    await pool.evict(60);
    await value(encAt(pool, 63, 1));
    await pool.evict(61);
    await value(encAt(pool, 61, 1));
    expect(await encAt(pool, 60, 2)).toMatchObject({
      ok: false,
      error: { code: "over-quota", message: "quota: 6 keys a day" },
    });
    await value(encAt(pool, 62, 1));
    for (const shard of SHARDS) expect(await code(encAt(pool, shard, 1))).toBe("over-quota");
    for (const shard of SHARDS) await value(encAt(pool, shard, 10, A2.sae));
  });

  test("never more, however many ask at once", async () => {
    const pool = await makePair(policy);
    const asked = Array.from({ length: 5 }, () => SHARDS).flat();
    const results = await Promise.all(asked.map(async (shard) => await encAt(pool, shard, 1)));
    expect(results.filter(({ ok }) => ok).length).toBeLessThanOrEqual(6);
    // What raced for the last ones and lost may leave one over: it is there for the next.
    const given = results.filter(({ ok }) => ok).length;
    for (let more = given; more < 6; more++) await value(encAt(pool, 60, 1));
    expect(await code(encAt(pool, 61, 1))).toBe("over-quota");
  });

  test("a claim whose key does not come is given back", async () => {
    const pool = await makePair(policy, 0);
    const node = await FakeNode.of(pool);
    await node.install(61);
    node.bring = async () => err(fault("no-path", "cut"));
    expect(await code(encAt(pool, 61, 6))).toBe("no-path");
    await fill(pool, 60, 4096);
    await value(encAt(pool, 60, 6));
    expect(await code(encAt(pool, 60, 1))).toBe("over-quota");
  });

  test("a shard that crashes between claim and cut has lost nothing but the wait for the next look", async () => {
    const pool = await makePair(policy);
    await value(encAt(pool, 61, 1));
    // As if the answer to a claim of 5 had met a crash: the counting shard has granted it, nobody was given any.
    const { version, usage } = await value(
      objects.KEY_POOL.getByName(`${pool.pair}#61`).heldUsage({ configVersion: 0, master: A.sae }),
    );
    const claim = { configVersion: 0, shard: 61, master: A.sae, held: { version: version + 1, usage } };
    const wish = { keys: 5, bits: 5 * 256 };
    const counting = objects.KEY_POOL.getByName(`${pool.pair}#60`);
    expect(await value(counting.claimQuota({ ...claim, wish, materialBits: 8 * 4096 }))).toEqual({
      outcome: "granted",
    });
    await pool.evict(61);
    // Its next word says what is true; until then nobody gets what it may have given.
    await value(encAt(pool, 61, 5));
    expect(await code(encAt(pool, 60, 1))).toBe("over-quota");
    // An old word changes nothing.
    const late = await value(counting.claimQuota({ ...claim, held: { version: 1, usage }, wish, materialBits: 0 }));
    expect(late).toMatchObject({ outcome: "outdated" });
  });

  test("while the counting shard does not answer, the others give nothing; repeats are answered all the same", async () => {
    const pool = await makePair({ ...policy, delivery_grace_s: 30 });
    const idempotency = { key: "k", requestDigest: "d".repeat(64) };
    const call = {
      configVersion: 0,
      principal: "sae:sae-a",
      master: A.sae,
      masterNode: pool.low,
      recipients: [{ sae: B.sae, node: pool.high }],
      count: 4,
      sizeBits: 256,
      idempotency,
    };
    const first = await value(pool.shard(61).encKeys(call));
    expect(await value(pool.shard(61).encKeys(call))).toEqual(first);
    await pool.evict(61);
    await replaceSiblings(pool, 61, { claimQuota: silent });
    expect(await value(pool.shard(61).encKeys(call))).toEqual(first);
    expect(await code(encAt(pool, 61, 1))).toBe("unavailable");
    await pool.evict(61);
    await value(encAt(pool, 61, 2));
    expect(await code(encAt(pool, 62, 1))).toBe("over-quota");
  });
});

describe("share of the pool", () => {
  test("keys not yet fetched of all shards count; what is fetched makes room everywhere", async () => {
    // 25% of 4096 bytes: 32 keys.
    const pool = await makePair({ quota: { pool_share: 0.25 } });
    const given = await value(encAt(pool, 61, 20));
    await value(encAt(pool, 62, 12));
    for (const shard of SHARDS) expect(await code(encAt(pool, shard, 1))).toBe("over-quota");
    await value(decAt(pool, 61, given));
    await expect.poll(async () => (await encAt(pool, 60, 20)).ok, { timeout: 5000, interval: 300 }).toBe(true);
    expect(await code(encAt(pool, 63, 1))).toBe("over-quota");
  });
});
