/** Key streams over relayed key: what a chunk came over is told with it. */
import { expect, test } from "vitest";
import { value } from "../../test/support/in-workerd-pool.ts";
import { openBoth, streamsOf } from "../../test/support/in-workerd-pool-streams.ts";
import { FakeNode, makeRelayed, RELAY_SHARD, relayInto } from "../../test/support/in-workerd-relayed.ts";

test("each chunk tells how many trusted nodes its key came over, and the stream the most of what is at hand", async () => {
  const pool = await makeRelayed({ policy: { pool: { capacity_bytes: 65_536, high_bytes: 0, low_bytes: 0 } } });
  await FakeNode.of(pool);
  for (const hops of [4, 2]) await relayInto(pool, { bytes: 64, hops });
  const [a, b] = await openBoth(pool, { qos: { chunkBytes: 64 }, shard: RELAY_SHARD });
  const call = { configVersion: 0, ksid: a.ksid };
  const state = async () => await value(streamsOf(pool, RELAY_SHARD).streamState({ ...call, sae: a.self.sae }));
  expect(await state()).toMatchObject({ hops: 3 });
  for (const end of [a, b]) {
    for (const [index, hops] of [3, 1].entries()) {
      expect(await value(end.get([index]))).toMatchObject({ outcome: "handed", chunks: [{ index, hops }] });
    }
    await end.settle();
  }
  // The third is relayed for it, over one node.
  expect(await value(a.get([2]))).toMatchObject({ chunks: [{ index: 2, hops: 1 }] });
  expect(await state()).toMatchObject({ hops: 1 });
});

test("a chunk of a link's key tells of none", async () => {
  const pool = await makeRelayed({ source: "push", feed: "one-ended", at: 0 });
  await value(pool.push("f:0", crypto.getRandomValues(new Uint8Array(4096))));
  const [a] = await openBoth(pool, { qos: { chunkBytes: 64 } });
  const handed = await value(a.get([0]));
  expect(handed.outcome === "handed" && handed.chunks[0]).toEqual({ index: 0, madeMs: expect.any(Number) });
});
