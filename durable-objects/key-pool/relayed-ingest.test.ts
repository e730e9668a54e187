/** Blocks of relayed key: pushed by both ends, compared, remembered with their way, and cut within a bound on hops. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  auditOf,
  B,
  code,
  keysOf,
  makePool,
  randomBytes,
  type TestPool,
  value,
} from "../../test/support/in-workerd-pool.ts";
import { makeHalves } from "../../test/support/in-workerd-halves.ts";
import {
  FakeNode,
  makeRelayed,
  newRelay,
  pathOf,
  pushRelayed,
  relayInto,
} from "../../test/support/in-workerd-relayed.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const runAlarm = async ({ stub }: TestPool): Promise<boolean> => await runDurableObjectAlarm(stub as any);
const ways = async (pool: TestPool) => await pool.sql<{ hops: number }>("SELECT hops FROM block_relay ORDER BY block");

/** What is not zero of the ledger. */
async function books(pool: TestPool): Promise<object> {
  const { ledgerBits, conserved } = await pool.status();
  expect(conserved).toBe(true);
  return Object.fromEntries(Object.entries(ledgerBits).filter(([, bits]) => bits !== 0));
}

describe("a relayed block", () => {
  test("is unmatched until the other end has pushed the same, and then keys are cut from it", async () => {
    const pool = await makeRelayed();
    await FakeNode.of(pool);
    const relayed = newRelay(pathOf(pool, 3));
    const bytes = randomBytes(10_000);
    const first = await value(pushRelayed(pool, relayed, { node: pool.high, bytes }));
    expect(first).toMatchObject({ outcome: "unmatched", bits: 80_000 });
    expect(await books(pool)).toEqual({ unmatched: 80_000 });
    expect(await value(pushRelayed(pool, relayed, { node: pool.low, bytes }))).toMatchObject({ outcome: "ingested" });
    expect(await books(pool)).toEqual({ available: 80_000 });
    const grant = await value(pool.enc({ count: 100, sizeBits: 512 }));
    expect(keysOf(grant).join("")).toBe(bytes.slice(0, 6400).toHex());
    expect(keysOf(await value(pool.dec(grant.keyIds)))).toEqual(keysOf(grant));
  });

  test("comes in though it is as short as one key, and is not tested again for what cannot be seen in so little", async () => {
    const pool = await makeRelayed();
    const relayed = newRelay(pathOf(pool, 2));
    // No test would pass this one.
    const bytes = new Uint8Array(32);
    await value(pushRelayed(pool, relayed, { node: pool.low, bytes }));
    expect(await value(pushRelayed(pool, relayed, { node: pool.high, bytes }))).toMatchObject({ outcome: "ingested" });
    expect((await pool.status()).health).toMatchObject({ blocks: 1, quarantinedBlocks: 0, last: null });
  });

  test("is quarantined for ever where its ends differ, with an alarm that names the way", async () => {
    const pool = await makeRelayed();
    const path = pathOf(pool, 3);
    const relayed = newRelay(path);
    const bytes = randomBytes(4096);
    await value(pushRelayed(pool, relayed, { node: pool.high, bytes }));
    const other = bytes.map((byte, at) => (at === 4095 ? byte ^ 1 : byte));
    expect(await value(pushRelayed(pool, relayed, { node: pool.low, bytes: other }))).toMatchObject({
      outcome: "quarantined",
      reason: "twin-mismatch",
    });
    expect(await books(pool)).toEqual({ quarantined: 32_768 });
    const { alarms, relay } = await pool.status();
    expect(alarms).toMatchObject([{ code: "twin-mismatch", subject: path.join(" > ") }]);
    expect(relay).toMatchObject({ hops: null, lastPaths: [] });
  });

  test("is refused by the second end where that tells of another way; told right, it comes in", async () => {
    const pool = await makeRelayed();
    const relayed = newRelay(pathOf(pool, 3));
    const bytes = randomBytes(64);
    await value(pushRelayed(pool, relayed, { node: pool.high, bytes }));
    const liar = { ...relayed, paths: [pathOf(pool, 2)] };
    expect(await code(pushRelayed(pool, liar, { node: pool.low, bytes }))).toBe("conflict");
    expect(await value(pushRelayed(pool, relayed, { node: pool.low, bytes }))).toMatchObject({ outcome: "ingested" });
  });

  test("is known again, under its own id and by its bytes under another", async () => {
    const pool = await makeRelayed();
    const relayed = newRelay(pathOf(pool, 2));
    const bytes = randomBytes(64);
    for (const node of [pool.low, pool.high]) await value(pushRelayed(pool, relayed, { node, bytes }));
    const again = async (change: object, by = bytes) =>
      await pushRelayed(pool, { ...relayed, ...change }, { node: pool.low, bytes: by });
    expect(await value(again({}))).toMatchObject({ outcome: "already-ingested" });
    expect(await code(again({}, randomBytes(64)))).toBe("conflict");
    expect(await value(again({ relay: crypto.randomUUID() }))).toMatchObject({ reason: "duplicate-material" });
  });

  test("is all that its pool takes in, and no other pool takes it", async () => {
    const pool = await makeRelayed();
    expect(await code(pool.push("f:0", randomBytes(4096)))).toBe("bad-request");
    const link = await makePool({ feed: "two-ended" });
    const push = pushRelayed(link, newRelay(pathOf(link, 2)), { node: link.low, bytes: randomBytes(32), shard: 0 });
    expect(await code(push)).toBe("bad-request");
    const gone = await makeRelayed({ state: "gone" });
    expect(await code(pushRelayed(gone, newRelay(pathOf(gone, 2)), { node: gone.low, bytes: randomBytes(32) }))).toBe(
      "not-found",
    );
    expect(await books(gone)).toEqual({});
  });

  test("is audited with its hops and the nodes on its way", async () => {
    const pool = await makeRelayed();
    await relayInto(pool, { bytes: 64, hops: 4 });
    await expect
      .poll(async () => (await auditOf(pool)).filter(({ act }) => act === "block.ingested").map(({ detail }) => detail))
      .toMatchObject([{ hops: 4, paths: pathOf(pool, 4).join(" > ") }]);
  });

  test("is not held up by the rate at which a principal may ask: it has cost its links all it can", async () => {
    const pool = await makeRelayed({ policy: { rate_limit: { requests_per_s: 1, burst: 1 } } });
    for (let i = 0; i < 3; i++) expect(await relayInto(pool, { bytes: 32 })).toMatchObject({ outcome: "ingested" });
  });

  test("is given up after a minute where the other end never pushes its own: its room is needed", async () => {
    const pool = await makeRelayed({ policy: { unmatched_ttl_s: 3600 } });
    for (const ageMs of [LIMITS.relayLoneMs, 0]) {
      const bytes = randomBytes(2 * LIMITS.unitBytes);
      await value(pushRelayed(pool, newRelay(pathOf(pool, 2)), { node: pool.high, bytes }));
      await pool.sql("UPDATE block SET at_ms = at_ms - ?", ageMs);
    }
    await pool.evict(); // what it holds in memory is older
    await expect
      .poll(async () => (await runAlarm(pool), await books(pool)))
      .toEqual({
        expired: 16 * LIMITS.unitBytes,
        unmatched: 16 * LIMITS.unitBytes,
      });
    expect((await pool.status()).alarms).toMatchObject([{ code: "twin-missing", subject: pool.low, count: 1 }]);
  });
});

