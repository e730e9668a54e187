/** A pool whose two nodes live in two deployments: scripted histories. Random ones: half.property.test.ts. */
import { describe, expect, test } from "vitest";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { fail } from "../../shared/errors/errors.ts";
import { ok } from "../../shared/result.ts";
import { Crashed, type Fate, LONG, makeHalves, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { code, defaultPolicy, keysOf, makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { retireBegun } from "./begun-units.ts";
import { canImport } from "./imports.ts";
import { voidStep } from "./upkeep.ts";

const { unitBytes } = LIMITS;
const WHOLE_UNIT = { sizeBits: unitBytes * 8 };

const send: Fate = async (post) => await post();
const lose: Fate = async () => {
  throw new Error("lost");
};
/** The first post goes so, the later ones arrive. */
const first = (fate: Fate): Fate => {
  let posts = 0;
  return async (post, batch) => await (posts++ === 0 ? fate : send)(post, batch);
};
/** Done and acknowledged over there, but the answer does not come back. */
const answerLost =
  (then: () => void): Fate =>
  async (post) => {
    await post();
    then();
    throw new Error("lost");
  };

/** Two halves that both have so many whole units. */
async function stocked(units: number, patience = LONG) {
  const halves = makeHalves({ policy: { ...defaultPolicy, delivery_grace_s: 30 } }, patience);
  await halves.push("a", randomBytes(units * unitBytes));
  await halves.settle();
  return halves;
}

const ledgerOf = async (half: TestHalf) => (await half.books()).ledger;
const rows = async (half: TestHalf, table: string) =>
  (await half.sql<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n;
const ownUnits = async (half: TestHalf) =>
  (
    await half.sql<{ offset: number }>(
      "SELECT offset FROM unit WHERE state = 'available' AND owner = ? ORDER BY offset",
      half.node,
    )
  ).map(({ offset }) => offset / unitBytes);

describe("keys", () => {
  test("given at one end are fetched at the other, and both ledgers tell the same", async () => {
    const { low, high, both, settle } = await stocked(4);
    const given = await value(low.enc({ count: 3 }));
    const back = await value(high.enc({ count: 2, sizeBits: 512 }));
    const bits = 3 * 256 + 2 * 512;
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: bits, reserved: 0, delivered: 0 });
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
    expect(keysOf(await value(low.dec(back.keyIds)))).toEqual(keysOf(back));
    await settle();
    for (const half of both) {
      const { ledger, isConserved } = await half.books();
      expect(isConserved).toBe(true);
      expect(ledger).toMatchObject({ pending: 0, delivered: bits });
      expect(await rows(half, "key_record")).toBe(0);
      expect(await rows(half, "key_import")).toBe(0);
    }
    expect(await code(high.dec(given.keyIds))).toBe("key-not-found");
  });

  test("each half cuts from its own units alone", async () => {
    const { low, high } = await stocked(4);
    expect(await ownUnits(low)).toEqual([0, 2]);
    expect(await ownUnits(high)).toEqual([1, 3]);
    for (const [half, offset] of [
      [low, 0],
      [high, unitBytes],
    ] as const) {
      await value(half.enc(WHOLE_UNIT));
      expect(await half.sql("SELECT offset FROM unit WHERE state = 'spent' AND owner = ?", half.node)).toEqual([
        { offset },
      ]);
    }
  });

  test("are fetched at their recipient's half alone, and given at their master's", async () => {
    const { low, high } = await stocked(2);
    const { keyIds } = await value(low.enc());
    expect(await code(low.dec(keyIds, { sae: high.sae, master: low.sae }))).toBe("key-not-found");
    expect(await code(low.enc({ master: high.sae, masterNode: high.node }))).toBe("no-route");
    await value(high.dec(keyIds));
  });

  test("voided where they were given are voided where they wait", async () => {
    const { low, high, both, settle } = await stocked(2);
    const { keyIds } = await value(low.enc({ count: 2 }));
    await low.run(async ({ pool }) => await voidStep(pool, { sae: low.sae, after: 0, reason: "revoked" }));
    await settle();
    expect(await code(high.dec(keyIds))).toBe("key-not-found");
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: 0, voided: 512 });
  });

  test("what is left of a unit is retired at both halves", async () => {
    const { low, high, both, settle } = await stocked(2);
    const { keyIds } = await value(low.enc());
    const laterMs = Date.now() + low.config.policy.unit_max_age_s * 1000 + 60_000;
    // By the half that cuts keys from it: the other is told.
    await high.run(async ({ pool }) => await retireBegun(pool, laterMs));
    for (const half of both) expect((await ledgerOf(half)).remainder).toBe(0);
    await low.run(async ({ pool }) => await retireBegun(pool, laterMs));
    await settle();
    for (const half of both) expect((await ledgerOf(half)).remainder).toBe(unitBytes * 8 - 256);
    await value(high.dec(keyIds));
  });
});

