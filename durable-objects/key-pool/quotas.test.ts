/** Quotas, as a pool keeps them: over restarts, changes of the policy, and all that ends keys. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  A,
  A2,
  B,
  C,
  code,
  defaultPolicy,
  makePool,
  randomBytes,
  type TestPool,
  value,
} from "../../test/support/in-workerd-pool.ts";
import { FakeNode, makeRelayed, relayInto } from "../../test/support/in-workerd-relayed.ts";
import { fault } from "../../shared/errors/errors.ts";
import { err } from "../../shared/result.ts";
import type { KeyId } from "../../shared/ids.ts";
import type { Policy } from "../../shared/network/document.ts";
import type { ObjectsEnv } from "../env.ts";

const { AUDIT_LOG } = env as unknown as ObjectsEnv;

type Row = { readonly sae: string; readonly keys_today: number; readonly pending_bits: number };

const NOT_SHORT: Policy["pool"] = { capacity_bytes: 1024 * 1024, high_bytes: 0, low_bytes: 0 };
const withQuotas = (more: Partial<Policy>): Policy => ({ ...defaultPolicy, pool: NOT_SHORT, ...more });
const usage = async (pool: TestPool): Promise<Row[]> =>
  await pool.sql<Row>("SELECT sae, keys_today, pending_bits FROM usage ORDER BY sae");
const encAs = async (pool: TestPool, who: { readonly sae: typeof A.sae }, count = 1) =>
  await pool.enc({ master: who.sae, principal: `sae:${who.sae}`, count });
/** As they reach the log of the masters' node. */
async function refusalsIn(pool: TestPool) {
  // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
  await runDurableObjectAlarm(pool.stub as any);
  const { records } = await AUDIT_LOG.getByName(pool.low).read({ after: 0, limit: 1000 });
  return records.filter(({ act }) => act === "keys.refused").map(({ who, detail }) => ({ who, detail }));
}