test("in a pool of two halves each half takes its own end's block: the twin is pushed to the other", async () => {
  const { low, high, push, settle } = makeHalves({ source: "relay", link: null, feed: "two-ended", health: "accept" });
  await push("relay:x", randomBytes(2 * LIMITS.unitBytes));
  await settle();
  const grant = await value(low.enc({ count: 4 }));
  expect(keysOf(await value(high.dec(grant.keyIds)))).toEqual(keysOf(grant));
});

describe("the way of a block", () => {
  test("is remembered while a unit of it is there, and told by status", async () => {
    const pool = await makeRelayed({ policy: { pool: { capacity_bytes: 65_536, high_bytes: 0, low_bytes: 0 } } });
    await relayInto(pool, { bytes: 4096 + 64, hops: 2 });
    await relayInto(pool, { bytes: 64, hops: 5 });
    expect((await pool.status()).relay).toMatchObject({
      hops: { min: 2, max: 5 },
      lastPaths: [pathOf(pool, 5)],
    });
    const grant = await value(pool.enc({ count: 65, sizeBits: 512 }));
    expect(await ways(pool)).toEqual([{ hops: 2 }, { hops: 5 }]);
    await value(pool.dec(grant.keyIds.slice(0, 64)));
    expect(await ways(pool)).toEqual([{ hops: 2 }, { hops: 5 }]);
    await value(pool.dec(grant.keyIds.slice(64)));
    expect(await ways(pool)).toEqual([{ hops: 5 }]);
  });

  test("goes with a block that is given up", async () => {
    const pool = await makeRelayed();
    const relayed = newRelay(pathOf(pool, 2));
    await value(pushRelayed(pool, relayed, { node: pool.high, bytes: randomBytes(5000) }));
    expect(await ways(pool)).toHaveLength(1);
    await pool.sql("UPDATE block SET at_ms = at_ms - 3600001");
    await pool.evict();
    await value(pool.stub.refresh(0));
    await runAlarm(pool);
    expect(await books(pool)).toEqual({ expired: 40_000 });
    expect(await ways(pool)).toEqual([]);
  });

  test("may be in shares over several, of which the longest counts", async () => {
    const shard = relayShardOf(2);
    const pool = await makeRelayed({ at: shard });
    const [low, high] = [pool.low, pool.high];
    const paths = [
      [low, "x" as NodeId, high],
      [low, "y" as NodeId, "z" as NodeId, high],
    ];
    const bytes = randomBytes(64);
    const one = newRelay(paths[0]!);
    expect(await code(pushRelayed(pool, one, { node: low, bytes, shard }))).toBe("bad-request");
    const both = newRelay(...paths);
    for (const node of [low, high]) await value(pushRelayed(pool, both, { node, bytes, shard }));
    expect((await pool.status()).relay).toMatchObject({ hops: { min: 3, max: 3 }, lastPaths: paths });
  });
});

