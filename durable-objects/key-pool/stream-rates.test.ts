/** Max_bps, of what streams draw from the pool: whatever the ends ask for. */
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { makeStreamPool, openBoth, pushKey } from "../../test/support/in-workerd-pool-streams.ts";

/** It takes hours to earn a chunk. */
const SLOW = { chunkBytes: 512, maxBps: 1 };
const { streamReadAhead } = LIMITS;

test("indices far apart draw no more than indices in a row", async () => {
  const pool = await makeStreamPool();
  const [a, b] = await openBoth(pool, { qos: SLOW });
  expect(await a.outcome([63])).toBe("handed");
  const { available } = (await pool.status()).ledgerBits;
  expect(await a.outcome([127])).toBe("insufficient");
  expect(await a.outcome([64], { waitMs: 1 })).toBe("insufficient");
  expect((await pool.status()).ledgerBits.available).toBe(available);
  // What is made is there for both, and others are not held up.
  expect([...(await b.fetch([63], { readAhead: streamReadAhead })).keys()]).toEqual([63]);
  const [other] = await openBoth(pool);
  expect(await other.outcome([0])).toBe("handed");
});

test("what is read ahead is within it, too", async () => {
  const [a, b] = await openBoth(await makeStreamPool(), { qos: SLOW });
  expect((await a.fetch([0, 1, 2], { readAhead: streamReadAhead })).size).toBe(1 + streamReadAhead);
  expect(await a.outcome([1 + streamReadAhead])).toBe("insufficient");
  expect((await b.fetch([0], { readAhead: streamReadAhead })).size).toBe(1 + streamReadAhead);
});

test("who asked in vain has lost nothing of it", async () => {
  const pool = await makeStreamPool({ bytes: 0 });
  const [a] = await openBoth(pool, { qos: SLOW });
  for (let time = 0; time < 20; time++) expect(await a.outcome([0])).toBe("insufficient");
  await pushKey(pool, 64 * 1024);
  expect(await a.outcome([0])).toBe("handed");
});
