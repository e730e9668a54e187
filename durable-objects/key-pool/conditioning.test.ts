/** Links of health policy `condition`: biased blocks come in, what is given out is hashed down to their design. */
import { describe, expect, test } from "vitest";
import { biasedBlock, stickyBlock } from "../../shared/health/test-blocks.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { code, hex, keysOf, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";

const SEED = "8f".repeat(32);
const conditioned = (minEntropyPerBit = 0.8, publicSeed = SEED): Pick<PoolConfig, "health" | "conditioning"> => ({
  health: "condition",
  conditioning: { minEntropyPerBit, publicSeed },
});

const BYTES = 65_536;
const BITS = BYTES * 8;
/** floor(0.8 * 524,288 - 128), in whole bytes. */
const LEFT_BITS = 419_296;
const biased = biasedBlock("conditioning", BYTES);

/** All of a pool's material, as keys of 4096 bits and one of what is left. */
async function drain(pool: TestPool): Promise<string> {
  const { available } = (await pool.status()).ledgerBits;
  const [sizeBits, count] = [4096, Math.floor(available / 4096)];
  const keys = count === 0 ? [] : keysOf(await value(pool.enc({ count, sizeBits })));
  const rest = available - count * sizeBits;
  if (rest > 0) keys.push(...keysOf(await value(pool.enc({ sizeBits: rest }))));
  return keys.join("");
}

/** What a pool of its own makes of `biased`. */
async function keysMade(changes: Partial<PoolConfig>, block = "f:0"): Promise<string> {
  const pool = await makePool({ ...conditioned(), ...changes });
  await value(pool.push(block, biased));
  if (changes.feed === "two-ended") await value(pool.push(block, biased, pool.high));
  return await drain(pool);
}

