/** A pool whose two nodes live in two deployments: whose material is whose. */
import { describe, expect, test } from "vitest";
import { biasedBlock } from "../../shared/health/test-blocks.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  answerLost,
  first,
  ledgerOf,
  lose,
  ownersIn,
  ownUnits,
  rowsIn,
  stocked,
  WHOLE_UNIT,
} from "../../test/support/in-workerd-half-tools.ts";
import { Crashed, LONG, makeHalves, SHORT } from "../../test/support/in-workerd-halves.ts";
import { code, keysOf, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { voidStep } from "./upkeep.ts";

const { unitBytes } = LIMITS;

describe("material", () => {
  test("that only one half has is not used", async () => {
    const { low, high, settle } = makeHalves();
    const block = randomBytes(2 * unitBytes);
    await value(low.push("a", block));
    await settle();
    expect((await ledgerOf(low)).available).toBe(block.length * 8);
    expect(await code(low.enc())).toBe("not-enough-keys");
    await value(high.push("a", block));
    await settle();
    await value(low.enc());
    await value(high.enc());
  });

  test("of a block that is not as long at both ends is not used, and both say so", async () => {
    const { low, high, both, settle } = makeHalves();
    await value(low.push("a", randomBytes(2 * unitBytes)));
    await value(high.push("a", randomBytes(unitBytes)));
    await settle();
    for (const half of both) {
      expect(await code(half.enc())).toBe("not-enough-keys");
      expect(await half.alarms()).toEqual(["halves-disagree"]);
    }
    expect(await code(high.enc())).toBe("not-enough-keys");
  });

  test("has the same owners at both ends, conditioned or short", async () => {
    const conditioning = { minEntropyPerBit: 0.8, publicSeed: "8f".repeat(32) };
    const { low, high, both, push, settle } = makeHalves({ health: "condition", conditioning }, LONG);
    await push("f:0", biasedBlock("halves", 5 * unitBytes));
    await push("f:20480", biasedBlock("short", unitBytes + 1000));
    await settle();
    expect(await ownersIn(low)).toEqual(await ownersIn(high));
    expect((await ownUnits(low)).length + (await ownUnits(high)).length).toBe((await ownersIn(low)).length);
    for (const half of both) {
      const given = await value(half.enc({ count: 5, sizeBits: 8000 }));
      expect(keysOf(await value(half.other.dec(given.keyIds)))).toEqual(keysOf(given));
    }
  });

  test("a half that has run dry is given units until there are none at either", async () => {
    const { low, high, both, settle } = await stocked(8);
    for (let keys = 0; keys < 8; keys++) await value(low.enc(WHOLE_UNIT));
    for (const half of both) expect(await code(half.enc())).toBe("not-enough-keys");
    await settle();
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ available: 0, pending: 8 * unitBytes * 8 });
    }
    expect(await high.alarms()).toEqual([]);
  });

  test("units on their way belong to nobody who could use them, whoever crashes", async () => {
    const { low, high, settle } = await stocked(4);
    for (let keys = 0; keys < 2; keys++) await value(low.enc(WHOLE_UNIT));
    high.fate = lose;
    const asked = expect(low.enc(WHOLE_UNIT)).rejects.toThrow(Crashed);
    while ((await rowsIn(high, "half_log WHERE kind = 'yield'")) === 0) await high.catchUp();
    high.crash();
    low.crash();
    await asked;
    expect(await ownUnits(low)).toEqual([]);
    expect(await ownUnits(high)).toEqual([1]);
    high.fate = first(answerLost(() => low.crash()));
    await high.catchUp();
    await settle();
    expect(await ownUnits(low)).toEqual([3]);
    expect(await ownUnits(high)).toEqual([1]);
    await value(low.enc(WHOLE_UNIT));
    await value(high.enc(WHOLE_UNIT));
  });
});

test("units that the other half refuses to take are the giver's again", async () => {
  const { low, high, settle } = await stocked(4);
  await low.run(async ({ pool }) => await voidStep(pool, { sae: null, after: 0, reason: "link removed" }));
  await settle();
  low.patience = SHORT;
  low.crash();
  expect(await code(low.enc())).toBe("not-enough-keys");
  await settle();
  expect(await ownUnits(high)).toEqual([1, 3]);
  for (const half of [low, high]) expect(await half.alarms()).toEqual(["halves-disagree"]);
});

test("material that one half voids is voided at the other, as far as it was its own", async () => {
  const { low, high, both, settle } = await stocked(4);
  await low.run(async ({ pool }) => await voidStep(pool, { sae: null, after: 0, reason: "link removed" }));
  await settle();
  for (const half of both) expect(await half.alarms()).toEqual([]);
  expect((await ledgerOf(high)).voided).toBe(2 * unitBytes * 8);
  expect(await ownUnits(high)).toEqual([1, 3]);
  // What it can still be told of, but not have: the key is refused and that unit is given up.
  expect(await code(high.enc())).toBe("unavailable");
  expect(await ownUnits(high)).toEqual([3]);
  expect(await high.alarms()).toEqual(["halves-disagree"]);
  expect((await low.books()).isConserved).toBe(true);
});

describe("a half whose storage was put back from a copy", () => {
  test("shows to the other, which gives no keys from then on", async () => {
    const { low, high } = await stocked(4);
    await value(low.enc());
    high.crash();
    await high.sql("UPDATE half SET applied = 1");
    expect(await code(low.enc())).toBe("unavailable");
    expect(await low.alarms()).toEqual(["halves-disagree"]);
    const records = (await low.books()).ledger;
    expect(await code(low.enc())).toBe("unavailable");
    expect((await low.books()).ledger).toEqual(records);
  });

  test("shows to itself; once it has voided all it had, it begins a new log", async () => {
    const { low, high, push, settle } = await stocked(4);
    await value(low.enc());
    await value(low.enc());
    low.crash();
    await low.sql("UPDATE half SET next_seq = 1");
    expect(await code(low.enc())).toBe("unavailable");
    expect(await low.alarms()).toEqual(["halves-disagree"]);
    low.generation = 2;
    low.crash();
    await push("b", randomBytes(2 * unitBytes));
    await settle();
    expect(await high.alarms()).toEqual(["halves-disagree"]);
    const given = await value(low.enc());
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
  });
});
