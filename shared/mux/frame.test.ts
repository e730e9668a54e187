import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { CODES, type Code } from "./codes.ts";
import { decodeFrame } from "./decode.ts";
import { encodeFrame, isServiceName } from "./encode.ts";
import { FRAME_TYPES, type Frame, framesOf, HEADER_BYTES, isWhole, slotOf, withSlot } from "./frame.ts";

const slot = fc.nat(0xffff);
const stream = fc.integer({ min: 1, max: 0xffff_ffff });
const socket = fc.constant(0);
const u32 = fc.nat(0xffff_ffff);
const code = fc.constantFrom(...(Object.keys(CODES) as Code[]));
const text = fc.string({ unit: "binary", maxLength: 60 }).map((each) => each.toWellFormed());
const token = fc.uint8Array({ minLength: 8, maxLength: 8 });
const ending = { code, reason: text };

const frame: fc.Arbitrary<Frame> = fc.oneof<fc.Arbitrary<Frame>[]>(
  fc.record({
    type: fc.constant("open" as const),
    slot,
    stream,
    creditBytes: u32,
    service: text.filter((each) => isServiceName(each)),
  }),
  fc.record({ type: fc.constant("accept" as const), slot, stream, creditBytes: u32 }),
  fc.record({ type: fc.constantFrom("refuse" as const, "reset" as const), slot, stream, ...ending }),
  fc.record({
    type: fc.constant("data" as const),
    slot,
    stream,
    payload: fc.uint8Array({ maxLength: 300 }),
    fin: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("credit" as const),
    slot,
    stream,
    creditBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
  }),
  fc.record({ type: fc.constant("fin" as const), slot, stream }),
  fc.record({ type: fc.constantFrom("ping" as const, "pong" as const), slot, stream: socket, token }),
  fc.record({ type: fc.constant("goaway" as const), slot, stream: socket, ...ending }),
  fc.record({ type: fc.constantFrom("ack" as const, "mark" as const), slot, stream: socket, token }),
  fc.record({ type: fc.constant("peer-gone" as const), slot, stream: socket }),
  fc.record({ type: fc.constant("peer-gone" as const), slot, stream: socket, token }),
);

// A second codec, written from the page and not from the code: slow, plain, with DataView.

const NUMBERS = [
  "open",
  "accept",
  "refuse",
  "data",
  "credit",
  "fin",
  "reset",
  "ping",
  "pong",
  "goaway",
  "ack",
  "peer-gone",
  "mark",
] as const;
const utf8 = (each: string) => [...new TextEncoder().encode(each)];
const be = (value: number | bigint, bytes: number) =>
  Array.from({ length: bytes }, (_, at) => Number((BigInt(value) >> BigInt(8 * (bytes - 1 - at))) & 0xffn));

function naiveEncode(each: Frame): number[] {
  const number = NUMBERS.indexOf(each.type) + 1;
  const payload: number[] = [];
  if ("creditBytes" in each) payload.push(...be(each.creditBytes, 4));
  if ("service" in each) payload.push(...utf8(each.service));
  if ("code" in each) payload.push(...be(CODES[each.code].wire, 2), ...utf8(each.reason));
  if ("token" in each) payload.push(...each.token);
  if ("payload" in each) payload.push(...each.payload);
  const flags = "fin" in each && each.fin ? 1 : 0;
  return [...be(each.slot, 2), number, flags, ...be(each.stream, 4), ...be(payload.length, 4), ...payload];
}

function naiveDecode(bytes: Uint8Array): Frame | null {
  if (bytes.length < 12) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [slotNumber, number, flags, id] = [view.getUint16(0), view.getUint8(2), view.getUint8(3), view.getUint32(4)];
  const type = NUMBERS[number - 1];
  const rest = bytes.slice(12);
  if (view.getUint32(8) !== rest.length) return null;
  const head = { slot: slotNumber, stream: id };
  if (type === undefined || flags > 1 || (flags === 1 && type !== "data")) return null;
  if (["ping", "pong", "goaway", "ack", "peer-gone", "mark"].includes(type) ? id !== 0 : id === 0) return null;
  const lossy = (from: number) => new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(rest.slice(from));
  if (type === "data") return rest.length > 65_536 ? null : { type, ...head, payload: rest, fin: flags === 1 };
  if ((type === "fin" || type === "peer-gone") && rest.length === 0) return { type, ...head };
  if (type === "fin") return null;
  if (type === "ping" || type === "pong" || type === "ack" || type === "mark" || type === "peer-gone")
    return rest.length === 8 ? { type, ...head, token: rest } : null;
  if (type === "accept" || type === "credit") {
    if (rest.length !== 4 || (type === "credit" && view.getUint32(12) === 0)) return null;
    return { type, ...head, creditBytes: view.getUint32(12) };
  }
  if (type === "open") {
    const service = rest.length >= 5 && rest.length <= 132 ? lossy(4) : null;
    const valid = service !== null && utf8(service).join() === rest.slice(4).join();
    return valid ? { type, ...head, creditBytes: view.getUint32(12), service } : null;
  }
  if (rest.length < 2 || rest.length > 258) return null;
  const found = Object.entries(CODES).find(([, { wire }]) => wire === view.getUint16(12));
  return { type, ...head, code: (found?.[0] ?? "unspecified") as Code, reason: lossy(2) };
}

