/**
 * Pads of relays: drawn by one node of a link, taken by the other, each by itself. How much they may take:
 * relay-link.test.ts. Out of runs: hop-runs.test.ts.
 */
import { createHmac } from "node:crypto";
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { fromHex } from "../../shared/bytes/hex.ts";
import type { NodeId, PairName, SaeId } from "../../shared/ids.ts";
import { MASK_BYTES } from "../../shared/keypool/key-id.ts";
import { expandRuns, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LinkDraw, RelayId, RelayTerms } from "../../shared/relay/types.ts";
import { auditOf, code, hex, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import {
  booksOf,
  down,
  draw,
  drawCall,
  type Ends,
  hop,
  hopsOf,
  makeLink,
  relayPolicy,
  take,
  termsOver,
  up,
} from "../../test/support/in-workerd-relay.ts";

const BITS = 64 * 1024 * 8;
/** Too large for a run: such a draw has a record of its own. And small enough. */
const ALONE_BYTES = LIMITS.hopRunDrawBytes;
const ALONE_BITS = (ALONE_BYTES + 32) * 8;
const SMALL_BYTES = 32;
const RUN_BITS = LIMITS.unitBytes * 8;
const alone = (ends: Ends, changes: Partial<RelayTerms> = {}) => termsOver(ends, { bytes: ALONE_BYTES, ...changes });
const SIZES = [
  [SMALL_BYTES, { reserved: RUN_BITS }],
  [ALONE_BYTES, { pending: ALONE_BITS }],
] as const;
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const runAlarm = async ({ stub }: TestPool): Promise<boolean> => await runDurableObjectAlarm(stub as any);

const told = async (pool: TestPool) =>
  (await auditOf(pool))
    .filter(({ act }) => act === "relay.pads")
    .map(({ who, detail: { pair, relays, bits } }) => ({ who, pair, relays, bits }));

describe("a hop's bits", () => {
  test("are the same at both nodes, spent as pad and tag, and gone", async () => {
    const pool = await makeLink();
    const terms = alone(up(pool));
    const drawn = await value(draw(pool, up(pool), terms));
    expect(drawn.bytes).toHaveLength(ALONE_BYTES + 32);
    expect(await booksOf(pool)).toEqual({ available: BITS - ALONE_BITS, pending: ALONE_BITS });
    expect(await value(take(pool, up(pool), terms, drawn.draw))).toEqual(drawn.bytes);
    expect(await booksOf(pool)).toEqual({ available: BITS - ALONE_BITS, pad: ALONE_BYTES * 8, tag: 256 });
    expect(await pool.sql("SELECT * FROM key_record")).toEqual([]);
    expect(await code(take(pool, up(pool), terms, drawn.draw))).toBe("key-not-found");
  });

  test.each([
    ["push", {}],
    ["bb84", { simulated: true }],
    ["fake", { simulated: true }],
  ] as const)("of a link whose source is %s are marked as what they are", async (source, mark) => {
    const pool = await makeLink(65_536, { source });
    const { draw: drawn } = await value(draw(pool, up(pool), termsOver(up(pool), { bytes: 100 })));
    expect(drawn).toEqual({ shard: 0, record: expect.any(Number), nonce: expect.any(String), ...mark });
  });

  test("are others for each draw, though both nodes draw at once and keys are cut between", async () => {
    const pool = await makeLink();
    const seen = new Set<string>();
    const both = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? up(pool) : down(pool)));
    const [bytes, keys] = await Promise.all([
      Promise.all(both.map(async (ends) => await hop(pool, ends))),
      Promise.all(both.map(async () => await value(pool.enc({ count: 2 })))),
    ]);
    for (const each of bytes) for (let at = 0; at < 64; at += 32) seen.add(hex(each.slice(at, at + 32)));
    for (const grant of keys) for (let at = 0; at < 64; at += 32) seen.add(hex(grant.bytes.slice(at, at + 32)));
    expect(seen.size).toBe(80);
    expect(await booksOf(pool)).toMatchObject({ pad: 20 * 256, tag: 20 * 256, pending: 20 * 512 });
  });

  test("are there after an eviction", async () => {
    const pool = await makeLink();
    const terms = termsOver(down(pool), { bytes: 5000 });
    const drawn = await value(draw(pool, down(pool), terms));
    await pool.evict();
    expect(await value(take(pool, down(pool), terms, drawn.draw))).toEqual(drawn.bytes);
  });

  test.each(SIZES)("nobody takes but the other node, for the same relay: %i bytes", async (bytes, books) => {
    const pool = await makeLink();
    const ends = up(pool);
    const terms = termsOver(ends, { bytes });
    const { draw: drawn } = await value(draw(pool, ends, terms));
    const as = async (node: NodeId, changes: Partial<RelayTerms>, of: Partial<LinkDraw> = {}) =>
      await code(hopsOf(pool).takeHop({ ...drawCall(node, { ...terms, ...changes }), draw: { ...drawn, ...of } }));
    // Its own, back: the path would have to lead there.
    expect(await as(pool.low, {})).toBe("bad-request");
    expect(await as(pool.low, { path: [pool.high, pool.low, "n-3" as NodeId] })).toBe("bad-request");
    expect(await as("n-3" as NodeId, {})).toBe("forbidden");
    expect(await as(pool.high, { relay: crypto.randomUUID() as RelayId })).toBe("key-not-found");
    expect(await as(pool.high, { shard: terms.shard + 1, share: [0, 2] })).toBe("key-not-found");
    expect(await as(pool.high, { bytes: bytes - 1 })).toBe("key-not-found");
    const other = { pair: `${pool.low}|n-5` as PairName, path: [pool.low, pool.high, "n-5" as NodeId] };
    expect(await as(pool.high, other)).toBe("key-not-found");
    const nonce = fromHex(drawn.nonce) ?? new Uint8Array();
    expect(await as(pool.high, {}, { nonce: hex(nonce.map((byte, at) => (at === 0 ? byte ^ 1 : byte))) })).toBe(
      "key-not-found",
    );
    for (const of of [{ nonce: "" }, { nonce: "xy" }, { record: drawn.record + 1 }, { record: 0.5 }, { shard: 1 }]) {
      expect(await as(pool.high, {}, of)).toBe("key-not-found");
    }
    expect(await booksOf(pool)).toMatchObject(books);
    await value(take(pool, ends, terms, drawn));
  });

  test("are not another draw's, in whose record's place its own would lie", async () => {
    const pool = await makeLink();
    const terms = alone(up(pool));
    const [first, second] = [await value(draw(pool, up(pool), terms)), await value(draw(pool, up(pool), terms))];
    const mixed = { ...first.draw, record: second.draw.record };
    expect(await code(take(pool, up(pool), terms, mixed))).toBe("key-not-found");
    expect(await value(take(pool, up(pool), terms, second.draw))).toEqual(second.bytes);
    expect(await value(take(pool, up(pool), terms, first.draw))).toEqual(first.bytes);
  });
});

