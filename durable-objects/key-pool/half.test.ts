/** A pool whose two nodes live in two deployments: keys. Material: half-material.test.ts; random: half.property.test.ts. */
import { describe, expect, test } from "vitest";
import { fail } from "../../shared/errors/errors.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import {
  answerLost,
  first,
  ledgerOf,
  lose,
  ownUnits,
  rowsIn,
  stocked,
  WHOLE_UNIT,
} from "../../test/support/in-workerd-half-tools.ts";
import { Crashed, LONG, SHORT } from "../../test/support/in-workerd-halves.ts";
import { code, keysOf, makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { retireBegun } from "./begun-units.ts";
import { expireRecords, voidStep } from "./upkeep.ts";

const { unitBytes } = LIMITS;
/** At a node that another pool serves. */
const FAR = { sae: "sae-far" as SaeId, node: "n-9" as NodeId };

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
      expect(await rowsIn(half, "key_record")).toBe(0);
      expect(await rowsIn(half, "key_import")).toBe(0);
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
    expect(await rowsIn(low, "key_record")).toBe(1);
    expect((await ledgerOf(low)).reserved).toBe(256);
    expect(await rowsIn(high, "key_import")).toBe(0);
    expect(isAnswered).toBe(false);
    carrier.isOpen = true;
    await value(asked);
    expect(await rowsIn(high, "key_import")).toBe(1);
  });

  test("once, though the other half crashes between acknowledging and answering", async () => {
    const { low, high } = await stocked(2);
    low.fate = first(answerLost(() => high.crash()));
    const given = await value(low.enc());
    expect(await rowsIn(high, "key_record")).toBe(1);
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
  });

  test("with a refusal where the other half is silent; it learns later that the keys are void", async () => {
    const { low, high, both, settle } = await stocked(2);
    low.patience = SHORT;
    low.crash();
    low.fate = lose;
    const refused = await low.enc();
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable", retryAfterSeconds: 1 } });
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 0, voided: 256 });
    expect((await ledgerOf(high)).voided).toBe(0);
    expect(await low.run(async ({ half }) => half.dueMs(0))).toBeLessThan(Infinity);
    await settle();
    expect(await low.run(async ({ half }) => half.dueMs(0))).toBe(Infinity);
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ pending: 0, voided: 256 });
      expect(await half.alarms()).toEqual([]);
    }
    low.patience = LONG;
    low.crash();
    await value(low.enc());
  });

  test("not at all where it crashes itself: the keys are voided at both halves", async () => {
    const { low, both, settle } = await stocked(2);
    low.fate = answerLost(() => low.crash());
    await expect(low.enc()).rejects.toThrow(Crashed);
    await settle();
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ reserved: 0, pending: 0, voided: 256 });
  });

  test("not at all where it crashes; what was still reserved runs out, and is void at the other half", async () => {
    const { low, high, settle } = await stocked(2);
    low.fate = async () => {
      low.crash();
      return await lose();
    };
    await expect(low.enc()).rejects.toThrow(Crashed);
    low.fate = lose;
    await low.run(async ({ pool }) => await expireRecords(pool, Date.now() + 120_000));
    await settle();
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 0, expired: 256 });
    expect(await ledgerOf(high)).toMatchObject({ pending: 0, voided: 256 });
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

  test("and what was acknowledged, but for a defect not acted on, is taken up later", async () => {
    const { low, settle } = await stocked(2);
    const open: [seq: number, message: string][] = [];
    low.fate = async (post, batch) => {
      for (const { seq, message } of batch.messages) open.push([seq, JSON.stringify(message)]);
      return await post();
    };
    await value(low.enc());
    for (const [seq, message] of open) {
      await low.sql("INSERT INTO half_log (seq, kind, record, message) VALUES (?, 'announce', 1, ?)", seq, message);
    }
    await settle();
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 256, voided: 0 });
  });

  test("and what is still open when it crashes is taken up, though later messages were acted on", async () => {
    const { low, high, settle } = await stocked(2);
    low.importer = {
      canImport: async () => ok(null),
      importKeys: async () => await new Promise<never>(() => {}),
      voidImport: async () => ok(null),
    };
    const recipients = [{ sae: high.sae, node: high.node }, FAR];
    const asked = expect(low.enc({ recipients })).rejects.toThrow(Crashed);
    while ((await rowsIn(high, "key_import")) === 0) await low.catchUp();
    await value(low.push("b", randomBytes(unitBytes)));
    while ((await rowsIn(low, "half_log")) > 1) await low.catchUp();
    await value(low.push("c", randomBytes(unitBytes)));
    low.crash();
    await asked;
    await settle();
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 0, voided: 256 });
    expect(await low.alarms()).toEqual([]);
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
    expect(await rowsIn(high, "key_import")).toBe(1);
  });
});

describe("a multicast over the pair and another pool", () => {
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
    const recipients = [{ sae: high.sae, node: high.node }, FAR];
    const given = await value(low.enc({ recipients }));
    expect(keysOf(await value(high.dec(given.keyIds)))).toEqual(keysOf(given));
    expect(await code(high.dec(given.keyIds, { sae: FAR.sae }))).toBe("key-not-found");

    low.importer = { ...importer, importKeys: async () => fail("not-enough-keys", "no pad") };
    expect(await code(low.enc({ recipients }))).toBe("not-enough-keys");
    await settle();
    expect(voided).toHaveLength(1);
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ reserved: 0, pending: 0, delivered: 256, voided: 256 });
    }
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