describe("a conditioned link", () => {
  test("gives out what its design allows, none of it as it came, and accounts for the rest", async () => {
    const pool = await makePool(conditioned());
    expect(await value(pool.push("f:0", biased))).toMatchObject({
      outcome: "ingested",
      bits: BITS,
      condensedBits: BITS - LEFT_BITS,
      health: { passed: true },
    });
    expect(await value(pool.push("f:0", biased))).toMatchObject({ outcome: "already-ingested", bits: BITS });
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ingestedBits: BITS,
      ledgerBits: { available: LEFT_BITS, condensed: BITS - LEFT_BITS },
    });
    const units = await pool.sql<{ offset: number; length: number }>("SELECT offset, length FROM unit ORDER BY id");
    expect(units.map(({ offset }) => offset)).toEqual(units.map((_, i) => i * 4096));
    expect(units.at(-1)?.length).toBe((LEFT_BITS / 8) % 4096);
    const keys = await drain(pool);
    expect(keys).toHaveLength(LEFT_BITS / 4);
    const raw = hex(biased);
    for (let at = 0; at < keys.length; at += 4096) expect(raw).not.toContain(keys.slice(at, at + 16));
  });

  test("two pools alone make the same of the same: bytes, block id and public seed decide, nothing else", async () => {
    const keys = await keysMade({});
    expect(keys).toHaveLength(LEFT_BITS / 4);
    expect(await keysMade({ feed: "two-ended" })).toBe(keys);
    for (const other of [keysMade(conditioned(0.8, "90".repeat(32))), keysMade({}, "f:1"), keysMade({}, "g:0")]) {
      const others = await other;
      expect(others).toHaveLength(keys.length);
      expect(others.slice(0, 64)).not.toBe(keys.slice(0, 64));
    }
  });

  test("quarantines what fails at its design, and takes no less of it instead", async () => {
    const pool = await makePool(conditioned(0.9));
    const sticky = stickyBlock("conditioning", BYTES);
    for (const [id, bytes] of [
      ["f:0", biased],
      ["g:0", sticky],
    ] as const) {
      const quarantined = await value(pool.push(id, bytes));
      expect(quarantined).toMatchObject({ outcome: "quarantined", reason: "health" });
      expect(quarantined.health.failures.map((failure) => failure.test)).toContain("min-entropy");
    }
    expect((await pool.status()).ledgerBits).toMatchObject({ quarantined: 2 * BITS, condensed: 0, available: 0 });
    // An operator who thinks better of it sets another design, for all blocks.
    await pool.configure(conditioned(0.8));
    expect((await value(pool.push("f:0", biased))).outcome).toBe("ingested");
    expect((await value(pool.push("g:0", sticky))).outcome).toBe("quarantined");
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ledgerBits: { quarantined: BITS, available: LEFT_BITS, condensed: BITS - LEFT_BITS },
    });
  });

  test("of two ends keeps a block raw until its twin comes", async () => {
    const pool = await makePool({ ...conditioned(), feed: "two-ended" });
    expect((await value(pool.push("f:0", biased))).outcome).toBe("unmatched");
    const other = biasedBlock("another", BYTES);
    await value(pool.push("g:0", other));
    expect((await pool.status()).ledgerBits).toMatchObject({ unmatched: 2 * BITS, condensed: 0, available: 0 });
    expect(await value(pool.push("f:0", biased, pool.high))).toMatchObject({
      outcome: "ingested",
      condensedBits: BITS - LEFT_BITS,
    });
    expect(await value(pool.push("g:0", biasedBlock("differs", BYTES), pool.high))).toMatchObject({
      reason: "twin-mismatch",
    });
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ledgerBits: { unmatched: 0, quarantined: BITS, available: LEFT_BITS, condensed: BITS - LEFT_BITS },
    });
    expect(await pool.sql("SELECT id FROM unit WHERE state = 'unmatched'")).toEqual([]);
  });

  test("pushed by both ends at once, a block comes in once", async () => {
    const pool = await makePool({ ...conditioned(), feed: "two-ended" });
    const ends: NodeId[] = [pool.low, pool.high];
    const outcomes = await Promise.all(ends.map(async (end) => (await value(pool.push("f:0", biased, end))).outcome));
    expect(outcomes).toEqual(["unmatched", "ingested"]);
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ledgerBits: { available: LEFT_BITS, condensed: BITS - LEFT_BITS, unmatched: 0 },
    });
  });

  test("tells how long a block must be that is too short for it, and changes nothing", async () => {
    const pool = await makePool(conditioned());
    const short = await pool.push("f:0", randomBytes(21));
    expect(short).toMatchObject({ ok: false, error: { code: "bad-request" } });
    expect(short.ok ? "" : short.error.message).toBe("the block has 21 bytes: conditioned on this link, 22 or more");
    expect(await pool.status()).toMatchObject({ ingestedBits: 0, health: { blocks: 0 } });
    expect(await value(pool.push("f:0", randomBytes(22)))).toMatchObject({ outcome: "ingested", condensedBits: 168 });
    expect(await pool.status()).toMatchObject({ conserved: true, ledgerBits: { available: 8, condensed: 168 } });
  });

  test("gives keys out while a block is conditioned, and takes in few at a time", async () => {
    const pool = await makePool(conditioned());
    await value(pool.push("f:0", biased));
    const large = Array.from({ length: LIMITS.conditioningQueue + 1 }, (_, i) => biasedBlock(`large ${i}`, 131_072));
    const done: number[] = [];
    const pushes = large.map(async (bytes, i) => {
      const result = await pool.push(`large ${i}`, bytes);
      done.push(i);
      return result;
    });
    await value(pool.enc());
    // What is known already needs no turn.
    expect((await value(pool.push("f:0", biased))).outcome).toBe("already-ingested");
    expect(done.filter((i) => i < LIMITS.conditioningQueue)).toEqual([]);
    const results = await Promise.all(pushes);
    expect(results.filter((result) => result.ok)).toHaveLength(LIMITS.conditioningQueue);
    expect(results.at(-1)).toMatchObject({ ok: false, error: { code: "unavailable", retryAfterSeconds: 2 } });
    expect(await pool.status()).toMatchObject({ conserved: true });
  });

  test("leaves alone what the pool makes itself, and what came in before", async () => {
    const pool = await makePool({ health: "accept" });
    await value(pool.push("f:0", biased));
    await pool.configure(conditioned());
    expect(await value(pool.stub.prefill({ configVersion: 0, bytes: 8192 }))).toEqual({
      availableBits: BITS + 8192 * 8,
    });
    expect((await value(pool.push("f:0", biased))).outcome).toBe("already-ingested");
    expect(await pool.status()).toMatchObject({ conserved: true, ledgerBits: { condensed: 0 } });
  });

  test("counts a block's raw bits against the capacity", async () => {
    const pool = await makePool({
      ...conditioned(),
      policy: { pool: { capacity_bytes: BYTES - 1, high_bytes: 0, low_bytes: 0 } },
    });
    expect(await code(pool.push("f:0", biased))).toBe("pool-full");
    expect((await value(pool.push("f:0", biased.subarray(0, 32_768)))).outcome).toBe("ingested");
  });
});
