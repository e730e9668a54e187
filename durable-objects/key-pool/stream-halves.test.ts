/** Key streams whose two nodes live in two deployments: the lower node's half keeps them, the other copies its bytes. */
import { describe, expect, test } from "vitest";
import { ledgerOf, lose, rowsIn, send } from "../../test/support/in-workerd-half-tools.ts";
import { type Halves, SHORT, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { code, value } from "../../test/support/in-workerd-pool.ts";
import type { TestEnd } from "../../test/support/in-workerd-pool-streams.ts";
import { keyedHalves, openAcross, streamsAt } from "../../test/support/in-workerd-stream-halves.ts";
import { expandRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import { LIMITS } from "../../shared/limits.ts";
import { expireRecords } from "./upkeep.ts";

const CHUNK_BITS = 32 * 8;

/** Both halves count alike, and nothing is lost. */
async function expectBooks({ both, settle }: Halves, delivered: number, voided = 0): Promise<void> {
  await settle();
  for (const half of both) {
    const { ledger, isConserved } = await half.books();
    expect([half.node, isConserved]).toEqual([half.node, true]);
    expect([half.node, ledger]).toMatchObject([
      half.node,
      { delivered: delivered * CHUNK_BITS, voided: voided * CHUNK_BITS, pending: 0, reserved: 0 },
    ]);
    expect(await rowsIn(half, "key_record")).toBe(0);
    expect(await half.alarms()).toEqual([]);
  }
}

async function settleBoth(...ends: readonly TestEnd[]): Promise<void> {
  for (const end of ends) await end.settle();
}

describe("a stream between two deployments", () => {
  test.each(["low", "high"] as const)("opened at the %s node has equal chunks, each once", async (opener) => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves, halves[opener]);
    const first = await a.fetch([0], { readAhead: 7 });
    expect([...first.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(first.values()).size).toBe(8);
    expect(await b.fetch([0], { readAhead: 7 })).toEqual(first);
    for (const end of [a, b]) expect(await end.outcome([0])).toBe("gone");
    const far = await b.fetch([10]);
    expect(await a.fetch([8, 9, 10])).toMatchObject({ size: 3 });
    expect(far.size).toBe(1);
    expect([...(await b.fetch([8, 9])).keys()]).toEqual([8, 9]);
    await settleBoth(a, b);
    await expectBooks(halves, 11);
    expect(await rowsIn(halves.high, "stream")).toBe(0);
  });

  test("both ends at once are served the same", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    for (let index = 0; index < 4; index++) {
      const [ours, theirs] = await Promise.all([a.fetch([index]), b.fetch([index])]);
      expect(ours).toEqual(theirs);
    }
    await settleBoth(a, b);
    await expectBooks(halves, 4);
  });

  test("each half knows the other's end as remote, and tells it by a question", async () => {
    const halves = await keyedHalves();
    const [{ ksid, instance, self }] = await openAcross(halves);
    for (const half of halves.both) {
      const call = { configVersion: 0, ksid, sae: self.sae };
      const state = await value(streamsAt(half).streamState(call));
      expect([half.node, state?.remoteNode]).toEqual([half.node, half.other.node]);
      await value(streamsAt(half).tellPeer({ ksid, instance }));
      expect(half.news).toEqual([{ pair: half.config.pair, shard: 0, from: half.node, ksid, instance }]);
    }
  });

  test("chunks of both ends are handed back and had again", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    const all = await b.fetch([0], { readAhead: 3 });
    await b.settle([2, 3]);
    expect(await b.available()).toMatchObject({ indices: [2, 3] });
    expect(await a.fetch([0, 1, 2, 3])).toEqual(all);
    await a.settle();
    expect([...(await b.fetch([2, 3])).values()]).toEqual([all.get(2), all.get(3)]);
    await b.settle();
    await expectBooks(halves, 4);
  });

  test("are made ahead of GET_KEY where a client asks how many there are", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    expect(await b.available(3)).toMatchObject({ indices: [0, 1, 2] });
    expect(await b.fetch([0, 1, 2])).toEqual(await a.fetch([0, 1, 2]));
    await settleBoth(a, b);
    await expectBooks(halves, 3);
  });

  test("closed by both, is gone at both; what nobody had is voided alike", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    await a.fetch([0], { readAhead: 3 });
    await b.fetch([0]);
    await settleBoth(a, b);
    expect(await b.close()).toMatchObject({ ends: [{ state: "open" }, { state: "closed" }] });
    expect(await a.close()).not.toBeNull();
    expect(await b.outcome([1])).toBe("unknown");
    await expectBooks(halves, 4);
    expect(await rowsIn(halves.low, "stream")).toBe(0);
  });

  test("whose chunks expire counts them alike, those had and those not", async () => {
    const halves = await keyedHalves();
    const [a] = await openAcross(halves, halves.high, { chunkBytes: 32, ttlSeconds: 60 });
    expect((await a.available(3)).indices).toEqual([0, 1, 2]);
    await halves.settle();
    for (const half of halves.both) {
      await half.run(async ({ pool }) => await expireRecords(pool, Date.now() + 61_000));
    }
    await halves.settle();
    for (const half of halves.both) {
      expect(await ledgerOf(half)).toMatchObject({ expired: 3 * CHUNK_BITS, pending: 0, reserved: 0 });
      expect(await rowsIn(half, "key_record")).toBe(0);
    }
  });

  test("runs on units that the other half yields when its own are used up", async () => {
    const halves = await keyedHalves(SHORT, 2);
    const [a, b] = await openAcross(halves, halves.low, { chunkBytes: LIMITS.unitBytes / 16 });
    const first = await a.fetch(Array.from({ length: 16 }, (_, index) => index));
    expect(first.size).toBe(16);
    expect((await a.fetch([16])).size).toBe(1);
    expect(await b.fetch([15, 16])).toMatchObject({ size: 2 });
  });

  test("finds no key of another's, nor a stream that is not its own", async () => {
    const { high, low } = await keyedHalves();
    const [a, b] = await openAcross({ high, low });
    const rpc = streamsAt(high);
    const call = { configVersion: 0, principal: "x", ksid: a.ksid, instance: a.instance, indices: [0] };
    const more = { readAhead: 0, waitMs: 0, afterClose: false };
    expect(await code(rpc.chunks({ ...call, ...more, self: a.self }))).toBe("forbidden");
    expect(await value(rpc.chunks({ ...call, ...more, self: { ...b.self, sae: a.self.sae } }))).toEqual({
      outcome: "unknown",
    });
  });
});

