/** Pads of relays over a link whose two nodes live in two deployments. Within one: relay-hops.test.ts. */
import { describe, expect, test } from "vitest";
import type { PairName, SaeId } from "../../shared/ids.ts";
import { expandRuns, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import type { LinkDraw, RelayTerms } from "../../shared/relay/types.ts";
import { ledgerOf, lose, ownUnits, rowsIn } from "../../test/support/in-workerd-half-tools.ts";
import { Crashed, LONG, makeHalves, SHORT, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { code, defaultPolicy, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { drawCall, LEVELS, relayPolicy, termsOver } from "../../test/support/in-workerd-relay.ts";
import type { Drawn } from "./drawn-bits.ts";
import { drawHop } from "./relay-draw.ts";
import { takeHop } from "./relay-take.ts";
import { expireRecords, voidStep } from "./upkeep.ts";

const { unitBytes } = LIMITS;

/** Two halves of a link with so many units, and no watermark unless it is said. */
async function linked(units: number, patience = LONG, lowBytes = 0) {
  const policy = { ...defaultPolicy, pool: { ...LEVELS, low_bytes: lowBytes } };
  const halves = makeHalves({ policy }, patience);
  await halves.push("a", randomBytes(units * unitBytes));
  await halves.settle();
  return halves;
}

const from = (half: TestHalf, changes: Partial<RelayTerms> = {}): RelayTerms =>
  termsOver({ from: half.node, to: half.other.node }, changes);
const draw = async (half: TestHalf, terms = from(half)): PoolResult<Drawn> =>
  await half.run(
    async ({ pool, refill }) =>
      await drawHop(pool, drawCall(half.node, terms), async (bytes) => (await refill.bytes({ bytes })).ok),
  );
/** By the node at this half, of what the other has drawn. */
const take = async (half: TestHalf, terms: RelayTerms, drawn: LinkDraw): PoolResult<Uint8Array> =>
  await half.run(async ({ pool }) => await takeHop(pool, { ...drawCall(half.node, terms), draw: drawn }));

describe("a hop between two deployments", () => {
  test("has the same bits at both, and both ledgers tell the same", async () => {
    const { low, high, both, settle } = await linked(4);
    for (const half of both) {
      const terms = from(half, { bytes: 100 });
      const drawn = await value(draw(half, terms));
      for (const each of both) expect(await ledgerOf(each)).toMatchObject({ pending: 1056, reserved: 0 });
      expect(await value(take(half.other, terms, drawn.draw))).toEqual(drawn.bytes);
      expect(await code(take(half.other, terms, drawn.draw))).toBe("key-not-found");
      await settle();
    }
    for (const half of [low, high]) {
      const { ledger, isConserved } = await half.books();
      expect(isConserved).toBe(true);
      expect(ledger).toMatchObject({ pending: 0, pad: 1600, tag: 512, delivered: 0 });
      expect([await rowsIn(half, "key_record"), await rowsIn(half, "key_import")]).toEqual([0, 0]);
      expect(await half.alarms()).toEqual([]);
    }
  });

  test("is drawn from the drawing node's own units, more than one of them, both ways at once", async () => {
    const { low, high, both } = await linked(8);
    const terms = both.map((half) => from(half, { bytes: 2 * unitBytes - 32 }));
    const drawn = await Promise.all(both.map(async (half, at) => await value(draw(half, terms[at]))));
    expect(await ownUnits(low)).toEqual([4, 6]);
    expect(await ownUnits(high)).toEqual([5, 7]);
    expect(await value(take(high, terms[0] as RelayTerms, (drawn[0] as Drawn).draw))).toEqual(drawn[0]?.bytes);
    expect(await value(take(low, terms[1] as RelayTerms, (drawn[1] as Drawn).draw))).toEqual(drawn[1]?.bytes);
    expect(drawn[0]?.bytes).not.toEqual(drawn[1]?.bytes);
  });

  test("goes on with units that the other half yields, each keeping its floor", async () => {
    const { low, high } = await linked(8);
    const terms = from(low, { bytes: unitBytes - 32 });
    for (let draws = 0; draws < 6; draws++) {
      const drawn = await value(draw(low, terms));
      expect(await value(take(high, terms, drawn.draw))).toEqual(drawn.bytes);
    }
    expect(await code(draw(low, terms))).toBe("link-budget");
    expect([await ownUnits(low), await ownUnits(high)]).toMatchObject([{ length: 1 }, { length: 1 }]);
  });

  test("leaves the link's watermark, which both halves' direct use goes down to together", async () => {
    const { low, high } = await linked(4, LONG, 2 * unitBytes);
    const terms = from(low, { bytes: unitBytes - 32 });
    await value(draw(low, terms));
    await value(high.enc({ sizeBits: unitBytes * 8 }));
    expect(await code(draw(low, terms))).toBe("link-budget");
  });

  test("is taken and drawn at the half of who does so", async () => {
    const { low, high } = await linked(2);
    const terms = from(low);
    const { draw: drawn } = await value(draw(low, terms));
    const asHigh = { ...drawCall(high.node, terms), draw: drawn };
    expect(await code(low.run(async ({ pool }) => await takeHop(pool, asHigh)))).toBe("no-route");
    const asLow = drawCall(low.node, terms);
    expect(await code(high.run(async ({ pool }) => await drawHop(pool, asLow, async () => false)))).toBe("no-route");
    expect(await code(take(high, { ...terms, pair: from(low, { pair: "x|y" as PairName }).pair }, drawn))).toBe(
      "bad-request",
    );
    expect(await code(take(high, from(low), drawn))).toBe("key-not-found");
    await value(take(high, terms, drawn));
  });
});

describe("announced as pad", () => {
  test("bits are no key: no ID finds them, made with nonce and mask as announced", async () => {
    const { low, high } = await linked(2);
    const announced: string[] = [];
    low.fate = async (post, batch) => {
      announced.push(JSON.stringify(batch.messages));
      return await post();
    };
    const { draw: drawn } = await value(draw(low));
    expect(announced.join()).toContain('"use":"pad"');
    const [row] = await high.sql<{ mask: ArrayBuffer }>("SELECT mask FROM key_import");
    const keyIds = expandRuns([
      writeKeyIds(Uint8Array.fromHex(drawn.nonce), new Uint8Array(row?.mask ?? new ArrayBuffer()), drawn.record, 1),
    ]);
    const nobody = "" as SaeId;
    expect(await code(high.dec(keyIds, { sae: nobody, master: nobody }))).toBe("key-not-found");
    expect(await code(high.dec(keyIds))).toBe("key-not-found");
    expect((await ledgerOf(high)).pending).toBe(512);
  });

  test("and refused where the other deployment relays no keys: the drawn bits are void", async () => {
    const { low, high } = await linked(2);
    const { policy } = high.config;
    Object.assign(high, { config: { ...high.config, policy: { ...policy, ...relayPolicy({ enabled: false }) } } });
    expect(await code(draw(low))).toBe("not-enough-keys");
    for (const half of [low, high]) expect((await ledgerOf(half)).pending).toBe(0);
    expect((await ledgerOf(low)).voided).toBe(512);
    expect(await rowsIn(high, "key_record")).toBe(0);
  });
});

describe("what one half does not hear of", () => {
  test("is not handed out: a silent half has the draw void at both", async () => {
    const { low, high, both, settle } = await linked(2);
    low.patience = SHORT;
    low.crash();
    low.fate = lose;
    expect(await code(draw(low))).toBe("unavailable");
    expect(await ledgerOf(low)).toMatchObject({ reserved: 0, pending: 0, voided: 512 });
    await settle();
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: 0, voided: 512, pad: 0 });
    expect(await rowsIn(high, "key_record")).toBe(0);
  });

  test("is void too where the drawing half crashes between", async () => {
    const { low, both, settle } = await linked(2);
    low.fate = async (post) => {
      const answer = await post();
      low.crash();
      return answer;
    };
    await expect(draw(low)).rejects.toThrow(Crashed);
    await settle();
    for (const half of both) {
      expect(await ledgerOf(half)).toMatchObject({ reserved: 0, pending: 0, voided: 512 });
      expect((await half.books()).isConserved).toBe(true);
      expect(await half.alarms()).toEqual([]);
    }
  });

  test("runs out at each by itself, and what one voids is void at the other", async () => {
    const { low, high, both, settle } = await linked(4);
    const terms = from(low);
    const { draw: drawn } = await value(draw(low, terms));
    for (const half of both) await half.run(async ({ pool }) => await expireRecords(pool, terms.expiresMs));
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: 0, expired: 512 });
    expect(await code(take(high, terms, drawn))).toBe("key-not-found");
    const next = await value(draw(low, terms));
    await low.run(async ({ pool }) => await voidStep(pool, { sae: null, after: 0, reason: "removed" }));
    await settle();
    expect(await code(take(high, terms, next.draw))).toBe("key-not-found");
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: 0, voided: 512 });
  });

  test("does not keep what was taken from being counted once both crash", async () => {
    const { low, high, both, settle } = await linked(2);
    const terms = from(low);
    const drawn = await value(draw(low, terms));
    for (const half of both) half.crash();
    expect(await value(take(high, terms, drawn.draw))).toEqual(drawn.bytes);
    for (const half of both) half.crash();
    await settle();
    for (const half of both) expect(await ledgerOf(half)).toMatchObject({ pending: 0, pad: 256, tag: 256 });
  });
});