describe("the master is answered", () => {
  test("only after the other half durably knows its keys", async () => {
    const { low, high } = await stocked(2);
    const carrier = { isOpen: false };
    let isAnswered = false;
    const posted = new Promise<void>((resolve) => {
      low.fate = async (post) => {
        resolve();
        while (!carrier.isOpen) await new Promise<void>((next) => setTimeout(next, 1));
        return await post();
      };
    });
    const asked = low.enc().finally(() => {
      isAnswered = true;
    });
    await posted;
    expect(await rows(low, "key_record")).toBe(1);
    expect((await ledgerOf(low)).reserved).toBe(256);
    expect(await rows(high, "key_import")).toBe(0);
    expect(isAnswered).toBe(false);
    carrier.isOpen = true;
    await value(asked);
    expect(await rows(high, "key_import")).toBe(1);
  });

  test("once, though the other half crashes between acknowledging and answering", async () => {
    const { low, high } = await stocked(2);
    low.fate = first(answerLost(() => high.crash()));
    const given = await value(low.enc());
    expect(await rows(high, "key_record")).toBe(1);
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
  });

  test("with a refusal where the other half is silent; it learns later that the keys are void", async () => {
    const halves = makeHalves();
    const { low, high, both } = halves;
    await halves.push("a", randomBytes(2 * unitBytes));
    await halves.settle();
    low.fate = lose;
    const refused = await low.enc();
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable", retryAfterSeconds: 1 } });
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 0, voided: 256 });
    expect((await ledgerOf(high)).voided).toBe(0);
    await halves.settle();
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ pending: 0, voided: 256 });
      expect(await half.alarms()).toEqual([]);
    }
    await value(low.enc());
  });

  test("not at all where it crashes itself: the keys are voided at both halves", async () => {
    const { low, both, settle } = await stocked(2);
    low.fate = answerLost(() => low.crash());
    await expect(low.enc()).rejects.toThrow(Crashed);
    await settle();
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ reserved: 0, pending: 0, voided: 256 });
  });

  test("the same again, though it crashed, where its client can repeat the request", async () => {
    const { low, high, settle } = await stocked(2);
    const idempotency = { key: "again", requestDigest: "00" };
    low.fate = answerLost(() => low.crash());
    await expect(low.enc({ idempotency })).rejects.toThrow(Crashed);
    const [made] = await high.sql<{ id: number }>("SELECT id FROM key_record");
    await settle();
    const repeated = await value(low.enc({ idempotency }));
    expect(await high.sql("SELECT id FROM key_record")).toEqual([made]);
    expect(keysOf(await value(high.dec(repeated.keyIds)))).toEqual(keysOf(repeated));
  });

  test("with a refusal, and nothing is cut, while too much is unanswered; blocks wait as well", async () => {
    const { low, high, settle } = await stocked(2);
    low.fate = lose;
    await value(low.push("b", randomBytes(unitBytes)));
    await low.sql("UPDATE half SET next_seq = next_seq + ?", LIMITS.halfLogMessages / 2);
    const before = await ledgerOf(low);
    expect(await code(low.enc())).toBe("unavailable");
    expect(await code(low.push("c", randomBytes(unitBytes)))).toBe("unavailable");
    expect(await ledgerOf(low)).toEqual(before);
    await low.sql("UPDATE half SET next_seq = next_seq - ?", LIMITS.halfLogMessages / 2);
    await settle();
    await value(low.enc());
    expect(await rows(high, "key_import")).toBe(1);
  });
});

describe("a multicast over the pair and another pool", () => {
  const far = { sae: "sae-far" as SaeId, node: "n-9" as NodeId };

  test("is published when both have the keys, and voided at both where one cannot", async () => {
    const { low, high, both, settle } = await stocked(2);
    const voided: Uint8Array[] = [];
    const importer = {
      canImport: async () => ok(null),
      importKeys: async () => ok(null),
      voidImport: async (nonce: Uint8Array) => {
        voided.push(nonce);
        return ok(null);
      },
    };
    low.importer = importer;
    const recipients = [{ sae: high.sae, node: high.node }, far];
    const given = await value(low.enc({ recipients }));
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
    expect(await code(high.dec(given.keyIds, { sae: far.sae }))).toBe("key-not-found");

    low.importer = { ...importer, importKeys: async () => fail("not-enough-keys", "no pad") };
    expect(await code(low.enc({ recipients }))).toBe("not-enough-keys");
    await settle();
    expect(voided).toHaveLength(1);
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ reserved: 0, pending: 0, delivered: 256, voided: 256 });
    }
  });

  test("finds no pad where the other node lives elsewhere", async () => {
    const { low } = await stocked(2);
    expect(await code(low.run(async ({ pool }) => await canImport(pool, 32, async () => true)))).toBe("no-route");
  });
});

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
    const { low, high, settle } = await stocked(4, { ...LONG, waitMs: 50 });
    for (let keys = 0; keys < 2; keys++) await value(low.enc(WHOLE_UNIT));
    high.fate = lose;
    expect(await code(low.enc(WHOLE_UNIT))).toBe("not-enough-keys");
    high.crash();
    low.crash();
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
    const { low, high, push, settle } = await stocked(4, { ...LONG, waitMs: 200 });
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

test("where both nodes are hosted here, all units serve both and there is nobody to tell", async () => {
  const pool = await makePool();
  await value(pool.push("a", randomBytes(2 * unitBytes)));
  const owners = await pool.sql<{ owner: string }>("SELECT owner FROM unit ORDER BY offset");
  expect(owners.map(({ owner }) => owner)).toEqual([pool.low, pool.high]);
  await value(pool.enc({ count: 2, ...WHOLE_UNIT }));
  expect((await pool.status()).ledgerBits).toMatchObject({ available: 0, reserved: 0, pending: 2 * unitBytes * 8 });
  expect(await pool.sql("SELECT * FROM half_log")).toEqual([]);
});
