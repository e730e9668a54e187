import { randomUUID } from "node:crypto";
import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FeedBench, feedBench } from "../../test/support/feed-bench.ts";
import { answer } from "../../test/support/fake-edge.ts";

let bench: FeedBench;
let drop: (name: string, bytes: Uint8Array) => void;
const config = () => ({
  type: "directory",
  path: join(bench.folder, "in"),
  complete: "rename",
  poll_ms: 5,
  after: "delete",
});

beforeEach(async () => {
  bench = await feedBench();
  mkdirSync(join(bench.folder, "in"));
  drop = (name, bytes) => writeFileSync(join(bench.folder, "in", name), bytes);
});
afterEach(async () => await bench.stop());

const text = (size: number) => Buffer.alloc(size, randomUUID());

test("while the edge cannot be reached, blocks wait, over a restart too; then each is pushed once", async () => {
  bench.edge.intercept = () => "unreachable";
  const first = await bench.start(config());
  drop("a", text(150_000));
  await vi.waitFor(() => expect(first.feed.gauges.spoolBlocks).toBe(3));
  await vi.waitFor(() => expect(first.alarms()).toEqual(["edge-unreachable"]));
  await first.stop();
  bench.edge.intercept = () => null;
  const second = await bench.start(config());
  await vi.waitFor(() => expect(second.feed.gauges).toMatchObject({ spoolBlocks: 0, blocksDelivered: 3 }));
  expect(bench.edge.pushes.toSorted()).toEqual(["a:0", "a:131072", "a:65536"]);
  expect(second.feed.gauges.spoolBytes).toBe(0);
});

test.each([400, 409, 413])(
  "%i will not change: the block is set aside with the reason, the others go on",
  async (status) => {
    bench.edge.intercept = ({ path }) => (path.includes("a%3A0") ? answer(status, { message: "no\u001b[31m!" }) : null);
    const started = await bench.start(config());
    drop("a", text(100));
    drop("b", text(100));
    await vi.waitFor(() => expect(started.feed.gauges).toMatchObject({ refusedBlocks: 1, blocksDelivered: 1 }));
    expect(started.feed.alarms).toMatchObject([
      { code: "block-refused", subject: "a:0", detail: `no [31m! (${status})`, count: 1 },
    ]);
    await started.stop();
    const again = await bench.start(config());
    await vi.waitFor(() => expect(again.alarms()).toEqual(["block-refused"]));
    await again.stop();
    bench.edge.intercept = () => null;
    const mended = await bench.start(config());
    await vi.waitFor(() => expect(mended.feed.gauges).toMatchObject({ refusedBlocks: 0, blocksDelivered: 1 }));
    expect(bench.edge.blocks.has("a:0")).toBe(true);
  },
);

test.each([401, 403, 404, 429, 500, 503])(
  "%i may change: the block waits, with an alarm, and is pushed then",
  async (status) => {
    let refusals = 0;
    bench.edge.intercept = ({ method }) =>
      method === "PUT" && refusals++ < 2 ? answer(status, { message: "not now" }) : null;
    const started = await bench.start({ ...config(), pushes: 1 });
    drop("a", text(100));
    await vi.waitFor(() => expect(bench.logged.map(({ event }) => event)).toContain("feed alarm cleared"), 10_000);
    await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBe(1));
    expect(started.alarms()).toEqual([]);
  },
);

test("an answer that is none of an edge's is not taken for a delivery", async () => {
  let strange = 0;
  bench.edge.intercept = ({ method }) => (method === "PUT" && strange++ === 0 ? answer(200, { ok: true }) : null);
  const started = await bench.start(config());
  drop("a", text(100));
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBe(1), 10_000);
  expect(bench.edge.blocks.size).toBe(1);
});

test("a quarantined block is delivered, and said", async () => {
  bench.edge.twoEnded = true;
  bench.edge.blocks.set("a:0", { node: "other", bytes: text(100), state: "unmatched" });
  const started = await bench.start(config());
  drop("a", text(100));
  await vi.waitFor(() => expect(started.alarms()).toEqual(["block-quarantined"]));
  expect(started.feed.alarms[0]).toMatchObject({ subject: "a:0", detail: "twin-mismatch" });
});

test("while the pool is as full as its high watermark, the device is not read", async () => {
  Object.assign(bench.edge, { availableBits: 8000, highBits: 8000 });
  const started = await bench.start(config());
  drop("a", text(100));
  await vi.waitFor(() => expect(started.feed.gauges.heldBack).toBe(true));
  expect(started.feed.gauges.blocksRead).toBe(0);
  bench.edge.availableBits = 0;
  await vi.waitFor(() => expect(started.feed.gauges).toMatchObject({ heldBack: false, blocksDelivered: 1 }), 10_000);
});

test("a full spool stops the reading, with an alarm, until the edge takes blocks again", async () => {
  bench.edge.intercept = () => "unreachable";
  const started = await bench.start({ ...config(), spool_blocks: 2 });
  drop("a", text(5 * 65_536));
  await vi.waitFor(() => expect(started.alarms()).toContain("spool-full"));
  expect(started.feed.gauges).toMatchObject({ spoolBlocks: 2, blocksRead: 2 });
  bench.edge.intercept = () => null;
  await vi.waitFor(() => expect(started.feed.gauges).toMatchObject({ blocksDelivered: 5 }), 20_000);
  expect(bench.edge.pushes).toHaveLength(5);
  await vi.waitFor(() => expect(started.alarms()).toEqual([]));
});