test("no key ID finds chunks at the half that copies them", async () => {
  const { low, high } = await keyedHalves();
  const [a] = await openAcross({ low, high });
  await a.fetch([0, 1]);
  const run = await low.run(async ({ pool }) => {
    const [record] = pool.records.after(0, 1);
    if (record === undefined) throw new Error("there is none");
    return await Promise.resolve(writeKeyIds(record.nonce, pool.secrets.maskOf(record.nonce), record.id, 1));
  });
  expect(await code(high.dec(expandRun(run)))).toBe("key-not-found");
});

test("an end that does not fit what was announced is refused, and both halves raise an alarm", async () => {
  const halves = await keyedHalves();
  const { low, both } = halves;
  const [a] = await openAcross(halves);
  await a.fetch([0]);
  await low.run(async ({ pool }) => {
    const [record] = pool.records.after(0, 1);
    if (record === undefined) throw new Error("there is none");
    await pool.commits.run(() => pool.half.chunksEnded(record, { delivered: 2, as: "voided" }));
  });
  await halves.settle();
  for (const half of both) expect(await half.alarms()).toEqual(["halves-disagree"]);
});

/** Holds the half's posts: when there is one, and when they may go. */
function hold(half: TestHalf): readonly [posted: PromiseWithResolvers<void>, mayGo: PromiseWithResolvers<void>] {
  const [posted, mayGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  half.fate = async (post) => {
    posted.resolve();
    await mayGo.promise;
    return await post();
  };
  return [posted, mayGo];
}

/** The first chunk is void at both ends, and the stream goes on with the second. */
async function expectHole(halves: Halves, [a, b]: Awaited<ReturnType<typeof openAcross>>): Promise<void> {
  for (const end of [a, b]) expect(await end.outcome([0])).toBe("gone");
  expect(await b.fetch([1])).toEqual(await a.fetch([1]));
  await settleBoth(a, b);
  await expectBooks(halves, 1, 1);
}

describe("between making and handing out", () => {
  test("an acknowledgement that does not come leaves a hole at both ends, and the stream goes on", async () => {
    const halves = await keyedHalves(SHORT);
    const [a, b] = await openAcross(halves);
    halves.low.fate = lose;
    expect(await code(a.get([0]))).toBe("unavailable");
    halves.low.fate = send;
    await halves.settle();
    await expectHole(halves, [a, b]);
  });

  test("one whose answer is lost is acknowledged when it is posted again", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    let posts = 0;
    halves.low.fate = async (post) => {
      const answer = await post();
      if (posts++ === 0) throw new Error("lost");
      return answer;
    };
    expect(await a.fetch([0])).toEqual(await b.fetch([0]));
    await settleBoth(a, b);
    await expectBooks(halves, 1);
  });

  test.each(["before", "after"] as const)("a crash %s the other half knows voids them at both", async (when) => {
    const halves = await keyedHalves();
    const { low } = halves;
    const [a, b] = await openAcross(halves);
    low.fate = async (post) => {
      if (when === "after") await post();
      low.crash();
      throw new Error("lost");
    };
    await expect(a.get([0])).rejects.toThrow("crashed");
    low.fate = send;
    await halves.settle();
    await expectHole(halves, [a, b]);
  });

  test("posts that are doubled and late change nothing", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    const late: (() => Promise<unknown>)[] = [];
    halves.low.fate = async (post) => {
      late.push(post);
      return await post();
    };
    for (const index of [0, 1]) expect(await a.fetch([index])).toEqual(await b.fetch([index]));
    await settleBoth(a, b);
    for (const post of late) await post();
    await expectBooks(halves, 2);
  });

  test.each([
    ["one end", false, 1, 0],
    ["both ends", true, 0, 1],
  ])("closed by %s meanwhile, who is left has them, and nobody else", async (_, isByBoth, delivered, voided) => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    const [posted, mayGo] = hold(halves.low);
    const asked = a.get([0]);
    await posted.promise;
    await b.close();
    if (isByBoth) await a.close();
    mayGo.resolve();
    const answer = await asked;
    expect(answer).toMatchObject(isByBoth ? { ok: false } : { ok: true, value: { outcome: "handed" } });
    if (!isByBoth) await a.close();
    await expectBooks(halves, delivered, voided);
    expect(await rowsIn(halves.low, "stream")).toBe(0);
  });

  test("who asks meanwhile waits for them, too", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    const [posted, mayGo] = hold(halves.low);
    const ours = a.fetch([0]);
    await posted.promise;
    const asked = Promise.withResolvers<void>();
    halves.high.streamFate = async (ask) => {
      const reply = ask();
      asked.resolve();
      return await reply;
    };
    const theirs = b.fetch([0]);
    await asked.promise;
    mayGo.resolve();
    expect(await theirs).toEqual(await ours);
    await settleBoth(a, b);
    await expectBooks(halves, 1);
  });

  test("a crash of the half that copies loses nothing", async () => {
    const halves = await keyedHalves();
    const { high } = halves;
    const [a, b] = await openAcross(halves);
    const first = await a.fetch([0, 1]);
    high.crash();
    expect(await b.fetch([0, 1])).toEqual(first);
    await settleBoth(a, b);
    await expectBooks(halves, 2);
  });

  test("a hand-over whose answer is lost has reached nobody: it is had again", async () => {
    const halves = await keyedHalves();
    const [a, b] = await openAcross(halves);
    const first = await a.fetch([0, 1, 2]);
    halves.high.streamFate = async (ask, { verb }) => {
      const reply = await ask();
      if (verb === "chunks") throw new Error("lost");
      return reply;
    };
    expect(await code(b.get([0], { readAhead: 2 }))).toBe("unavailable");
    halves.high.streamFate = async (ask) => await ask();
    expect(await b.fetch([0], { readAhead: 2 })).toEqual(first);
    await settleBoth(a, b);
    await expectBooks(halves, 3);
  });
});
