/** A block that one of two halves has alone: given up after a while, at both, and never used. */
import { describe, expect, test } from "vitest";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ledgerOf, rowsIn } from "../../test/support/in-workerd-half-tools.ts";
import { makeHalves, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { code, defaultPolicy, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { newRelay } from "../../test/support/in-workerd-relayed.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import type { Block } from "./block-judge.ts";
import { nextLoneMs, voidLone } from "./half-lone.ts";
import { ingestBlock } from "./ingest.ts";
import { takeBack } from "./taken-back.ts";

const { unitBytes } = LIMITS;
const AS_RELAYED = { origin: "relayed", principal: "relay" } as const;
const TTL_MS = defaultPolicy.unmatched_ttl_s * 1000;
const BITS = 2 * unitBytes * 8;

const upkeep = async (half: TestHalf, nowMs: number) => await half.run(async ({ pool }) => await voidLone(pool, nowMs));
const dueMs = async (half: TestHalf) => await half.run(async ({ pool }) => nextLoneMs(pool));

describe("a block that only one half has", () => {
  test("is voided after the policy's time, not before, with an alarm that names the other end", async () => {
    const { low, high, settle } = makeHalves();
    const fromMs = Date.now();
    await value(low.push("a", randomBytes(2 * unitBytes)));
    await settle();
    expect(await dueMs(low)).toBeGreaterThanOrEqual(fromMs + TTL_MS);
    expect(await upkeep(low, fromMs + TTL_MS - 1)).toBe(false);
    expect(await ledgerOf(low)).toMatchObject({ available: BITS, voided: 0 });
    await upkeep(low, Date.now() + TTL_MS);
    await settle();
    expect(await ledgerOf(low)).toMatchObject({ available: 0, voided: BITS });
    expect((await low.books()).isConserved).toBe(true);
    const alarms = await low.run(async ({ pool }) => pool.standingAlarms.list());
    expect(alarms).toMatchObject([
      { code: "twin-missing", subject: high.node, detail: `${high.node} never told of a` },
    ]);
    expect(await dueMs(low)).toBe(Infinity);
    expect([await rowsIn(low, "unit"), await rowsIn(high, "half_taken")]).toEqual([0, 0]);
  });

  test("is not used when it comes to the other half after all, and goes there, too", async () => {
    const { low, high, both, settle } = makeHalves();
    const block = randomBytes(2 * unitBytes);
    await value(low.push("a", block));
    await settle();
    await upkeep(low, Date.now() + TTL_MS);
    await settle();
    await value(high.push("a", block));
    await settle();
    for (const half of both) expect(await code(half.enc())).toBe("not-enough-keys");
    await upkeep(high, Date.now() + TTL_MS);
    await settle();
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ available: 0, voided: BITS });
  });

  test("is given up while the other half takes it in: neither gives anything of it", async () => {
    const { low, high, both, settle } = makeHalves();
    const block = randomBytes(2 * unitBytes);
    await value(low.push("a", block));
    await settle();
    // Neither hears of what the other does.
    for (const half of both) half.fate = () => new Promise(() => undefined);
    await value(high.push("a", block));
    await upkeep(low, Date.now() + TTL_MS);
    for (const half of both) half.crash();
    await settle();
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ available: 0, voided: BITS });
      expect(await code(half.enc())).toBe("not-enough-keys");
    }
  });

  test("that both have is never given up, whoever asks and after a crash", async () => {
    const { low, both, push, settle } = makeHalves();
    await push("a", randomBytes(2 * unitBytes));
    await settle();
    low.crash();
    for (const half of both) {
      await upkeep(half, Date.now() + 10 * TTL_MS);
      expect(await ledgerOf(half)).toMatchObject({ available: BITS, voided: 0 });
    }
    await value(low.enc());
  });

  test("of relayed key waits for less, and survives a crash as lone", async () => {
    const { low, settle } = makeHalves({ source: "relay", link: null, health: "accept" });
    await value(low.push("relay:x", randomBytes(2 * unitBytes)));
    await settle();
    low.crash();
    expect((await dueMs(low)) - Date.now()).toBeLessThanOrEqual(LIMITS.relayLoneMs);
    await upkeep(low, Date.now() + LIMITS.relayLoneMs);
    expect((await ledgerOf(low)).voided).toBe(BITS);
    expect(await low.run(async ({ pool }) => pool.blocks.byId("relay:x" as BlockId)?.state)).toBe("voided");
  });

  test("of relayed key that the other node takes back goes at once, with no alarm; what this node relays stays", async () => {
    const { low, high, both, settle } = makeHalves({ source: "relay", link: null, health: "accept" });
    const bytes = randomBytes(2 * unitBytes);
    const blockFrom = (from: TestHalf): Block => {
      const relayed = newRelay([from.node, "m" as NodeId, from.other.node]);
      return { id: blockOfRelay(relayed.relay), node: null, bytes: randomBytes(2 * unitBytes), ...AS_RELAYED, relayed };
    };
    const [one, other, own] = [{ ...blockFrom(high), bytes }, blockFrom(high), blockFrom(low)];
    for (const block of [one, other, own]) {
      await value(low.run(async ({ pool }) => await ingestBlock(pool, { ...block, node: low.node })));
    }
    await settle();
    const takenBack = async (relay: RelayId | null) =>
      await value(low.run(async ({ pool }) => await takeBack(pool, { node: low.node, relay })));
    for (let again = 0; again < 2; again++) await takenBack(one.relayed?.relay ?? null);
    expect(await ledgerOf(low)).toMatchObject({ available: 2 * BITS, voided: BITS });
    await takenBack(null);
    await settle();
    expect(await ledgerOf(low)).toMatchObject({ available: BITS, voided: 2 * BITS });
    // Its initiator's own half comes after all, late.
    await value(high.run(async ({ pool }) => await ingestBlock(pool, { ...one, node: high.node })));
    await settle();
    for (const half of both) {
      expect(await code(half.enc())).toBe("not-enough-keys");
      expect([await half.alarms(), (await half.books()).isConserved]).toEqual([[], true]);
    }
  });

  test("is given up with many others in several batches", async () => {
    const { low, settle } = makeHalves();
    for (let block = 0; block < 9; block++) await value(low.push(`f:${block * 64}`, randomBytes(64)));
    await settle();
    const nowMs = Date.now() + TTL_MS;
    let batches = 1;
    while (await upkeep(low, nowMs)) batches += 1;
    expect(batches).toBe(3);
    expect((await ledgerOf(low)).available).toBe(0);
  });
});
