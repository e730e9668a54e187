import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../bytes/hex.ts";
import { LIMITS } from "../../limits.ts";
import { GrowingBuffer } from "../growing-buffer.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { FrameReader } from "./frame-reader.ts";
import { MAX_CHUNK_AND_METADATA_BYTES, type Message } from "./messages.ts";

const u32 = fc.nat(0xffff_ffff);
const text = (maxLength: number) =>
  fc.string({ unit: "binary", maxLength }).map((each) => each.toWellFormed().replaceAll("\0", ""));
const ksid = fc.uuid().map((each) => each as Ksid);
const qos: fc.Arbitrary<Qos> = fc.record({
  chunkBytes: u32,
  maxBps: u32,
  minBps: u32,
  jitterBps: u32,
  priority: u32,
  timeoutMs: u32,
  ttlSeconds: u32,
  metadataMimetype: text(60),
});
const plainStatus = u32.filter((status) => ![0, 7, 8].includes(status));
const type = <T extends string>(name: T) => fc.constant(name);
const request: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: type("open-request"),
    source: text(80),
    destination: text(80),
    qos,
    ksid: fc.option(ksid),
  }),
  fc.record({ type: type("get-key-request"), ksid, index: u32, metadataSize: u32 }),
  fc.record({ type: type("close-request"), ksid }),
);
const response: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: type("open-response"),
    status: fc.constantFrom(0, 7),
    stream: fc.record({ qos, ksid }),
  }),
  fc.record({ type: type("open-response"), status: plainStatus, stream: fc.constant(null) }),
  fc.record({
    type: type("get-key-response"),
    status: fc.constant(0),
    chunk: fc.record({ index: u32, key: fc.uint8Array({ maxLength: 300 }), metadata: text(40) }),
    neededSize: fc.constant(null),
  }),
  fc.record({
    type: type("get-key-response"),
    status: fc.constant(8),
    chunk: fc.constant(null),
    neededSize: u32,
  }),
  fc.record({
    type: type("get-key-response"),
    status: plainStatus,
    chunk: fc.constant(null),
    neededSize: fc.constant(null),
  }),
  fc.record({ type: type("close-response"), status: u32 }),
);

// A second codec, written from the page and not from the code: arrays of numbers, one frame at a time.

const WIRE = [
  "open-request",
  "open-response",
  "get-key-request",
  "get-key-response",
  "",
  "",
  "close-request",
  "close-response",
];
const be = (value: number) => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
const utf8 = (each: string) => [...new TextEncoder().encode(each)];
const octets = (each: Ksid | null) => [...Buffer.from((each ?? "").replaceAll("-", "").padEnd(32, "0"), "hex")];
const naiveTail = ({ metadataMimetype, ...numbers }: Qos, each: Ksid | null) => [
  ...Object.values(numbers).flatMap(be),
  ...utf8(metadataMimetype),
  ...Array.from({ length: 256 - utf8(metadataMimetype).length }, () => 0),
  ...octets(each),
];

function naivePayload(each: Message): number[] {
  if (each.type === "open-request") {
    return [...utf8(each.source), 0, ...utf8(each.destination), 0, ...naiveTail(each.qos, each.ksid)];
  }
  if (each.type === "get-key-request") return [...octets(each.ksid), ...be(each.index), ...be(each.metadataSize)];
  if (each.type === "close-request") return octets(each.ksid);
  const body: number[] = [];
  if (each.type === "open-response" && each.stream !== null) body.push(...naiveTail(each.stream.qos, each.stream.ksid));
  if (each.type === "get-key-response" && each.neededSize !== null) body.push(...be(each.neededSize));
  if (each.type === "get-key-response" && each.chunk !== null) {
    const { index, key, metadata } = each.chunk;
    body.push(...be(index), ...be(key.length), ...key, ...be(utf8(metadata).length), ...utf8(metadata));
  }
  return [...be(each.status), ...body];
}

function naiveEncode(each: Message): number[] {
  const payload = naivePayload(each);
  return [1, 0, 1, WIRE.indexOf(each.type) + 2, ...be(payload.length), ...payload];
}

/** Whole frames, in order, up to the first header that cannot be; by looking at all the bytes at once. */
function naiveFrames(bytes: Uint8Array, requests: boolean): { frames: string[]; isBroken: boolean } {
  const frames: string[] = [];
  let rest = bytes;
  for (;;) {
    if ([1, 0, 1].some((byte, i) => i < rest.length && rest[i] !== byte)) return { frames, isBroken: true };
    if (rest.length < 4) return { frames, isBroken: false };
    const wire = rest[3] as number;
    if (!(requests ? [2, 4, 8] : [3, 5, 9]).includes(wire)) return { frames, isBroken: true };
    if (rest.length < 8) return { frames, isBroken: false };
    const length = Buffer.from(rest).readUInt32BE(4);
    const [min, max] =
      { 2: [302, 65_536], 3: [4, 304], 4: [24, 24], 5: [4, 65_536], 8: [16, 16], 9: [4, 4] }[wire] ?? [];
    if (length < (min ?? 0) || length > (max ?? 0)) return { frames, isBroken: true };
    if (rest.length < 8 + length) return { frames, isBroken: false };
    frames.push(`${WIRE[wire - 2]} ${toHex(rest.subarray(8, 8 + length))}`);
    rest = rest.subarray(8 + length);
  }
}

