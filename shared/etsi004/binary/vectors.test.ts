/** Octets as the Python port of ETSI's gs004-app-int sent and answered them. */
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { FrameReader } from "./frame-reader.ts";
import type { Message } from "./messages.ts";

const qos: Qos = {
  chunkBytes: 32,
  maxBps: 40_000,
  minBps: 5000,
  jitterBps: 10,
  priority: 0,
  timeoutMs: 5000,
  ttlSeconds: 3600,
  metadataMimetype: "application/json",
};
const ksid = "00112233-4455-4677-8899-aabbccddeeff" as Ksid;
const KSID_HEX = "00112233445546778899aabbccddeeff";
const NUMBERS_HEX = "0000002000009c40000013880000000a000000000000138800000e10";
const QOS_HEX = `${NUMBERS_HEX}6170706c69636174696f6e2f6a736f6e${"00".repeat(240)}`;
const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const metadata = '{"age": 1795230197170, "hops": 0}';

const vectors: readonly (readonly [string, Message, string])[] = [
  [
    "B-01 OPEN_CONNECT",
    { type: "open-request", source: "client://localhost", destination: "server://x", qos, ksid: null },
    `010001020000014a636c69656e743a2f2f6c6f63616c686f7374007365727665723a2f2f7800${QOS_HEX}${"00".repeat(16)}`,
  ],
  [
    "OPEN_CONNECT of a KSID",
    { type: "open-request", source: "client://localhost", destination: "server://x", qos, ksid },
    `010001020000014a636c69656e743a2f2f6c6f63616c686f7374007365727665723a2f2f7800${QOS_HEX}${KSID_HEX}`,
  ],
  [
    "B-01 opened",
    { type: "open-response", status: 0, stream: { qos, ksid } },
    `010001030000013000000000${QOS_HEX}${KSID_HEX}`,
  ],
  [
    "B-11 opened with other QoS",
    { type: "open-response", status: 7, stream: { qos, ksid } },
    `010001030000013000000007${QOS_HEX}${KSID_HEX}`,
  ],
  ["B-08 in use", { type: "open-response", status: 5, stream: null }, "010001030000000400000005"],
  [
    "B-02 GET_KEY",
    { type: "get-key-request", ksid, index: 0, metadataSize: 64 },
    `0100010400000018${KSID_HEX}0000000000000040`,
  ],
  [
    "B-02 key",
    { type: "get-key-response", status: 0, chunk: { index: 0, key, metadata }, neededSize: null },
    `0100010500000051000000000000000000000020${toHex(key)}00000021${Buffer.from(metadata).toString("hex")}`,
  ],
  [
    "B-03 metadata too small",
    { type: "get-key-response", status: 8, chunk: null, neededSize: 33 },
    "01000105000000080000000800000021",
  ],
  [
    "B-05 insufficient",
    { type: "get-key-response", status: 2, chunk: null, neededSize: null },
    "010001050000000400000002",
  ],
  ["B-06 CLOSE", { type: "close-request", ksid }, `0100010800000010${KSID_HEX}`],
  ["B-06 closed", { type: "close-response", status: 0 }, "010001090000000400000000"],
];

test.each(vectors)("%s", (_name, message, hex) => {
  expect(toHex(encodeMessage(message))).toBe(hex);
  const reader = new FrameReader(message.type.endsWith("request") ? "requests" : "responses");
  const { frames, fault } = reader.push(fromHex(hex) as Uint8Array);
  expect(fault).toBeNull();
  expect(frames.map((frame) => decodeMessage(frame))).toEqual([{ ok: true, value: message }]);
});

const bytesOf = (name: string) => (vectors.find(([each]) => each === name)?.[2].length ?? 0) / 2;

test("lengths of whole frames", () => {
  expect([bytesOf("B-01 OPEN_CONNECT"), bytesOf("B-01 opened"), bytesOf("B-02 key")]).toEqual([338, 312, 89]);
});