/** Of the key that waits to be fetched. */
async function hopsCut(pool: TestPool): Promise<number[]> {
  const sql = "SELECT DISTINCT r.hops FROM unit u JOIN block_relay r ON r.block = u.block WHERE refs > 0";
  return (await pool.sql<{ hops: number }>(sql)).map(({ hops }) => hops);
}

describe("a bound on hops", () => {
  const NO_KEEPING = { pool: { capacity_bytes: 1024 * 1024, high_bytes: 0, low_bytes: 0 } };

  test("leaves out what came over more, and takes nothing of that", async () => {
    const pool = await makeRelayed({ policy: NO_KEEPING });
    const node = await FakeNode.of(pool);
    await relayInto(pool, { bytes: 8192, hops: 4 });
    await relayInto(pool, { bytes: 8192, hops: 2 });
    const near = await value(pool.enc({ count: 128, sizeBits: 512, maxHops: 2 }));
    expect(await hopsCut(pool)).toEqual([2]);
    const far = await value(pool.enc({ count: 128, sizeBits: 512 }));
    expect(node.calls).toEqual([]);
    expect(new Set([...keysOf(near), ...keysOf(far)]).size).toBe(256);
    expect(await books(pool)).toEqual({ pending: 131_072 });
    expect(keysOf(await value(pool.dec([...near.keyIds, ...far.keyIds])))).toEqual([...keysOf(near), ...keysOf(far)]);
  });

  test("has key brought over as few, where too little is there", async () => {
    const pool = await makeRelayed({ policy: NO_KEEPING });
    const node = await FakeNode.of(pool);
    await relayInto(pool, { bytes: 8192, hops: 4 });
    await value(pool.enc({ maxHops: 3 }));
    expect(node.urgent).toMatchObject([{ bytes: 32, maxHops: 3 }]);
    expect(await books(pool)).toEqual({ available: 65_536, pending: 256 });
  });

  test("is looked at in many small blocks, too", async () => {
    const pool = await makeRelayed({ policy: NO_KEEPING });
    await FakeNode.of(pool);
    for (let i = 0; i < 12; i++) await relayInto(pool, { bytes: 32, hops: i % 2 === 0 ? 2 : 5 });
    const grant = await value(pool.enc({ count: 6, maxHops: 2 }));
    expect(await hopsCut(pool)).toEqual([2]);
    expect(new Set(keysOf(grant)).size).toBe(6);
  });

  test("leaves link material and what a node makes itself alone, unless it is lower still", async () => {
    const link = await makePool();
    await value(link.push("f:0", randomBytes(LIMITS.fileBlockBytes)));
    expect((await value(link.enc({ maxHops: 1 }))).keyIds).toHaveLength(1);
    expect(await code(link.enc({ maxHops: 0 }))).toBe("no-path");
    const local = await makePool({ one: "n-alone" as NodeId });
    const recipients = [{ sae: B.sae, node: local.low }];
    expect((await value(local.enc({ recipients, maxHops: 0 }))).keyIds).toHaveLength(1);
  });
});
