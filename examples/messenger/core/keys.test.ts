import { describe, expect, test } from "vitest";
import { type KmeStatus, RefusedError, UnreachableError } from "../../../client/index.ts";
import { BOUNDS } from "./bounds.ts";
import { EMPTY_BOOK, noted, rowOf, withWay } from "./key-book.ts";
import { KeySource, type Waiting } from "./key-source.ts";
import { Clock } from "./testing/world.ts";
import { hopsInWords, wayOf } from "./way.ts";

const key = { keyId: "00000000-0000-4000-8000-000000000000", key: new Uint8Array(32) };
const short = (retryAfterSeconds: number | null = null) =>
  new RefusedError("not enough keys available", { status: 503, retryAfterSeconds });

/** @param answers of the key management entity, one after the other */
function source(...answers: readonly (Error | "key")[]) {
  const clock = new Clock();
  const seen = { waiting: [] as (readonly Waiting[])[], pausesMs: [] as number[], signedOut: 0 };
  const left = [...answers];
  const answer = async () => {
    await Promise.resolve();
    const next = left.shift();
    if (next instanceof Error) throw next;
    return [key];
  };
  const keys = new KeySource({
    kme: { getKey: answer, getKeyWithIds: answer },
    peer: "sae-b",
    now: clock.now,
    pause: async (ms, signal) => {
      seen.pausesMs.push(ms);
      clock.nowMs += ms;
      await Promise.resolve();
      signal.throwIfAborted();
    },
    onWaiting: (waiting) => void seen.waiting.push(waiting),
    onSignedOut: () => void seen.signedOut++,
  });
  return { keys, seen, clock };
}

describe("keys from the own key management entity", () => {
  const { signal } = new AbortController();

  test("are waited for, with the reason in its words and since when; then nothing is waited for", async () => {
    const { keys, seen, clock } = source(short(), short(), new UnreachableError("no answer in time"), "key");
    const sinceMs = clock.nowMs;
    expect(await keys.take(256, signal)).toBe(key);
    expect(seen.waiting).toEqual([
      [{ whose: "mine", sinceMs, reason: "not enough keys available" }],
      [{ whose: "mine", sinceMs, reason: "no answer in time" }],
      [],
    ]);
  });

  test("are asked for again as late as was said, and ever less often, both bounded", async () => {
    const { keys, seen } = source(short(2), short(1000), ...Array.from({ length: 10 }, () => short()), "key");
    await keys.take(256, signal);
    expect(seen.pausesMs.slice(0, 2)).toEqual([2000, BOUNDS.keyPauseMaxMs]);
    expect(seen.pausesMs.at(-1)).toBe(BOUNDS.keyPauseMaxMs);
  });

  test("to one whom it does not know (any more) there are none, and that is said", async () => {
    const { keys, seen } = source(new RefusedError("HTTP 401", { status: 401 }), "key");
    await keys.take(256, signal);
    expect(seen.signedOut).toBe(1);
  });

  test("by an ID that it does not have are none; one that it cannot give yet is waited for", async () => {
    const unknown = new RefusedError("not found", { status: 400 });
    expect(await source(unknown).keys.fetch(key.keyId, 256, signal)).toBeNull();
    expect(await source(short(), "key").keys.fetch(key.keyId, 256, signal)).toBe(key.key);
  });

  test("are not waited for when the conversation is over", async () => {
    const over = new AbortController();
    const { keys, seen } = source(short(), short());
    const taken = keys.take(256, over.signal);
    over.abort(new Error("over"));
    await expect(taken).rejects.toThrow("over");
    expect(seen.waiting.at(-1) ?? []).toEqual([]);
  });
});

const status = (qkdedge?: object): KmeStatus => ({
  source_KME_ID: "k1",
  target_KME_ID: "k2",
  master_SAE_ID: "a",
  slave_SAE_ID: "b",
  key_size: 256,
  stored_key_count: 7,
  max_key_count: 9,
  max_key_per_request: 1,
  max_key_size: 4096,
  min_key_size: 64,
  max_SAE_ID_count: 0,
  ...(qkdedge === undefined ? {} : { status_extension: { qkdedge } }),
});

describe("the way of the keys, by the Status", () => {
  const path = { nodes: ["n1", "n2", "n3"], hops: 2 };
  const relay = { paths: [path], stored_hops: null, last_paths: [] };

  test.each([
    ["one link", { link: "l", source: "push" }, { hops: 1, nodes: [] }, "1 hop"],
    ["one node", { link: null, source: "local" }, { hops: 0, nodes: [] }, "within one node"],
    ["relayed, as it would come now", { relay }, { hops: 2, nodes: path.nodes }, "2 hops: n1 › n2 › n3"],
    [
      "relayed, as what is in store came",
      { relay: { ...relay, stored_hops: { min: 3, max: 3 }, last_paths: [["n1", "n4", "n5", "n3"]] } },
      { hops: 3, nodes: ["n1", "n4", "n5", "n3"] },
      "3 hops: n1 › n4 › n5 › n3",
    ],
    [
      "seen from the other end",
      { relay: { ...relay, paths: [{ ...path, nodes: ["n3", "n2", "n1"] }] } },
      { hops: 2, nodes: path.nodes },
      "2 hops: n1 › n2 › n3",
    ],
    ["nonsense", { relay: { paths: 5, stored_hops: "x" } }, { hops: null, nodes: [] }, "way not told"],
    ["another vendor's", undefined, { hops: null, nodes: [] }, "way not told"],
  ])("%s", (_what, extension, expected, words) => {
    const way = wayOf(status(extension), "n1");
    expect(way).toMatchObject({ ...expected, storedKeys: 7, maxKeyBits: 4096 });
    expect(hopsInWords(way)).toBe(words);
  });
});

test("the book counts bits by what they were for, and learns the way of keys that came before it was told", () => {
  const row = { keyId: "a", whose: "mine", use: "sealing", bits: 256, atMs: 0, way: null } as const;
  const book = noted(noted(EMPTY_BOOK, row), { ...row, keyId: "b", use: "pad", bits: 300 });
  expect(book).toMatchObject({ sealingKeys: 1, sealingBits: 256, padBits: 300 });
  const way = { hops: 3, nodes: [], isSimulated: false, storedKeys: 1, maxKeyBits: 1, minKeyBits: 1 };
  expect(rowOf(withWay(book, way), "a")?.way?.hops).toBe(3);
  let long = book;
  for (let i = 0; i < 100; i++) long = noted(long, { ...row, keyId: String(i) });
  expect([long.rows.length, long.sealingKeys]).toEqual([BOUNDS.keysShown, 101]);
});
