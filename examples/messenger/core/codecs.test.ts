import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BROWSERS } from "../../../shared/limits-browsers.ts";
import { BOUNDS } from "./bounds.ts";
import { decodeHead, encodeHead, type FrameHead, HEAD_BYTES } from "./frame.ts";
import { keyIdBytes, keyIdText } from "./key-id.ts";
import { decodeMessage, encodeMessage, type MessageHead } from "./message.ts";
import { decodeRecord, encodeRecord, type SealedRecord } from "./record.ts";
import { bytesToSamples, Resampler, samplesToBytes } from "./samples.ts";
import { SEAL_BYTES } from "./sealer.ts";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Uint8Array.from(some));
const keyId = fc.uuid();
const u32 = fc.nat({ max: 0xffff_ffff });
const id = fc.stringMatching(/^[0-9a-f]{16}$/);

const head: fc.Arbitrary<FrameHead> = fc.record({
  kind: fc.constantFrom("sealed", "pad"),
  direction: fc.constantFrom(0, 1),
  keyId,
  counter: fc.maxSafeNat(),
});

const record: fc.Arbitrary<SealedRecord> = fc.oneof(
  fc.record({ type: fc.constant("hello" as const), from: u32, known: u32 }),
  fc.record({
    type: fc.constant("data" as const),
    to: u32,
    from: u32,
    number: u32,
    acknowledged: u32,
    message: bytes(100),
  }),
  fc.record({ type: fc.constant("ack" as const), to: u32, from: u32, acknowledged: u32 }),
  fc.record({ type: fc.constant("key-please" as const), keyId }),
  fc.record({ type: fc.constant("sound" as const), to: u32, call: u32, number: u32, samples: bytes(100) }),
);

const message: fc.Arbitrary<MessageHead> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), id, text: fc.string({ minLength: 1, unit: "grapheme" }) }),
  fc.record({ kind: fc.constant("file-chunk" as const), id, offset: fc.nat({ max: BOUNDS.fileBytes }) }),
  fc.record({ kind: fc.constant("call" as const), call: u32, step: fc.constantFrom("ring", "end") }),
  fc.record({ kind: fc.constant("pad" as const), id, keyId }),
);

describe("what is written is what is read", () => {
  test("heads of frames", () => {
    fc.assert(
      fc.property(head, (value) => {
        expect(decodeHead(new Uint8Array([...encodeHead(value), ...new Uint8Array(16)]))).toEqual(value);
      }),
    );
  });

  test("records", () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(decodeRecord(encodeRecord(value))).toEqual(value);
      }),
    );
  });

  test("messages", () => {
    fc.assert(
      fc.property(message, bytes(200), (value, body) => {
        expect(decodeMessage(encodeMessage(value, body))).toEqual({ head: value, body });
      }),
    );
  });

  test("key IDs and samples", () => {
    fc.assert(
      fc.property(keyId, (value) => {
        expect(keyIdText(keyIdBytes(value)!)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.int16Array(), (samples) => {
        expect(bytesToSamples(samplesToBytes(samples))).toEqual(samples);
      }),
    );
  });
});

test("whatever comes, reading it gives a value or null", () => {
  fc.assert(
    fc.property(bytes(80), (garbage) => {
      decodeHead(garbage);
      decodeRecord(garbage);
      decodeMessage(garbage);
    }),
    { numRuns: 500 },
  );
});

test("heads of another version, kind or direction, and counters beyond a number's, are none", () => {
  const good = new Uint8Array([
    ...encodeHead({ kind: "sealed", direction: 0, keyId: "00000000-0000-4000-8000-000000000000", counter: 5 }),
    ...new Uint8Array(16),
  ]);
  expect(decodeHead(good)).not.toBeNull();
  for (const [at, value] of [
    [0, 2],
    [1, 3],
    [2, 2],
    [HEAD_BYTES - 8, 0xff],
  ] as const) {
    const bad = good.slice();
    bad[at] = value;
    expect(decodeHead(bad)).toBeNull();
  }
  expect(decodeHead(good.subarray(0, HEAD_BYTES + 15))).toBeNull();
});

/** As on the wire, whatever it says. */
const written = (value: unknown) => {
  const json = new TextEncoder().encode(JSON.stringify(value));
  return new Uint8Array([json.length >> 8, json.length & 255, ...json]);
};

test("messages that break a bound are not taken, and not made", () => {
  const name = "x".repeat(BOUNDS.fileNameChars + 1);
  const offer = { kind: "file-offer", id: "0123456789abcdef", name: "x", mediaType: "", sizeBytes: 1 };
  expect(decodeMessage(written(offer))).not.toBeNull();
  for (const change of [
    { name },
    { name: "" },
    { sizeBytes: BOUNDS.fileBytes + 1 },
    { sizeBytes: -1 },
    { id: "../../etc/passwd" },
    { kind: "what" },
  ]) {
    expect(decodeMessage(written({ ...offer, ...change }))).toBeNull();
  }
  const chunk = { kind: "file-chunk", id: "0123456789abcdef", offset: 0 } as const;
  expect(() => encodeMessage(chunk, new Uint8Array(BOUNDS.messageBytes))).toThrow(RangeError);
});

test("the largest of all fits a frame of the room", () => {
  const text = { kind: "text", id: "0123456789abcdef", text: "\u{1F511}".repeat(BOUNDS.textChars / 2) } as const;
  expect(encodeMessage(text).length).toBeLessThan(BOUNDS.messageBytes);
  const chunk = { kind: "file-chunk", id: "0123456789abcdef", offset: BOUNDS.fileBytes } as const;
  const largest = encodeMessage(chunk, new Uint8Array(BOUNDS.chunkBytes));
  const data = encodeRecord({ type: "data", to: 1, from: 2, number: 3, acknowledged: 4, message: largest });
  expect(data.length + SEAL_BYTES).toBeLessThanOrEqual(BROWSERS.roomFrameBytes);
  expect(BOUNDS.messageBytes + SEAL_BYTES + 17).toBeLessThanOrEqual(BROWSERS.roomFrameBytes);
});

test("another rate has as many samples as its share, and keeps a steady level", () => {
  for (const [from, to] of [
    [48_000, 16_000],
    [44_100, 16_000],
    [16_000, 48_000],
  ] as const) {
    const [resampler, out] = [new Resampler(from, to), [] as number[]];
    for (let i = 0; i < from; i++) resampler.push(0.5, (sample) => out.push(sample));
    expect(Math.abs(out.length - to)).toBeLessThanOrEqual(1);
    expect(out.every((sample) => Math.abs(sample - 0.5) < 1e-9)).toBe(true);
  }
});
