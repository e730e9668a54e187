/** Several calls in one message: each as if it had come alone, and none waits for another. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import {
  A,
  A2,
  B,
  C,
  code,
  keysOf,
  makePool,
  randomBytes,
  type TestPool,
  value,
} from "../../test/support/in-workerd-pool.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId } from "../../shared/ids.ts";
import type { DecKeysCall, EncKeysCall, KeyGrant, PoolCall } from "../../shared/keypool/types.ts";
import type { Result } from "../../shared/result.ts";
import type { KeyPool } from "./key-pool.ts";

const encCall = (pool: TestPool, more: Partial<EncKeysCall> = {}): EncKeysCall => ({
  configVersion: 0,
  principal: "sae:sae-a",
  master: A.sae,
  masterNode: pool.low,
  recipients: [{ sae: B.sae, node: pool.high }],
  count: 1,
  sizeBits: 256,
  ...more,
});
const decCall = (keyIds: KeyGrant["keyIds"], more: Partial<DecKeysCall> = {}): DecKeysCall => ({
  configVersion: 0,
  principal: "sae:sae-b",
  sae: B.sae,
  master: A.sae,
  keyIds,
  ...more,
});
const serve = async (pool: TestPool, ...calls: readonly PoolCall[]): Promise<readonly Result<KeyGrant, Fault>[]> =>
  await value(pool.stub.serveAll(calls));
const codesOf = (results: readonly Result<KeyGrant, Fault>[]): string[] =>
  results.map((result) => (result.ok ? "ok" : result.error.code));

test("one commit, and each call has its own answer, in order", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const first = await value(pool.enc({ count: 2 }));
  const results = await serve(
    pool,
    { enc: encCall(pool, { count: 3 }) },
    { dec: decCall(first.keyIds, { sae: C.sae, principal: "sae:sae-c" }) },
    { dec: decCall(first.keyIds) },
    { dec: decCall(first.keyIds) },
    { enc: encCall(pool) },
  );
  expect(codesOf(results)).toEqual(["ok", "unauthorised", "ok", "key-not-found", "ok"]);
  const [made, , fetched, , other] = results.map((result) => (result.ok ? keysOf(result.value) : []));
  expect(fetched).toEqual(keysOf(first));
  expect(new Set([...made!, ...fetched!, ...other!]).size).toBe(6);
});

test("a defect that one meets takes no answer from the others", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const codes = await runInDurableObject(pool.stub as unknown as DurableObjectStub<KeyPool>, async (object) => {
    const enc = vi.spyOn(object, "encKeys").mockRejectedValueOnce(new Error("a defect"));
    const calls = [{ enc: encCall(pool) }, { enc: encCall(pool) }];
    const served = await value(object.serveAll(calls));
    enc.mockRestore();
    return codesOf(served);
  });
  expect([codes, log.mock.calls.length]).toEqual([["unavailable", "ok"], 1]);
  log.mockRestore();
});

describe("what would have to wait", () => {
  test("for a sibling's material: told so at once, served when it comes again", async () => {
    const pool = await makePool({ shards: 2 });
    await value(
      pool.shard(1).ingest({
        configVersion: 0,
        principal: "agent:x",
        block: "f:0" as BlockId,
        node: pool.low,
        bytes: randomBytes(65_536),
      }),
    );
    const before = await pool.status();
    expect(codesOf(await serve(pool, { enc: encCall(pool, { waits: false }) }))).toEqual(["on-its-way"]);
    expect(await pool.status()).toEqual(before);
    expect((await value(pool.enc({ waits: true }))).keyIds).toHaveLength(1);
  });

  test("for nothing, as there is nobody to ask: told so at once, for good", async () => {
    const pool = await makePool();
    expect(codesOf(await serve(pool, { enc: encCall(pool, { waits: false }) }))).toEqual(["not-enough-keys"]);
  });

  test("for other pools: told so before one of them is asked", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(65_536)));
    const recipients = [
      { sae: B.sae, node: pool.high },
      { sae: A2.sae, node: pool.low },
    ];
    const before = await pool.status();
    expect(codesOf(await serve(pool, { enc: encCall(pool, { recipients, waits: false }) }))).toEqual(["on-its-way"]);
    expect(await pool.status()).toEqual(before);
  });

  test("for a key that is being made: told so at once, and later that it never came", async () => {
    const pool = await makePool({ policy: { dec_wait_ms: 0 } });
    await value(pool.push("f:0", randomBytes(65_536)));
    const { keyIds } = await value(pool.enc());
    await pool.sql("UPDATE key_record SET state = 'reserved'");
    await pool.evict();
    expect(codesOf(await serve(pool, { dec: decCall(keyIds, { waits: false }) }))).toEqual(["on-its-way"]);
    expect(await code(pool.dec(keyIds, { waits: true }))).toBe("key-not-found");
  });
});

test("a call that comes again has had its token of the rate limit", async () => {
  const pool = await makePool({ shards: 2, policy: { rate_limit: { requests_per_s: 1, burst: 2 } } });
  await value(pool.push("f:0", randomBytes(8192)));
  const waits = { waits: false };
  expect(codesOf(await serve(pool, { enc: encCall(pool, waits) }, { enc: encCall(pool, waits) }))).toEqual([
    "ok",
    "ok",
  ]);
  expect((await value(pool.enc({ waits: true }))).keyIds).toHaveLength(1);
  const [limited] = await serve(pool, { enc: encCall(pool, waits) });
  expect(limited).toMatchObject({ ok: false, error: { code: "rate-limited", retryAfterSeconds: 1 } });
});
