/** Every row of the table of blocks, pushed at a pool; twins that differ, are late or never come. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { BLOCK_TABLE, type KnownAs, type Push } from "../../shared/keypool/block-table.ts";
import type { BitState } from "../../shared/keypool/types.ts";
import {
  auditOf,
  code,
  hex,
  makeLate,
  makePool,
  randomBytes,
  type TestPool,
  value,
} from "../../test/support/in-workerd-pool.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const alarm = async (pool: TestPool) => await runDurableObjectAlarm(pool.stub as any);

const BYTES = 8192;
const BITS = BYTES * 8;
const sound = () => randomBytes(BYTES);
/** Seven ones in sixteen: fails the ones count. */
const biased = () => randomBytes(BYTES).map((byte) => byte & 0x7f);

async function voidAll(pool: TestPool): Promise<void> {
  let after: number | null = 0;
  while (after !== null) {
    after = (await value(pool.stub.voidPending({ sae: null, reason: "link removed", after }))).next;
  }
}

/** Makes `f:0` known as the table says, on a two-ended link; what was pushed came from the low end. */
const KNOWN: Readonly<Record<KnownAs, (pool: TestPool, bytes: Uint8Array) => Promise<unknown>>> = {
  new: async () => undefined,
  overlapping: async (pool) => await value(pool.push("f:10", sound())),
  "known material": async (pool, bytes) => await value(pool.push("g:0", bytes)),
  unmatched: async (pool, bytes) => {
    await pool.configure({ health: "accept" });
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("unmatched");
  },
  matched: async (pool, bytes) => {
    await KNOWN.unmatched(pool, bytes);
    expect((await value(pool.push("f:0", bytes, pool.high))).outcome).toBe("ingested");
  },
  unhealthy: async (pool, bytes) => {
    expect(await value(pool.push("f:0", bytes))).toMatchObject({ outcome: "quarantined", reason: "health" });
  },
  quarantined: async (pool, bytes) => {
    await KNOWN.unmatched(pool, bytes);
    expect(await value(pool.push("f:0", sound(), pool.high))).toMatchObject({ reason: "twin-mismatch" });
  },
  expired: async (pool, bytes) => {
    await KNOWN.unmatched(pool, bytes);
    await makeLate(pool);
  },
  voided: async (pool, bytes) => {
    await KNOWN.unmatched(pool, bytes);
    await voidAll(pool);
  },
};

interface Case extends Push {
  /** Outcome with its reason, or the fault's code. */
  readonly answer: string;
  /** Where the bits of what was pushed are afterwards. */
  readonly bits: Partial<Record<BitState, number>>;
  readonly alarms?: readonly string[];
}

const made = (
  push: readonly [Push["known"], Push["by"], Push["bytes"], Push["passes"]],
  answer: string,
  bits: Case["bits"],
  alarms: readonly string[] = [],
): Case => ({ known: push[0], by: push[1], bytes: push[2], passes: push[3], answer, bits, alarms });

const [available, unmatched, quarantined] = [{ available: BITS }, { unmatched: BITS }, { quarantined: BITS }];
const [expired, voided] = [{ expired: BITS }, { voided: BITS }];

const BIASED = ["blocks-biased"];