describe("what was drawn is nobody's key", () => {
  test.each(SIZES)("no key ID finds it: %i bytes", async (bytes, books) => {
    const pool = await makeLink();
    const { draw: drawn } = await value(draw(pool, up(pool), termsOver(up(pool), { bytes })));
    const [secret] = await pool.sql<{ value: ArrayBuffer }>("SELECT value FROM setting WHERE name = 'key-id-secret'");
    const nonce = fromHex(drawn.nonce) ?? new Uint8Array();
    const mask = createHmac("sha256", new Uint8Array(secret?.value ?? new ArrayBuffer()))
      .update(nonce)
      .digest()
      .subarray(0, MASK_BYTES);
    const keyIds = expandRuns([writeKeyIds(nonce, mask, drawn.record, 1)]);
    const nobody = "" as SaeId;
    expect(await code(pool.dec(keyIds, { sae: nobody, master: nobody }))).toBe("key-not-found");
    expect(await code(pool.dec(keyIds))).toBe("key-not-found");
    expect(await booksOf(pool)).toMatchObject(books);
  });

  test("it counts for no SAE, nor as a key that waits", async () => {
    const pool = await makeLink(undefined, { policy: { quota: { pool_share: 0.02 } } });
    await value(pool.enc());
    for (let draws = 0; draws < 20; draws++) await value(draw(pool, up(pool), alone(up(pool))));
    expect(await pool.sql("SELECT sae, pending_bits FROM usage WHERE sae != ''")).toEqual([
      { sae: "sae-a", pending_bits: 256 },
    ]);
    await pool.evict();
    await value(pool.enc({ count: 30 }));
    expect(await code(pool.enc({ count: 30 }))).toBe("over-quota"); // its own quota
    expect((await value(pool.stub.countPending({ sae: null, after: 0 }))).keys).toBe(31);
  });
});