describe("against a second codec", () => {
  test("both encode alike, and each reads what the other wrote", () => {
    fc.assert(
      fc.property(frame, (each) => {
        const bytes = encodeFrame(each);
        expect([...bytes]).toEqual(naiveEncode(each));
        expect(decodeFrame(bytes)).toEqual({ ok: true, value: each });
        expect(naiveDecode(bytes)).toEqual(each);
      }),
      { numRuns: 500 },
    );
  });

  /** Real frames, bent: nearer to the borders than random bytes. */
  const bent = fc
    .tuple(frame, fc.array(fc.tuple(fc.nat(20), fc.nat(255)), { maxLength: 4 }), fc.nat(12), fc.nat(200))
    .map(([each, changes, cut, more]) => {
      const bytes = encodeFrame(each);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const kept = bytes.subarray(0, Math.max(0, bytes.length - cut));
      const longer = new Uint8Array(kept.length + (cut === 0 ? more : 0));
      longer.set(kept);
      return longer;
    });

  test("whatever the bytes, nothing throws and both judge alike", () => {
    fc.assert(
      fc.property(fc.oneof(bent, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        const decoded = decodeFrame(bytes);
        expect(decoded.ok ? decoded.value : null).toEqual(naiveDecode(bytes));
      }),
      { numRuns: 3000 },
    );
  });
});

test.each(Object.entries(FRAME_TYPES))("%s: one byte beside its bounds is refused", (_, rule) => {
  const bytesOf = (payloadBytes: number) => {
    const bytes = new Uint8Array(HEADER_BYTES + payloadBytes).fill(0x41, HEADER_BYTES);
    bytes.set([0, 0, rule.wire, 0, 0, 0, 0, rule.stream ? 1 : 0, ...be(payloadBytes, 4)]);
    return decodeFrame(bytes);
  };
  expect(bytesOf(rule.minBytes).ok).toBe(true);
  expect(bytesOf(rule.maxBytes).ok).toBe(true);
  expect(bytesOf(rule.maxBytes + 1)).toMatchObject({ ok: false, error: { kind: "bad-length" } });
  if (rule.minBytes > 0) expect(bytesOf(rule.minBytes - 1)).toMatchObject({ ok: false, error: { kind: "bad-length" } });
});

test("a message is its frames, however it is cut short", () => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.nat(30), (frames, cut) => {
      const all = frames.map((each) => encodeFrame(each));
      const message = Uint8Array.from(all.flatMap((bytes) => [...bytes]));
      expect([...framesOf(message)]).toEqual(all);
      const short = message.subarray(0, Math.max(0, message.length - 1 - cut));
      const pieces = [...framesOf(short)];
      const whole = pieces.filter((piece) => isWhole(piece));
      expect(whole).toEqual(all.slice(0, whole.length));
      // What is left over, and no frame: at most one piece, unless the cut was between two.
      expect(pieces.length - whole.length).toBeLessThanOrEqual(1);
      expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(short.length);
    }),
  );
});

test("a hub changes the slot in place and nothing else", () => {
  fc.assert(
    fc.property(frame, slot, (each, other) => {
      const bytes = encodeFrame(each);
      expect(withSlot(bytes, other)).toBe(bytes);
      expect(slotOf(bytes)).toBe(other);
      expect(decodeFrame(bytes)).toEqual({ ok: true, value: { ...each, slot: other } });
    }),
  );
});

test("a reason that is too long is cut at a character's border", () => {
  const bytes = encodeFrame({ type: "reset", slot: 0, stream: 1, code: "cancelled", reason: "é".repeat(500) });
  const decoded = decodeFrame(bytes);
  expect(decoded).toMatchObject({ ok: true, value: { reason: "é".repeat(LIMITS.tunnelReasonBytes / 2) } });
});

test("types have numbers of their own", () => {
  const numbers = Object.values(FRAME_TYPES).map(({ wire }) => wire);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test("codes have numbers of their own, and an unknown one reads as unspecified", () => {
  const numbers = Object.values(CODES).map(({ wire }) => wire);
  expect(new Set(numbers).size).toBe(numbers.length);
  const bytes = encodeFrame({ type: "reset", slot: 0, stream: 1, code: "cancelled", reason: "" });
  bytes.set([0xff, 0xfe], HEADER_BYTES);
  expect(decodeFrame(bytes)).toMatchObject({ ok: true, value: { code: "unspecified" } });
});