/** What a reader makes of the bytes, cut as given. */
function readCut(bytes: Uint8Array, cuts: readonly number[], requests: boolean) {
  const reader = new FrameReader(requests ? "requests" : "responses");
  const frames: string[] = [];
  let isBroken = false;
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [i, start] of borders.slice(0, -1).entries()) {
    const read = reader.push(bytes.slice(start, borders[i + 1]));
    frames.push(...read.frames.map(({ type: name, payload }) => `${name} ${toHex(payload)}`));
    isBroken = read.fault !== null;
  }
  return { frames, isBroken };
}

/** Bytes that are frames, nearly frames, or anything. */
const soup = fc
  .array(
    fc.oneof(
      fc.tuple(request, fc.option(fc.nat(400)), fc.nat(255)).map(([each, at, byte]) => {
        const bytes = encodeMessage(each);
        if (at !== null && at < bytes.length) bytes[at] = byte;
        return bytes;
      }),
      response.map(encodeMessage),
      fc.uint8Array({ maxLength: 30 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe("against a second codec", () => {
  test("both encode alike, and what was encoded is read back", () => {
    fc.assert(
      fc.property(fc.oneof(request, response), (each) => {
        const bytes = encodeMessage(each);
        expect([...bytes]).toEqual(naiveEncode(each));
        expect(decodeMessage({ type: each.type, payload: bytes.subarray(8) })).toEqual({ ok: true, value: each });
      }),
    );
  });

  test("any bytes, cut anyhow, give the frames that a look at the whole gives", () => {
    fc.assert(
      fc.property(soup, fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), (bytes, cuts, requests) => {
        expect(readCut(bytes, cuts, requests)).toEqual(naiveFrames(bytes, requests));
      }),
      { numRuns: 500 },
    );
  });

  test("any payload is read as the second codec would write it, or refused; nothing is thrown", () => {
    const types = ["open-request", "open-response", "get-key-request", "get-key-response", "close-response"] as const;
    const bent = fc
      .tuple(fc.oneof(request, response), fc.nat(600), fc.nat(255), fc.nat(40))
      .map(([each, at, byte, cut]) => {
        const payload = encodeMessage(each).slice(8);
        if (at < payload.length) payload[at] = byte;
        return { type: each.type, payload: cut < 10 ? payload.subarray(0, payload.length - cut) : payload };
      });
    const wild = fc.record({ type: fc.constantFrom(...types), payload: fc.uint8Array({ maxLength: 400 }) });
    fc.assert(
      fc.property(fc.oneof(bent, wild), (frame) => {
        const decoded = decodeMessage(frame);
        if (!decoded.ok) return;
        const again = Uint8Array.from(naivePayload(decoded.value));
        // But for what stands behind the NUL of a MIME type, every octet counts.
        expect(again.length).toBe(frame.payload.length);
        expect(decodeMessage({ type: frame.type, payload: again })).toEqual(decoded);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a stream of frames", () => {
  const close: Message = { type: "close-request", ksid: "00112233-4455-4677-8899-aabbccddeeff" as Ksid };
  const frame = encodeMessage(close);

  test("B-12 one byte at a time; three in one segment", () => {
    const reader = new FrameReader("requests");
    const single = [...frame].flatMap((byte) => reader.push(Uint8Array.of(byte)).frames);
    expect(single).toHaveLength(1);
    expect(reader.pendingBytes).toBe(0);
    expect(reader.push(Uint8Array.from([...frame, ...frame, ...frame])).frames).toHaveLength(3);
  });

  test.each([
    ["HTTP", [0x47], "bad-version"],
    ["another version", [1, 0, 2], "bad-version"],
    ["an unknown type", [1, 0, 1, 0x7f], "unknown-type"],
    ["a response among requests", [1, 0, 1, 9], "unknown-type"],
    ["4 GiB", [1, 0, 1, 2, 0xff, 0xff, 0xff, 0xff], "bad-length"],
    ["one byte above 64 KiB", [1, 0, 1, 2, 0, 1, 0, 1], "bad-length"],
    ["a GET_KEY of 25 bytes", [1, 0, 1, 4, 0, 0, 0, 25], "bad-length"],
    ["an OPEN_CONNECT without room for QOS", [1, 0, 1, 2, 0, 0, 1, 0x2d], "bad-length"],
    ["nothing at all", [1, 0, 1, 8, 0, 0, 0, 0], "bad-length"],
  ] as const)("B-13 %s ends it at the byte that shows it", (_name, bytes, fault) => {
    const reader = new FrameReader("requests");
    expect(reader.push(frame)).toMatchObject({ frames: [{}], fault: null });
    expect(reader.push(Uint8Array.from(bytes.slice(0, -1))).fault).toBeNull();
    expect(reader.push(Uint8Array.from(bytes.slice(-1)))).toEqual({ frames: [], fault });
    expect(reader.push(frame)).toEqual({ frames: [], fault });
  });

  test("a frame before the fault is still handed over", () => {
    const reader = new FrameReader("requests");
    expect(reader.push(Uint8Array.from([...frame, 0x16]))).toMatchObject({ frames: [{}], fault: "bad-version" });
  });

  test("what a header claims takes no room; what comes takes its own, and at most twice that", () => {
    const reader = new FrameReader("requests");
    reader.push(Uint8Array.of(1, 0, 1, 2, 0, 1, 0, 0));
    expect(reader.pendingBytes).toBe(8);
    reader.push(new Uint8Array(100));
    expect(reader.pendingBytes).toBe(108);
    const buffer = new GrowingBuffer();
    for (let i = 0; i < 1000; i++) buffer.append(Uint8Array.of(i));
    const taken = buffer.take();
    expect([taken.length, buffer.byteLength]).toEqual([1000, 0]);
    expect(taken.buffer.byteLength).toBeLessThanOrEqual(2048);
  });
});

const key = (bytes: number, metadata: string): Message => ({
  type: "get-key-response",
  status: 0,
  chunk: { index: 0, key: new Uint8Array(bytes), metadata },
  neededSize: null,
});

describe("payloads that are not what they should be", () => {
  const open: Message = {
    type: "open-request",
    source: "client://a",
    destination: "server://b",
    qos: {
      chunkBytes: 32,
      maxBps: 0,
      minBps: 0,
      jitterBps: 0,
      priority: 0,
      timeoutMs: 0,
      ttlSeconds: 0,
      metadataMimetype: "",
    },
    ksid: null,
  };
  const bentOpen = (bend: (payload: Uint8Array) => void) => {
    const payload = encodeMessage(open).slice(8);
    bend(payload);
    return decodeMessage({ type: "open-request", payload });
  };

  test("B-14 a URI without NUL, a missing destination, no UTF-8, a URI too long", () => {
    expect(bentOpen((payload) => payload.fill(0x61, 0, 22))).toEqual({ ok: false, error: "bad-body" });
    expect(bentOpen((payload) => payload.fill(0x61, 10, 11))).toEqual({ ok: false, error: "bad-body" });
    expect(bentOpen((payload) => payload.fill(0, 15, 16))).toEqual({ ok: false, error: "bad-body" });
    expect(bentOpen((payload) => payload.fill(0xff, 0, 1))).toEqual({ ok: false, error: "bad-text" });
    const source = "x".repeat(LIMITS.streamUriChars + 1);
    const payload = encodeMessage({ ...open, source }).slice(8);
    expect(decodeMessage({ type: "open-request", payload })).toEqual({ ok: false, error: "bad-text" });
  });

  test("what is behind the NUL of a MIME type is ignored; one without NUL is read whole", () => {
    const mimeAt = 22 + 28;
    expect(bentOpen((payload) => payload.fill(0x61, mimeAt + 1, mimeAt + 256))).toMatchObject({
      value: { qos: { metadataMimetype: "" } },
    });
    expect(bentOpen((payload) => payload.fill(0x61, mimeAt, mimeAt + 256))).toMatchObject({
      value: { qos: { metadataMimetype: "a".repeat(256) } },
    });
  });

  test("what cannot be written is thrown, not cut", () => {
    expect(encodeMessage(key(MAX_CHUNK_AND_METADATA_BYTES - 2, "{}")).length).toBe(8 + LIMITS.streamFrameBytes);
    expect(() => encodeMessage(key(MAX_CHUNK_AND_METADATA_BYTES - 1, "{}"))).toThrow(RangeError);
    expect(() => encodeMessage({ ...open, source: "a\0b" })).toThrow(RangeError);
    expect(() => encodeMessage({ ...open, qos: { ...open.qos, metadataMimetype: "x".repeat(257) } })).toThrow(
      RangeError,
    );
    expect(() => encodeMessage({ ...open, qos: { ...open.qos, maxBps: 2 ** 32 } })).toThrow(RangeError);
    expect(() => encodeMessage({ type: "open-response", status: 0, stream: null })).toThrow(RangeError);
    expect(() => encodeMessage({ type: "close-request", ksid: "x" as Ksid })).toThrow(RangeError);
  });
});