/** One or more a row of the table, in its order. */
const CASES: readonly Case[] = [
  made(["overlapping", "alone", "equal", "yes"], "conflict", unmatched),
  made(["overlapping", "other end", "equal", "yes"], "conflict", unmatched),
  made(["known material", "one end", "equal", "yes"], "quarantined duplicate-material", {
    unmatched: BITS,
    quarantined: BITS,
  }),
  made(
    ["known material", "one end", "equal", "no"],
    "quarantined duplicate-material",
    { quarantined: 2 * BITS },
    BIASED,
  ),
  made(["new", "one end", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["new", "alone", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["new", "alone", "equal", "yes"], "ingested", available),
  made(["new", "one end", "equal", "yes"], "unmatched", unmatched),
  made(["unmatched", "one end", "equal", "yes"], "unmatched", unmatched),
  made(["unmatched", "one end", "equal", "no"], "unmatched", unmatched),
  made(["unmatched", "other end", "equal", "yes"], "ingested", available),
  made(["unmatched", "alone", "equal", "yes"], "ingested", available),
  made(["unmatched", "other end", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["unmatched", "other end", "other", "yes"], "quarantined twin-mismatch", quarantined, ["twin-mismatch"]),
  made(["unmatched", "other end", "other", "no"], "quarantined twin-mismatch", quarantined, ["twin-mismatch"]),
  made(["unhealthy", "one end", "equal", "yes"], "unmatched", unmatched, BIASED),
  made(["unhealthy", "other end", "equal", "yes"], "ingested", available, BIASED),
  made(["unhealthy", "alone", "equal", "yes"], "ingested", available, BIASED),
  made(["unhealthy", "other end", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["unhealthy", "other end", "other", "yes"], "quarantined twin-mismatch", quarantined, [
    "blocks-biased",
    "twin-mismatch",
  ]),
  made(["unhealthy", "other end", "other", "no"], "quarantined twin-mismatch", quarantined, [
    "blocks-biased",
    "twin-mismatch",
  ]),
  made(["quarantined", "other end", "other", "yes"], "quarantined twin-mismatch", quarantined, ["twin-mismatch"]),
  made(["quarantined", "other end", "equal", "yes"], "quarantined twin-mismatch", quarantined, ["twin-mismatch"]),
  made(["expired", "other end", "equal", "yes"], "quarantined twin-late", expired, ["twin-missing"]),
  made(["expired", "other end", "other", "yes"], "quarantined twin-late", expired, ["twin-missing"]),
  made(["unhealthy", "one end", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["unhealthy", "alone", "equal", "no"], "quarantined health", quarantined, BIASED),
  made(["matched", "one end", "equal", "yes"], "already-ingested", available),
  made(["matched", "other end", "equal", "no"], "already-ingested", available),
  made(["quarantined", "one end", "equal", "yes"], "quarantined twin-mismatch", quarantined, ["twin-mismatch"]),
  made(["expired", "one end", "equal", "yes"], "quarantined twin-late", expired, ["twin-missing"]),
  made(["expired", "alone", "equal", "yes"], "quarantined twin-late", expired, ["twin-missing"]),
  made(["voided", "other end", "equal", "yes"], "already-ingested", voided),
  made(["unmatched", "one end", "other", "yes"], "conflict", unmatched),
  made(["unmatched", "alone", "other", "yes"], "conflict", unmatched),
  made(["matched", "one end", "other", "yes"], "conflict", available),
  made(["matched", "other end", "other", "yes"], "conflict", available),
  made(["unhealthy", "one end", "other", "yes"], "conflict", quarantined, BIASED),
  made(["quarantined", "one end", "other", "yes"], "conflict", quarantined, ["twin-mismatch"]),
  made(["expired", "one end", "other", "no"], "conflict", expired, ["twin-missing"]),
  made(["voided", "other end", "other", "yes"], "conflict", voided),
];

async function answerTo(push: ReturnType<TestPool["push"]>): Promise<string> {
  const result = await push;
  if (!result.ok) return result.error.code;
  return "reason" in result.value ? `${result.value.outcome} ${result.value.reason}` : result.value.outcome;
}

const rowOf = (push: Push) =>
  BLOCK_TABLE.findIndex((row) =>
    (["known", "by", "bytes", "passes"] as const).every((name) => row[name] === "any" || row[name] === push[name]),
  );

describe("a block pushed", () => {
  test.each(CASES)("known as $known, by $by, bytes $bytes, passes $passes: $answer", async (wanted) => {
    const { known, by, bytes, passes, answer, bits } = wanted;
    const pool = await makePool({ feed: "two-ended" });
    const make = passes === "no" || known === "unhealthy" ? biased : sound;
    const first = make();
    await KNOWN[known](pool, first);
    const feed = by === "alone" ? "one-ended" : "two-ended";
    await pool.configure({ feed, health: passes === "yes" ? "accept" : "reject" });
    const pushed = bytes === "equal" ? first : make();
    const end = by === "other end" ? pool.high : pool.low;
    expect(await answerTo(pool.push("f:0", pushed, end))).toBe(answer);
    const status = await pool.status();
    expect(status.conserved).toBe(true);
    expect(Object.fromEntries(Object.entries(status.ledgerBits).filter(([, count]) => count > 0))).toEqual(bits);
    expect(status.alarms?.map((each) => each.code).toSorted()).toEqual(wanted.alarms);
    const [units] = await pool.sql<{ bytes: number | null }>("SELECT sum(length) AS bytes FROM unit");
    expect((units?.bytes ?? 0) * 8).toBe((bits.available ?? 0) + (bits.unmatched ?? 0));
  });

  test("every row of the table is among these", () => {
    expect([...new Set(CASES.map(rowOf))].toSorted((a, b) => a - b)).toEqual(BLOCK_TABLE.map((_, index) => index));
  });
});

describe("twins", () => {
  test("quarantined at both ends, a block comes in once the policy accepts and one end pushes it again", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const bytes = biased();
    for (const end of [pool.low, pool.high]) {
      expect(await value(pool.push("f:0", bytes, end))).toMatchObject({ outcome: "quarantined", reason: "health" });
    }
    expect((await pool.status()).health).toMatchObject({ blocks: 1, quarantinedBlocks: 1 });
    await pool.configure({ health: "accept" });
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("ingested");
    expect(await pool.status()).toMatchObject({
      conserved: true,
      health: { blocks: 1, quarantinedBlocks: 0 },
      ledgerBits: { available: BITS, quarantined: 0 },
    });
    expect(hex(bytes)).toContain(hex((await value(pool.enc())).bytes));
  });

  test("quarantined at one end and let in there, it still waits for the other, and may be given up", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const [bytes, late] = [biased(), biased()];
    await value(pool.push("f:0", bytes));
    await value(pool.push("g:0", late));
    await pool.sql("UPDATE block SET at_ms = at_ms - 3600001");
    await pool.configure({ health: "accept" });
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("unmatched");
    await alarm(pool); // it waits since it was let in
    expect((await value(pool.push("f:0", bytes, pool.high))).outcome).toBe("ingested");
    expect((await value(pool.push("g:0", late))).outcome).toBe("unmatched");
    await makeLate(pool);
    expect(await value(pool.push("g:0", late, pool.high))).toMatchObject({ reason: "twin-late" });
    const status = await pool.status();
    expect(status).toMatchObject({ conserved: true, ledgerBits: { available: BITS, expired: BITS, quarantined: 0 } });
  });

  test("differ though their fingerprints do not: the bytes decide", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const [bytes, other] = [sound(), sound()];
    await value(pool.push("f:0", bytes));
    await value(pool.push("g:0", other));
    await pool.sql("UPDATE block SET fingerprint = (SELECT fingerprint FROM block WHERE id = 'g:0') WHERE id = 'f:0'");
    expect(await value(pool.push("f:0", other, pool.high))).toMatchObject({ reason: "twin-mismatch" });
    expect((await value(pool.push("g:0", other, pool.high))).outcome).toBe("ingested");
  });

  test("pushed by both ends at once: one of the two is told that the block is in", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const bytes = sound();
    const both = await Promise.all([
      value(pool.push("f:0", bytes)),
      value(pool.push("f:0", bytes, pool.high)),
      value(pool.push("f:0", bytes)),
    ]);
    const outcomes = both.map(({ outcome }) => outcome);
    expect(outcomes.slice(0, 2)).toEqual(["unmatched", "ingested"]);
    expect(outcomes[2]).toBe("already-ingested");
    expect(await pool.status()).toMatchObject({ conserved: true, ledgerBits: { available: BITS, unmatched: 0 } });
  });

  test("a mismatch is told of with both ends and the file, never with bytes", async () => {
    const pool = await makePool({ feed: "two-ended" });
    for (const block of ["f:0", `f:${BYTES}`]) {
      await value(pool.push(block, sound()));
      await value(pool.push(block, sound(), pool.high));
    }
    const [raised, ...others] = (await pool.status()).alarms ?? [];
    expect(others).toEqual([]);
    expect(raised).toMatchObject({ code: "twin-mismatch", subject: "f", count: 2 });
    expect(raised?.detail).toBe(`${pool.low} and ${pool.high} pushed different bytes as f:${BYTES}`);
  });
});

describe("twins that do not come", () => {
  test("cost the block after unmatched_ttl_s, not before; the alarm counts them by end", async () => {
    const pool = await makePool({ feed: "two-ended", policy: { unmatched_ttl_s: 3600 } });
    for (let block = 0; block < 70; block++) await value(pool.push(`f:${block * 4096}`, randomBytes(4096)));
    await value(pool.push("g:0", sound(), pool.high));
    await alarm(pool);
    expect((await pool.status()).ledgerBits).toMatchObject({ unmatched: 70 * 32_768 + BITS, expired: 0 });
    await makeLate(pool, "id != 'f:0'");
    const status = await pool.status();
    expect(status).toMatchObject({
      conserved: true,
      ledgerBits: { unmatched: 32_768, expired: 69 * 32_768 + BITS, available: 0 },
    });
    expect(status.alarms?.map(({ code: of, subject, count }) => [of, subject, count])).toEqual(
      expect.arrayContaining([
        ["twin-missing", pool.high, 69],
        ["twin-missing", pool.low, 1],
      ]),
    );
    expect(await pool.sql("SELECT DISTINCT block FROM unit")).toHaveLength(1);
    expect(await pool.sql("SELECT unit FROM unit_data")).toHaveLength(1);
    // What is waited for still comes in; what was given up never does, under whatever name.
    expect(await code(pool.enc())).toBe("not-enough-keys");
    await expect
      .poll(async () => (await auditOf(pool)).map(({ act }) => act), { timeout: 10_000 })
      .toEqual(expect.arrayContaining(["block.expired", "alarm.raised"]));
  });

  test("leave the block known: the same bytes under another name are a duplicate", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const bytes = sound();
    await value(pool.push("f:0", bytes));
    await makeLate(pool);
    expect(await value(pool.push("g:0", bytes))).toMatchObject({ reason: "duplicate-material" });
    expect((await pool.status()).alarms).toMatchObject([
      { code: "twin-missing", subject: pool.high, count: 1, detail: `${pool.high} never pushed f:0` },
    ]);
  });

  test("one that cannot be given up does not keep the others", async () => {
    const pool = await makePool({ feed: "two-ended" });
    for (const block of ["f:0", `f:${BYTES}`]) await value(pool.push(block, sound()));
    // More bits than the ledger has: moving them is refused.
    await pool.sql("UPDATE block SET bits = 1000000000 WHERE id = 'f:0'");
    await makeLate(pool);
    const status = await pool.status();
    expect(status.ledgerBits).toMatchObject({ unmatched: BITS, expired: BITS });
    expect(status.alarms?.map(({ code: of, subject }) => [of, subject])).toEqual(
      expect.arrayContaining([
        ["stuck", "block f:0"],
        ["twin-missing", pool.high],
      ]),
    );
  });
});
