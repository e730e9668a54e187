import { expect, test } from "vitest";
import { NO_WISHES } from "../../../../shared/etsi004/qos.ts";
import { fakeKey, FakeStreams, jsonAnswer } from "../../../../test/support/fake-streams.ts";
import { edgeStreams } from "../../etsi004/edge-streams.ts";
import { ksidOfLane, OpenLanes } from "../../etsi004-json/lanes.ts";
import { moduleQkd } from "./qkd.ts";

const NEVER = new AbortController().signal;
const UUIDS = {
  sourceUuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  destinationUuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
};
const SOURCE = "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const DESTINATION = "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const QOS = { ...NO_WISHES, chunkBytes: 64, timeoutMs: 3000 };

async function rig() {
  const edge = await FakeStreams.start();
  const streams = edgeStreams({ ask: edge.ask(), binding: "json-tcp", log: () => undefined });
  const lanes = new OpenLanes();
  const open = (counts = false) => moduleQkd({ streams, lanes, ...UUIDS, qos: QOS, counts }, NEVER);
  return { edge, lanes, open };
}

test("the stream that the module's QKD node opens for the same two texts, and its chunk 0", async () => {
  const { edge, lanes, open } = await rig();
  const opened = await open();
  if (!opened.ok) throw new Error(opened.error);
  const ksid = ksidOfLane(SOURCE, DESTINATION, 0);
  const wish = JSON.parse(edge.asked[0]?.body ?? "") as Record<string, unknown>;
  expect(wish).toMatchObject({ source: SOURCE, destination: DESTINATION, key_stream_ID: ksid, binding: "json-tcp" });
  expect(wish["QOS"]).toMatchObject({ Key_chunk_size: 64 });
  const key = await opened.value.key(NEVER);
  expect(key.ok && Buffer.from(key.value).equals(fakeKey(ksid, 0, 64))).toBe(true);
  expect(JSON.parse(edge.asked.at(-1)?.body ?? "")).toMatchObject({ index: 0 });
  await opened.value.close();
  await opened.value.close();
  expect(edge.asked.filter(({ path }) => path.endsWith("/close"))).toHaveLength(1);
  expect(edge.openStreams).toBe(0);
  expect(lanes.has(ksid)).toBe(false);
});

test("two sessions at once have streams of their own", async () => {
  const { edge, open } = await rig();
  const [first, second] = [await open(), await open()];
  expect([first.ok, second.ok, edge.openStreams]).toEqual([true, true, 2]);
  const keys = await Promise.all([first, second].map(async (each) => (each.ok ? await each.value.key(NEVER) : each)));
  expect(keys.map((key) => (key.ok ? Buffer.from(key.value).toString("hex") : key.error))).toEqual(
    [0, 1].map((lane) => fakeKey(ksidOfLane(SOURCE, DESTINATION, lane), 0, 64).toString("hex")),
  );
});

test("what was had is not given again: the reason is told", async () => {
  const { edge, open } = await rig();
  const opened = await open();
  edge.intercept = ({ path }) => (path.endsWith("/get_key") ? jsonAnswer(503, { status: 2, message: "had" }) : null);
  expect(opened.ok && (await opened.value.key(NEVER))).toEqual({
    ok: false,
    error: "the stream has no key at index 0: status 2",
  });
});

test("where the module's node counts: chunk after chunk by its number, one that was missed again", async () => {
  const { edge, open } = await rig();
  const opened = await open(true);
  if (!opened.ok) throw new Error(opened.error);
  const indexes = () => edge.asked.slice(1).map(({ body }) => (JSON.parse(body) as { index: number }).index);
  expect([(await opened.value.key(NEVER)).ok, (await opened.value.key(NEVER)).ok]).toEqual([true, true]);
  edge.intercept = () => jsonAnswer(503, { status: 2, message: "had" });
  expect([(await opened.value.key(NEVER)).ok, (await opened.value.key(NEVER)).ok]).toEqual([false, false]);
  expect(indexes()).toEqual([0, 1, 2, 2]);
});

test("no stream: the edge's own words", async () => {
  const { edge, open } = await rig();
  edge.intercept = () => jsonAnswer(404, { status: 4, message: "nobody has this address" });
  expect(await open()).toEqual({ ok: false, error: "nobody has this address" });
});