describe("what is not taken", () => {
  test("runs out, and is told of", async () => {
    const pool = await makeLink();
    const terms = alone(up(pool));
    const { draw: drawn } = await value(draw(pool, up(pool), terms));
    await pool.sql("UPDATE key_record SET expires_ms = ?", Date.now() - 1);
    await pool.evict();
    expect(await code(take(pool, up(pool), terms, drawn))).toBe("key-not-found");
    await runAlarm(pool);
    expect(await booksOf(pool)).toEqual({ available: BITS - ALONE_BITS, expired: ALONE_BITS });
    await expect
      .poll(async () => (await auditOf(pool)).filter(({ act }) => act === "relay.expired").map(({ detail }) => detail))
      .toEqual([{ draws: 1, pool: pool.pair }]);
    expect((await auditOf(pool)).filter(({ act }) => act === "keys.expired")).toEqual([]);
  });

  test.each(SIZES)("is void with everything else: %i bytes", async (bytes, books) => {
    const pool = await makeLink();
    const terms = termsOver(up(pool), { bytes });
    const { draw: drawn } = await value(draw(pool, up(pool), terms));
    await value(pool.enc());
    // Another SAE's keys go: pads stay.
    await value(pool.stub.voidPending({ sae: "sae-a" as SaeId, after: 0, reason: "removed" }));
    expect(await booksOf(pool)).toMatchObject({ ...books, voided: 256 });
    const { keys } = await value(pool.stub.voidPending({ sae: null, after: 0, reason: "removed" }));
    expect(keys).toBe(0);
    expect(await code(take(pool, up(pool), terms, drawn))).toBe("key-not-found");
    const [waited] = Object.values(books);
    expect(await booksOf(pool)).toMatchObject({ voided: 256 + (waited ?? 0) });
    expect(Object.keys(await booksOf(pool))).not.toContain(Object.keys(books)[0]);
  });
});

describe("nothing is drawn", () => {
  test("by a node of no such link, for another path, or for a relay out of its bounds", async () => {
    const pool = await makeLink();
    const ends = up(pool);
    const refused = async (changes: Partial<RelayTerms>, node = pool.low) =>
      await code(hopsOf(pool).drawHop(drawCall(node, termsOver(ends, changes))));
    expect(await refused({}, "n-3" as NodeId)).toBe("forbidden");
    expect(await refused({}, pool.high)).toBe("bad-request");
    expect(await refused({ bytes: 0 })).toBe("bad-request");
    expect(await refused({ bytes: LIMITS.relayBytes + 1 })).toBe("bad-request");
    expect(await refused({ expiresMs: Date.now() })).toBe("bad-request");
    expect(await refused({ expiresMs: Date.now() + LIMITS.relayMs + LIMITS.relaySkewMs + 60_000 })).toBe("bad-request");
    expect(await booksOf(pool)).toEqual({ available: BITS });
  });

  test("from a link that drains, but what was drawn is taken", async () => {
    const pool = await makeLink();
    const terms = alone(up(pool));
    const drawn = await value(draw(pool, up(pool), terms));
    await pool.configure({ state: "draining" });
    expect(await code(draw(pool, up(pool)))).toBe("no-route");
    expect(await value(take(pool, up(pool), terms, drawn.draw))).toEqual(drawn.bytes);
  });

  test("where keys are not relayed, or within one node", async () => {
    const pool = await makeLink(undefined, { policy: relayPolicy({ enabled: false }) });
    expect(await code(draw(pool, up(pool)))).toBe("no-route");
    const local = await makeLink(0, { one: "n-1.local" as NodeId });
    expect(await code(draw(local, { from: local.low, to: local.high }))).toBe("forbidden");
  });
});

describe("the audit log", () => {
  test("is told of pads once in a while, by pair and direction, and of all of them", async () => {
    const pool = await makeLink();
    for (let draws = 0; draws < 5; draws++) await value(draw(pool, up(pool), alone(up(pool))));
    await pool.evict();
    for (let draws = 0; draws < 3; draws++) await value(draw(pool, up(pool), alone(up(pool), { bytes: 668 })));
    await value(draw(pool, down(pool), alone(down(pool))));
    await runAlarm(pool);
    expect(await told(pool)).toEqual([]);
    await pool.sql("UPDATE hop_use SET since_ms = since_ms - ?", LIMITS.hopUseAuditMs);
    await pool.evict();
    await runAlarm(pool);
    await expect
      .poll(async () => await told(pool))
      .toEqual([{ who: `node:${pool.low}`, pair: `${pool.low}|n-3`, relays: 8, bits: 5 * ALONE_BITS + 3 * 5600 }]);
    expect(await pool.sql("SELECT * FROM hop_use")).toEqual([]);
    // In the log of the node that drew.
    expect(await told({ ...pool, low: pool.high })).toMatchObject([
      { who: `node:${pool.high}`, relays: 1, bits: ALONE_BITS },
    ]);
  });
});
