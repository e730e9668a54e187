import { describe, expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { chunkMessage, readDemand, SOCKET_END } from "./socket.ts";
import { windowMessages } from "./window.ts";
import { type Ksid, streamName } from "./types.ts";
import type { NodeId } from "../ids.ts";

describe("credits and receipts", () => {
  it.each([{ credits: 8 }, { received: 0 }, { credits: LIMITS.streamCredits, received: Number.MAX_SAFE_INTEGER }])(
    "are read: %j",
    (demand) => expect(readDemand(JSON.stringify(demand))).toEqual(demand),
  );
  const bad = ["", "{}", "8", '{"credits":0}', '{"credits":1.5}', '{"credits":"8"}', '{"credits":1,"x":1}', "[1]"];
  const badReceipts = ['{"received":-1}', '{"received":1e300}', '{"credits":0,"received":1}', '{"received":null}'];
  it.each([...bad, ...badReceipts, `{"credits":${LIMITS.streamCredits + 1}}`, `{"credits":${"0".repeat(100)}1}`])(
    "are not: %s",
    (text) => expect(readDemand(text)).toBeNull(),
  );
  it("are not binary", () => expect(readDemand(new ArrayBuffer(8))).toBeNull());
});

it("a chunk is told with its index, in base64", () => {
  expect(JSON.parse(chunkMessage(7, new Uint8Array([1, 2, 255]), '{"age":1,"hops":0}'))).toEqual({
    index: 7,
    Key_buffer: "AQL/",
    Metadata: '{"age":1,"hops":0}',
  });
});

it("what is on its way has a bound, whatever the size of chunks", () => {
  const longest = '{"age":604800000,"hops":15}';
  for (const bytes of [8, 32, 1000, 4096, 40_000]) {
    const { length } = chunkMessage(2 ** 32 - 1, new Uint8Array(bytes), longest);
    expect(windowMessages(bytes) * length).toBeLessThanOrEqual(LIMITS.streamUnreceiptedChars);
  }
  expect(windowMessages(10 * LIMITS.streamUnreceiptedChars)).toBe(1);
});

it("reasons for an end are short enough for a close frame", () => {
  for (const { reason } of Object.values(SOCKET_END)) expect(new TextEncoder().encode(reason).length).toBeLessThan(124);
});

it("KSIDs that follow each other are spread over a node's objects", () => {
  const names = Array.from({ length: 1000 }, (_, i) => {
    const ksid = `00000000-0000-4000-8000-${i.toString(16).padStart(12, "0")}` as Ksid;
    return streamName(ksid, "n1" as NodeId);
  });
  const counts = [...Map.groupBy(names, (name) => name).values()].map(({ length }) => length);
  expect(counts.length).toBe(LIMITS.streamObjects);
  expect(Math.max(...counts)).toBeLessThan(2 * (1000 / LIMITS.streamObjects));
});
