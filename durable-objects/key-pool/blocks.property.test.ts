/**
 * Random histories of blocks on a link whose settings change: what the blocks' rows say, what the ledger says and what
 * is stored agree after every step, and a block that is in, or given up for good, stays so.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { makeLate, makePool, randomBytes, type TestPool } from "../../test/support/in-workerd-pool.ts";

const BLOCKS = 4;
const SETTINGS: readonly Partial<PoolConfig>[] = [
  { feed: "two-ended", health: "reject" },
  { feed: "two-ended", health: "accept" },
  {
    feed: "two-ended",
    health: "condition",
    conditioning: { minEntropyPerBit: 0.8, publicSeed: "17".repeat(32) },
  },
  { feed: "one-ended", health: "reject" },
  { feed: "one-ended", health: "condition", conditioning: { minEntropyPerBit: 0.5, publicSeed: "17".repeat(32) } },
];

type Step =
  | { readonly do: "push"; readonly block: number; readonly end: "low" | "high"; readonly variant: 0 | 1 }
  | { readonly do: "set"; readonly to: number }
  | { readonly do: "late" | "both" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      block: fc.nat(BLOCKS - 1),
      end: fc.constantFrom("low" as const, "high" as const),
      variant: fc.constantFrom(0 as const, 0 as const, 0 as const, 1 as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set" as const), to: fc.nat(SETTINGS.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("late" as const, "both" as const) }) },
);

/** Nearly one bit in ten is cleared: 45 % ones. */
function biased(bytes: number): Uint8Array {
  const [a, b, c, d, e] = Array.from({ length: 5 }, () => randomBytes(bytes));
  return randomBytes(bytes).map((byte, i) => byte & ~(a![i]! & b![i]! & c![i]! & (d![i]! | e![i]!)));
}

/** Block n in two versions; those of odd n are biased: they pass at 0.8, not at full entropy. */
function versionsOf(block: number): readonly Uint8Array[] {
  const bytes = 4096 + 512 * block;
  return [0, 1].map(() => (block % 2 === 0 ? randomBytes(bytes) : biased(bytes)));
}

async function apply(pool: TestPool, blocks: readonly (readonly Uint8Array[])[], next: Step): Promise<void> {
  const push = async (block: number, end: "low" | "high", variant: 0 | 1) =>
    await pool.push(`block-${block}`, blocks[block]?.[variant] ?? randomBytes(1), pool[end]);
  switch (next.do) {
    case "push":
      await push(next.block, next.end, next.variant);
      return;
    case "both":
      await Promise.all(["low" as const, "high" as const].map(async (end) => await push(0, end, 0)));
      return;
    case "set":
      await pool.configure(SETTINGS[next.to] ?? {});
      return;
    case "late":
      await makeLate(pool);
  }
}

interface Row {
  readonly id: string;
  readonly bits: number;
  readonly state: string;
  readonly reason: string | null;
}

const sumOf = (rows: readonly Row[], state: string): number =>
  rows.reduce((sum, row) => sum + (row.state === state ? row.bits : 0), 0);
/** Nothing pushed changes these any more. */
const isSettled = ({ state, reason }: Row): boolean =>
  state === "matched" || state === "expired" || (state === "quarantined" && reason !== "health");

async function check(pool: TestPool, before: readonly Row[]): Promise<readonly Row[]> {
  const rows = await pool.sql<Row>("SELECT id, bits, state, reason FROM block ORDER BY id");
  const { ledgerBits: ledger, conserved, ingestedBits, health } = await pool.status();
  expect(conserved).toBe(true);
  expect(ingestedBits).toBe(rows.reduce((sum, { bits }) => sum + bits, 0));
  for (const state of ["unmatched", "quarantined", "expired"] as const) expect(ledger[state]).toBe(sumOf(rows, state));
  expect(ledger.available + ledger.condensed).toBe(sumOf(rows, "matched"));
  expect(health.quarantinedBlocks).toBe(rows.filter(({ state }) => state === "quarantined").length);
  const units = await pool.sql<{ state: string; bytes: number }>(
    "SELECT unit.state AS state, sum(length) AS bytes FROM unit JOIN unit_data ON unit = unit.id GROUP BY 1 ORDER BY 1",
  );
  const stored = [
    ["available", ledger.available],
    ["unmatched", ledger.unmatched],
  ] as const;
  expect(units.map(({ state, bytes }) => [state, bytes * 8])).toEqual(stored.filter(([, bits]) => bits > 0));
  for (const row of before.filter((each) => isSettled(each))) expect(rows).toContainEqual(row);
  return rows;
}

test("random histories of blocks", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const pool = await makePool(SETTINGS[0]);
      const blocks = Array.from({ length: BLOCKS }, (_, block) => versionsOf(block));
      let rows: readonly Row[] = [];
      for (const next of steps) {
        await apply(pool, blocks, next);
        rows = await check(pool, rows);
      }
    }),
    { numRuns: 30 },
  );
});
