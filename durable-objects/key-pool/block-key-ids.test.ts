/** The hand-over of a device's key IDs from the end that has pushed a block to the end that has not. */
import { describe, expect, test } from "vitest";
import type { BlockId, KeyId, NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { code, makeLate, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";

const BYTES = 8192;
const uuids = (count: number): KeyId[] => Array.from({ length: count }, () => crypto.randomUUID() as KeyId);
const tell = async (pool: TestPool, keyIds: readonly KeyId[], node: NodeId = pool.low) =>
  await pool.stub.putKeyIds({
    configVersion: 0,
    principal: "agent:x",
    block: String(keyIds[0]) as BlockId,
    node,
    keyIds,
  });
const awaited = async (pool: TestPool, node: NodeId, after = 0, limit: number = LIMITS.awaitedBlocks) =>
  await value(pool.stub.awaitedBlocks({ configVersion: 0, principal: "agent:x", node, after, limit }));
const twoEnded = async () => await makePool({ feed: "two-ended" });

async function pushAndTell(pool: TestPool, keyIds = uuids(3)) {
  const bytes = randomBytes(BYTES);
  expect((await value(pool.push(String(keyIds[0]), bytes))).outcome).toBe("unmatched");
  expect(await value(tell(pool, keyIds))).toBe("awaits-twin");
  return { block: String(keyIds[0]), keyIds, bytes };
}

describe("a block whose key IDs were told", () => {
  test("is listed for the other end until that has pushed it", async () => {
    const pool = await twoEnded();
    const { block, keyIds, bytes } = await pushAndTell(pool);
    expect(await awaited(pool, pool.high)).toEqual({ blocks: [{ block, bits: BYTES * 8, keyIds }], next: null });
    expect((await awaited(pool, pool.low)).blocks).toEqual([]);
    await pool.evict();
    expect((await awaited(pool, pool.high)).blocks).toHaveLength(1);

    expect((await value(pool.push(block, bytes, pool.high))).outcome).toBe("ingested");
    expect((await awaited(pool, pool.high)).blocks).toEqual([]);
    expect(await value(tell(pool, keyIds))).toBe("settled");
    expect(await pool.sql("SELECT * FROM block_key_ids")).toEqual([]);
  });

  test("is told twice without harm, but not otherwise", async () => {
    const pool = await twoEnded();
    const { block, keyIds } = await pushAndTell(pool);
    expect(await value(tell(pool, keyIds))).toBe("awaits-twin");
    expect(await code(tell(pool, [block as KeyId, ...uuids(2)]))).toBe("conflict");
    expect(await code(tell(pool, keyIds.slice(0, 2)))).toBe("conflict");
    expect(await code(tell(pool, keyIds, pool.high))).toBe("conflict");
    expect((await awaited(pool, pool.high)).blocks).toMatchObject([{ keyIds }]);
  });

  test("is forgotten with the block that is given up", async () => {
    const pool = await twoEnded();
    const { keyIds } = await pushAndTell(pool);
    await makeLate(pool);
    expect((await awaited(pool, pool.high)).blocks).toEqual([]);
    expect(await pool.sql("SELECT * FROM block_key_ids")).toEqual([]);
    expect(await value(tell(pool, keyIds))).toBe("settled");
  });
});

test("a block that was never pushed has no key IDs; on a one-ended link nobody needs them", async () => {
  const pool = await twoEnded();
  expect(await code(tell(pool, uuids(1)))).toBe("not-found");
  const oneEnded = await makePool();
  const keyIds = uuids(2);
  expect((await value(oneEnded.push(String(keyIds[0]), randomBytes(BYTES)))).outcome).toBe("ingested");
  expect(await value(tell(oneEnded, keyIds))).toBe("settled");
});

test("pages are bounded in blocks and in key IDs, and lead to every block once, oldest first", async () => {
  const pool = await twoEnded();
  const told: string[] = [];
  for (let i = 0; i < 6; i++) told.push((await pushAndTell(pool, uuids(LIMITS.keysPerRequest))).block);
  const first = await awaited(pool, pool.high);
  expect(first.blocks.length * LIMITS.keysPerRequest).toBe(LIMITS.awaitedKeyIds);
  const rest = await awaited(pool, pool.high, first.next ?? 0);
  expect(rest.next).toBeNull();
  expect([...first.blocks, ...rest.blocks].map(({ block }) => block)).toEqual(told);

  const listed: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page = await awaited(pool, pool.high, after, 1);
    expect(page.blocks.length).toBeLessThanOrEqual(1);
    listed.push(...page.blocks.map(({ block }) => block));
    after = page.next;
  }
  expect(listed).toEqual(told);
});