describe("keys a day", () => {
  const policy = withQuotas({ quota: { keys_per_day: 5 }, quotas: [{ sae: A2.sae, keys_per_day: 0 }] });

  test("are counted for each master, in every commit, and over restarts", async () => {
    const pool = await makePool({ policy });
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(encAs(pool, A, 3));
    await value(encAs(pool, A2, 100));
    await pool.evict();
    expect(await encAs(pool, A, 3)).toMatchObject({
      ok: false,
      error: { code: "over-quota", message: "quota: 5 keys a day" },
    });
    // Of those that come at the same time, as many as there are keys left.
    const results = await Promise.all([1, 2, 3, 4].map(async () => await encAs(pool, A, 1)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(2);
    const refused = results.find((result) => !result.ok);
    const seconds = refused?.ok === false ? (refused.error.retryAfterSeconds ?? 0) : 0;
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(24 * 3600);
    await value(encAs(pool, C, 5));
    expect(await usage(pool)).toEqual([
      { sae: A.sae, keys_today: 5, pending_bits: 5 * 256 },
      { sae: A2.sae, keys_today: 100, pending_bits: 100 * 256 },
      { sae: C.sae, keys_today: 5, pending_bits: 5 * 256 },
    ]);
  });

  test("what one day could never give is refused for good; nothing is consumed", async () => {
    const pool = await makePool({ policy });
    await value(pool.push("f:0", randomBytes(65_536)));
    const refused = await encAs(pool, A, 6);
    expect(refused).toMatchObject({ ok: false, error: { code: "bad-request" } });
    expect((await pool.status()).ledgerBits.available).toBe(65_536 * 8);
  });

  test("a new day begins at midnight UTC", async () => {
    const pool = await makePool({ policy });
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(encAs(pool, A, 5));
    await pool.sql("UPDATE usage SET day = day - 1");
    await pool.evict();
    await value(encAs(pool, A, 5));
    expect(await code(encAs(pool, A))).toBe("over-quota");
  });

  test("repeats of a request count once", async () => {
    const pool = await makePool({ policy: { ...policy, delivery_grace_s: 30 } });
    await value(pool.push("f:0", randomBytes(65_536)));
    const idempotency = { key: "k", requestDigest: "d".repeat(64) };
    const [first, again] = [
      await value(pool.enc({ count: 5, idempotency })),
      await value(pool.enc({ count: 5, idempotency })),
    ];
    expect(again).toEqual(first);
  });

  test("hold within one node too, where keys are made on demand", async () => {
    const pool = await makePool({
      one: "n-quota" as never,
      policy: { ...policy, quota: { keys_per_day: 5, pool_share: 0 } },
    });
    const recipients = [{ sae: B.sae, node: pool.high }];
    await value(pool.enc({ count: 5, recipients }));
    expect(await code(pool.enc({ recipients }))).toBe("over-quota");
  });

  test("the audit log is told why, once in a while, with the number", async () => {
    const pool = await makePool({ policy });
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(encAs(pool, A, 5));
    for (let i = 0; i < 20; i++) await encAs(pool, A, 2);
    await expect
      .poll(async () => await refusalsIn(pool))
      .toEqual([
        {
          who: `sae:${A.sae}`,
          detail: { reason: "keys_per_day", refusals: 1, keys: 2, size_bits: 256, pool: pool.pair },
        },
      ]);
  });
});

describe("share of the pool", () => {
  test("is of all that is not delivered yet; deliveries make room again", async () => {
    const pool = await makePool({ policy: withQuotas({ quota: { pool_share: 0.25 } }) });
    await value(pool.push("f:0", randomBytes(4096)));
    const first = await value(encAs(pool, A, 32)); // of 128
    expect(await encAs(pool, A)).toMatchObject({
      ok: false,
      error: { message: "quota: keys not yet fetched may hold 25% of the pool", retryAfterSeconds: 1 },
    });
    await value(encAs(pool, A2, 32));
    await value(pool.dec(first.keyIds.slice(0, 16)));
    expect(await code(encAs(pool, A, 13))).toBe("over-quota"); // 112 are left, of which it may hold 28
    await value(encAs(pool, A, 12));
  });

  test("of relayed key is of what could be brought in, however little lies there", async () => {
    const pool = await makeRelayed({
      policy: { quota: { pool_share: 0.5 }, pool: { capacity_bytes: 1024 * 1024, high_bytes: 16_384, low_bytes: 0 } },
    });
    const node = await FakeNode.of(pool);
    node.bring = async (call) => (call.isUrgent ? await node.relay(call) : err(fault("unavailable", "not now")));
    for (let keys = 0; keys < 256; keys += 64) await value(encAs(pool, A, 64)); // 8 KiB
    await relayInto(pool, { bytes: 4096 });
    expect(await code(encAs(pool, A))).toBe("over-quota");
    await value(encAs(pool, A2, 64));
    // Of more than that, where more is there.
    await relayInto(pool, { bytes: 65_536 });
    await value(encAs(pool, A, 64));
  });

  test("an empty shard is filled before anybody's share of it is judged", async () => {
    const pool = await makePool({ shards: 2, policy: withQuotas({ quota: { pool_share: 0.5 } }) });
    await value(pool.push("f:0", randomBytes(65_536)));
    const call = {
      configVersion: 0,
      principal: "sae:x",
      master: A.sae,
      masterNode: pool.low,
      count: 10,
      sizeBits: 256,
    };
    await value(pool.shard(1).encKeys({ ...call, recipients: [{ sae: B.sae, node: pool.high }] }));
  });
});

describe("counting", () => {
  const on = withQuotas({ quotas: [{ sae: A.sae, pool_share: 0.5 }] });
  const off = withQuotas({});

  test("nothing is written while nobody is limited; with the first limit, pending bits are counted from the records", async () => {
    const pool = await makePool({ policy: off });
    await value(pool.push("f:0", randomBytes(65_536)));
    const given = await value(encAs(pool, A, 10));
    await value(pool.dec(given.keyIds.slice(0, 4)));
    await value(encAs(pool, A2, 7));
    expect(await usage(pool)).toEqual([]);

    await pool.configure({ policy: on });
    await value(pool.dec(given.keyIds.slice(4, 5))); // what ends while counting begins counts no more
    expect(await usage(pool)).toEqual([
      { sae: A.sae, keys_today: 0, pending_bits: 5 * 256 },
      { sae: A2.sae, keys_today: 0, pending_bits: 7 * 256 },
    ]);
    await pool.configure({ policy: off });
    await value(encAs(pool, A));
    expect(await usage(pool)).toEqual([]);
    await pool.configure({ policy: on });
    await value(encAs(pool, A));
    expect(await usage(pool)).toMatchObject([{ keys_today: 1, pending_bits: 7 * 256 }, { pending_bits: 7 * 256 }]);
  });

  test("so many records that it takes several commits", async () => {
    const pool = await makePool({ policy: off });
    await value(pool.push("f:0", randomBytes(65_536)));
    const given = await value(encAs(pool, A, 2));
    const last = await value(encAs(pool, A2, 3));
    // Copies of the first record, between the two.
    await pool.sql("UPDATE key_record SET id = 5000 WHERE id = 2");
    await pool.sql(
      `WITH RECURSIVE n(id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < 4999)
       INSERT INTO key_record (id, nonce, state, master, master_node, recipients, keys, size_bytes, segments, left,
         imported, policy_version, expires_ms, hold_until_ms, announced)
       SELECT n.id, nonce, state, 'sae-x', master_node, recipients, keys, size_bytes, segments,
         left, imported, policy_version, expires_ms, hold_until_ms, announced FROM key_record, n WHERE key_record.id = 1`,
    );
    await pool.sql("UPDATE totals SET next_record = 5001");
    await pool.configure({ policy: on });
    await value(pool.dec(given.keyIds.slice(0, 1))); // counted already
    expect(last.keyIds).toHaveLength(3);
    await value(encAs(pool, A2)); // new, not to be counted twice
    await expect
      .poll(async () => await usage(pool), { timeout: 10_000 })
      .toEqual([
        { sae: A.sae, keys_today: 0, pending_bits: 256 },
        { sae: A2.sae, keys_today: 1, pending_bits: 4 * 256 },
        { sae: "sae-x", keys_today: 0, pending_bits: 4998 * 2 * 256 },
      ]);
  });

  test("begins anew where the ledger contradicts it", async () => {
    const pool = await makePool({ policy: on });
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(encAs(pool, A, 10));
    await pool.sql("UPDATE usage SET pending_bits = 256"); // as if a version that does not count had given the others out
    await pool.evict();
    await value(encAs(pool, A, 2));
    expect(await usage(pool)).toEqual([{ sae: A.sae, keys_today: 12, pending_bits: 12 * 256 }]);
  });
});

describe("a short pool", () => {
  const policy = { pool: { capacity_bytes: 1024 * 1024, high_bytes: 65_536, low_bytes: 65_536 } };

  test("is shared equally by those who ask, and a lone one gets all that is left", async () => {
    const pool = await makePool({ policy });
    await value(pool.push("f:0", randomBytes(8192)));
    const taken = new Map([A, A2, C].map(({ sae }) => [sae, 0]));
    const refused: unknown[] = [];
    for (let round = 0; round < 22; round++) {
      // The first one asks four times as often as the others.
      for (const who of [A, A, A2, A, A, C]) {
        const result = await pool.enc({ master: who.sae, principal: `sae:${who.sae}`, sizeBits: 1024 });
        if (result.ok) taken.set(who.sae, (taken.get(who.sae) ?? 0) + 1);
        else refused.push(result.error);
      }
    }
    // 64 keys; without this the first one would have 43. What was taken fades a little while a slow machine works.
    for (const keys of taken.values()) expect(Math.abs(keys - 64 / 3)).toBeLessThanOrEqual(4);
    expect(refused[0]).toEqual({ code: "not-enough-keys", message: "not enough keys available", retryAfterSeconds: 1 });
    expect((await pool.status()).ledgerBits.available).toBe(0);
    await expect
      .poll(async () => (await refusalsIn(pool))[0])
      .toMatchObject({ detail: { reason: "fair_share", refusals: 1 } });

    const lone = await makePool({ policy });
    await value(lone.push("f:0", randomBytes(4096)));
    const results = await Promise.all(Array.from({ length: 130 }, async () => await encAs(lone, A)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(128);
  });

  test("one that holds enough refuses nobody for another's sake", async () => {
    const pool = await makePool({ policy: { pool: { ...policy.pool, low_bytes: 4096 } } });
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(encAs(pool, A2));
    for (let i = 0; i < 15; i++) await value(encAs(pool, A, 100));
    expect(await refusalsIn(pool)).toEqual([]);
  });
});

describe("random histories", () => {
  const saes = fc.constantFrom(A, A2);
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("enc" as const),
        who: saes,
        count: fc.integer({ min: 1, max: 30 }),
        multicast: fc.boolean(),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("dec" as const), pick: fc.nat(), by: fc.constantFrom(B, C) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("void" as const), who: fc.constantFrom(A, A2, B, C) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom("evict" as const, "alarm" as const, "on" as const, "off" as const, "expire" as const),
      }),
    },
  );

  test(
    "whoever gives, takes, expires or voids: what masters hold adds up to what is pending, and no share is exceeded",
    { timeout: 120_000 },
    async () => {
      const share = 0.3;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const on = withQuotas({ quota: { pool_share: share } });
          const pool = await makePool({ policy: on });
          let limited = true;
          await value(pool.push("f:0", randomBytes(8192)));
          const given: { keyIds: readonly KeyId[]; master: typeof A.sae }[] = [];
          for (const next of steps) {
            const { available, pending } = (await pool.status()).ledgerBits;
            if (next.do === "enc") {
              const recipients = (next.multicast ? [B, C] : [B]).map(({ sae }) => ({ sae, node: pool.high }));
              const result = await pool.enc({ master: next.who.sae, count: next.count, recipients });
              if (result.ok) {
                given.push({ keyIds: result.value.keyIds, master: next.who.sae });
                const held = (await usage(pool)).find(({ sae }) => sae === next.who.sae)?.pending_bits ?? 0;
                if (limited) expect(held).toBeLessThanOrEqual(share * (available + pending));
              }
            } else if (next.do === "dec") {
              const batch = given[next.pick % Math.max(1, given.length)];
              if (batch === undefined) continue;
              await pool.dec(batch.keyIds.slice(0, 1 + (next.pick % 7)), { sae: next.by.sae, master: batch.master });
            } else if (next.do === "void") {
              await value(pool.stub.voidPending({ sae: next.who.sae, reason: "test", after: 0 }));
            } else if (next.do === "evict") await pool.evict();
            else if (next.do === "on" || next.do === "off") {
              limited = next.do === "on";
              await pool.configure({ policy: limited ? on : withQuotas({}) });
            } else {
              if (next.do === "expire") await pool.sql("UPDATE key_record SET expires_ms = 1 WHERE id % 2 = 0");
              if (next.do === "expire") await pool.evict();
              // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
              await runDurableObjectAlarm(pool.stub as any);
            }
            // A commit, so that a change of the policy is followed.
            await value(pool.stub.voidPending({ sae: "sae-nobody" as never, reason: "test", after: 0 }));
            await pool.enc({ count: 1, sizeBits: 8, recipients: [{ sae: B.sae, node: pool.high }] });
            const rows = await usage(pool);
            const { ledgerBits, conserved } = await pool.status();
            expect(conserved).toBe(true);
            if (!limited) expect(rows).toEqual([]);
            else expect(rows.reduce((sum, row) => sum + row.pending_bits, 0)).toBe(ledgerBits.pending);
          }
        }),
        { numRuns: 10 },
      );
    },
  );
});
