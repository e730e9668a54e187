/** Works of one group commit that make the supply look at the table again, where others took bits just before. */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { A, B, keysOf, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import type { KeyPool } from "./key-pool.ts";

/** Calls made within the object, one right after the other, share a commit. */
const within = async <T>(pool: TestPool, work: (object: KeyPool) => Promise<T>): Promise<T> =>
  await runInDurableObject(pool.stub as unknown as DurableObjectStub<KeyPool>, work);

const enc = async (pool: TestPool, object: KeyPool) =>
  await value(
    object.encKeys({
      configVersion: 0,
      principal: "sae:sae-a",
      master: A.sae,
      masterNode: pool.low,
      recipients: [{ sae: B.sae, node: pool.high }],
      count: 10,
      sizeBits: 256,
    }),
  );

/** Starts the calls so that each has queued its work before the next one begins, all before the commit. */
async function inOrder(...calls: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const started: Promise<unknown>[] = [];
  for (const call of calls) {
    started.push(call());
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }
  return await Promise.all(started);
}

test("a loan between two requests of one commit gives no bit twice", async () => {
  const pool = await makePool({ shards: 2 });
  await value(pool.push("f:0", randomBytes(65_536)));
  await value(pool.enc());
  const [first, , second] = (await within(pool, async (object) =>
    inOrder(
      () => enc(pool, object),
      () => value(object.lendUnits({ transfer: crypto.randomUUID(), units: 2 })),
      () => enc(pool, object),
    ),
  )) as KeyGrant[];
  expect(new Set([...keysOf(first!), ...keysOf(second!)]).size).toBe(20);
});

test("nor does a block whose twin comes between them", async () => {
  const pool = await makePool({ feed: "two-ended" });
  const [a, b] = [randomBytes(8192), randomBytes(8192)];
  await value(pool.push("a", a));
  await value(pool.push("a", a, pool.high));
  await value(pool.push("b", b));
  await value(pool.enc());
  const [first, , second] = (await within(pool, async (object) =>
    inOrder(
      () => enc(pool, object),
      () =>
        value(
          object.ingest({ configVersion: 0, principal: "agent:x", block: "b" as never, node: pool.high, bytes: b }),
        ),
      () => enc(pool, object),
    ),
  )) as KeyGrant[];
  expect(new Set([...keysOf(first!), ...keysOf(second!)]).size).toBe(20);
});
