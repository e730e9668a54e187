/** Several calls in one message: each as if it had come alone, and none waits for another. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
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
import { expandGrant, type KeyIdRun, packRuns } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, EncKeysCall, KeyGrant, PoolCall } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { KeyPool } from "./key-pool.ts";
import { expanded } from "./read-keys.ts";

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
const decCall = (keyIds: readonly KeyIdRun[], more: Partial<DecKeysCall> = {}): DecKeysCall<KeyIdRun> => ({
  configVersion: 0,
  principal: "sae:sae-b",
  sae: B.sae,
  master: A.sae,
  keyIds,
  ...more,
});
const serve = async (pool: TestPool, ...calls: readonly PoolCall[]): Promise<readonly Result<KeyGrant, Fault>[]> =>
  (await value(pool.stub.serveAll(calls))).map(expanded);
const joined = (keys: readonly Uint8Array[]): Uint8Array => Uint8Array.from(keys.flatMap((key) => [...key]));
const codesOf = (results: readonly Result<unknown, Fault>[]): string[] =>
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

test("IDs of one record travel as one text, in whatever order, and some of them alone", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const [made] = await value(pool.stub.serveAll([{ enc: encCall(pool, { count: 5 }) }]));
  const grant = made?.ok === true ? made.value : undefined;
  expect([grant?.keyIds.length, grant?.sizesBytes, grant?.bytes.length]).toEqual([1, [32], 160]);
  const { keyIds, bytes } = expandGrant(grant!);
  const picked = [3, 0, 4].map((index) => keyIds[index]!);
  const [fetched, again, rest] = await serve(
    pool,
    { dec: decCall(packRuns(picked)) },
    { dec: decCall(packRuns([keyIds[1]!, keyIds[0]!])) },
    { dec: decCall([keyIds[1]!, keyIds[2]!]) },
  );
  expect(codesOf([again!])).toEqual(["key-not-found"]);
  const key = (index: number) => bytes.slice(32 * index, 32 * (index + 1));
  expect(fetched).toEqual(ok({ keyIds: picked, sizesBytes: [32, 32, 32], bytes: joined([3, 0, 4].map(key)) }));
  expect(rest).toEqual(ok({ keyIds: keyIds.slice(1, 3), sizesBytes: [32, 32], bytes: joined([1, 2].map(key)) }));
});

test("keys of one record whose IDs do not stand side by side are all taken, though the record is not in memory", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const [first, second] = [await value(pool.enc({ count: 3 })), await value(pool.enc({ count: 1 }))];
  await evictDurableObject(pool.stub as unknown as DurableObjectStub);
  const asked = [first.keyIds[0]!, second.keyIds[0]!, first.keyIds[2]!];
  expect(codesOf(await serve(pool, { dec: decCall(asked) }))).toEqual(["ok"]);
  const again = first.keyIds.map((keyId) => ({ dec: decCall([keyId]) }));
  expect(codesOf(await serve(pool, ...again))).toEqual(["key-not-found", "ok", "key-not-found"]);
  const { ledgerBits, conserved } = await value(pool.stub.status({ configVersion: 0, principal: "x" }));
  expect([ledgerBits.pending, ledgerBits.delivered, conserved]).toEqual([0, 4 * 256, true]);
});

test("a key that its record does not have poisons a run as any other does, and a foreign one comes first", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const { keyIds } = await value(pool.enc({ count: 2 }));
  const first = keyIds[0]!;
  const tails = new Set(keyIds.map((id) => id.slice(-4)));
  const none = ["0000", "0001", "0002"].find((tail) => !tails.has(tail))!;
  const foreign = { sae: C.sae, principal: "sae:sae-c" };
  const mixed = [(first + none) as KeyIdRun];
  const nothing = [(first.slice(0, -4) + none) as KeyIdRun];
  const results = await serve(
    pool,
    { dec: decCall(mixed) },
    { dec: decCall(mixed, foreign) },
    { dec: decCall(nothing, foreign) },
    { dec: decCall(keyIds) },
  );
  expect(codesOf(results)).toEqual(["key-not-found", "unauthorised", "key-not-found", "ok"]);
});

test("a defect that one meets takes no answer from the others", async () => {
  const pool = await makePool();
  await value(pool.push("f:0", randomBytes(65_536)));
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const codes = await runInDurableObject(pool.stub as unknown as DurableObjectStub<KeyPool>, async (object) => {
    const calls = [
      {
        enc: {
          ...encCall(pool),
          get recipients(): never {
            throw new Error("a defect");
          },
        },
      },
      { enc: encCall(pool) },
    ];
    return codesOf(await value(object.serveAll(calls)));
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
