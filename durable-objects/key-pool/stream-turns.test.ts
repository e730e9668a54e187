/** Calls for chunks that wait for key to come in: who is served first, and who is not served at all. */
import { describe, expect, test } from "vitest";
import type { ChunksAnswer } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { value } from "../../test/support/in-workerd-pool.ts";
import {
  expectConserved,
  makeStreamPool,
  openBoth,
  pushKey,
  type TestEnd,
} from "../../test/support/in-workerd-pool-streams.ts";

/** Resolves when that many calls wait (each has found the pool empty once). */
const WAIT_MS = 30_000;
const NO_FAIR_SHARES = { pool: { capacity_bytes: 1024 * 1024, high_bytes: 0, low_bytes: 0 } };

/** A call that waits, and in which place of all it was answered. */
function waiting(order: string[], name: string, end: TestEnd): Promise<ChunksAnswer> {
  return value(end.get([0], { waitMs: WAIT_MS })).then((answer) => {
    order.push(name);
    return answer;
  });
}

describe("while a pool is empty", () => {
  test("higher priority is served first, whoever came first; all are served in the end", async () => {
    const pool = await makeStreamPool({ bytes: 0, policy: NO_FAIR_SHARES });
    const streams = await Promise.all([0, 7, 3].map(async (priority) => await openBoth(pool, { qos: { priority } })));
    const order: string[] = [];
    const calls = streams.map(([a], at) => waiting(order, ["low", "high", "middle"][at] ?? "", a));
    // Each has looked once when this one has been told that there is nothing.
    expect(await streams[0]?.[1].outcome([0])).toBe("insufficient");
    for (const done of [1, 2, 3]) {
      await pushKey(pool, 32);
      await expect.poll(() => order.length).toBe(done);
    }
    expect(order).toEqual(["high", "middle", "low"]);
    for (const answer of await Promise.all(calls)) expect(answer.outcome).toBe("handed");
    await expectConserved(pool);
  });

  test("one who needs more than has come so far is not overtaken at once", async () => {
    const pool = await makeStreamPool({ bytes: 0, policy: NO_FAIR_SHARES });
    const [large] = await openBoth(pool, { qos: { priority: 1, chunkBytes: 256 } });
    const [small] = await openBoth(pool);
    const first = waiting([], "large", large);
    expect(await large.outcome([0])).toBe("insufficient");
    await pushKey(pool, 200);
    expect(await small.outcome([0])).toBe("insufficient");
    const second = waiting([], "small", small);
    await pushKey(pool, 100);
    expect((await Promise.all([first, second])).map(({ outcome }) => outcome)).toEqual(["handed", "handed"]);
  });

  test("who asks for more than the pool will ever hold is passed before long, and does not hold up others again", async () => {
    const pool = await makeStreamPool({ bytes: 16 * 1024, policy: NO_FAIR_SHARES });
    const most = { priority: 2 ** 32 - 1, chunkBytes: 512 };
    const [greedy] = await openBoth(pool, { a: "greedy", qos: most });
    const [modest] = await openBoth(pool, { a: "modest" });
    const hopeless = value(greedy.get([63], { waitMs: LIMITS.streamTimeoutMs }));
    expect(await greedy.outcome([63])).toBe("insufficient");
    expect(await modest.outcome([0])).toBe("insufficient");
    expect(await modest.outcome([0], { waitMs: WAIT_MS })).toBe("handed");
    const [again] = await openBoth(pool, { a: "greedy", qos: most });
    const hopelessToo = value(again.get([63], { waitMs: LIMITS.streamTimeoutMs }));
    expect(await again.outcome([63])).toBe("insufficient");
    expect(await modest.outcome([1])).toBe("handed");
    await Promise.all([greedy.close(), again.close()]);
    expect([(await hopeless).outcome, (await hopelessToo).outcome]).toEqual(["closed", "closed"]);
  });

  test("who has waited for long enough is told so, and goes out of the way of others", async () => {
    const pool = await makeStreamPool({ bytes: 0, policy: NO_FAIR_SHARES });
    const [large] = await openBoth(pool, { qos: { priority: 1, chunkBytes: 512 } });
    const [small] = await openBoth(pool);
    await pushKey(pool, 32);
    const [first, second] = await Promise.all([
      large.outcome([0], { waitMs: 50 }),
      small.outcome([0], { waitMs: WAIT_MS }),
    ]);
    expect([first, second]).toEqual(["insufficient", "handed"]);
  });

  test("chunks that are made already are handed over to whoever has a right to them", async () => {
    const pool = await makeStreamPool({ bytes: 64, policy: NO_FAIR_SHARES });
    const [a, b] = await openBoth(pool);
    await a.fetch([0, 1]);
    const [urgent] = await openBoth(pool, { qos: { priority: 9 } });
    const waits = waiting([], "urgent", urgent);
    expect(await b.outcome([0, 1])).toBe("handed");
    await pushKey(pool, 32);
    expect((await waits).outcome).toBe("handed");
  });

  test("shares are fair between SAEs: who has had more waits for who has had less", async () => {
    const pool = await makeStreamPool({ bytes: 0 });
    const [greedy] = await openBoth(pool, { a: "greedy", qos: { priority: 9 } });
    const [modest] = await openBoth(pool, { a: "modest" });
    await pushKey(pool, 10 * 32);
    for (let chunk = 0; chunk < 10; chunk++) await greedy.get([chunk]);
    expect(await modest.outcome([0])).toBe("insufficient");
    const order: string[] = [];
    const last = value(greedy.get([10], { waitMs: WAIT_MS })).then(() => order.push("greedy"));
    const first = waiting(order, "modest", modest);
    await pushKey(pool, 32);
    expect((await first).outcome).toBe("handed");
    expect(order).toEqual(["modest"]);
    await pushKey(pool, 64 * 1024);
    await last;
  });
});
