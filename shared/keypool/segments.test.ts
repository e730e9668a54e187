import fc from "fast-check";
import { expect, test } from "vitest";
import { copySegments, freeBytes, type OpenUnit, type Segment, takeSegments, unitsUnder } from "./segments.ts";

const unitLengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });

test("takes every byte once, in order, and nothing where too little is left", () => {
  fc.assert(
    fc.property(unitLengths, fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 20 }), (lengths, requests) => {
      const units: OpenUnit[] = lengths.map((length, id) => ({ id, length, cursor: 0 }));
      const flat = lengths.flatMap((length, id) => Array.from({ length }, (_, offset) => `${id}:${offset}`));
      const taken: string[] = [];
      for (const bytes of requests) {
        const before = freeBytes(units);
        const segments = takeSegments(units, bytes);
        expect(segments === null).toBe(bytes > before);
        expect(freeBytes(units)).toBe(segments === null ? before : before - bytes);
        for (const s of segments ?? []) {
          for (let i = 0; i < s.length; i++) taken.push(`${s.unit}:${s.offset + i}`);
        }
      }
      expect(taken).toEqual(flat.slice(0, taken.length));
    }),
  );
});

test("copies any stretch of what the segments spell", () => {
  fc.assert(
    fc.property(unitLengths, fc.nat(200), fc.nat(200), (lengths, a, b) => {
      const plain = lengths.map((length, id) => Uint8Array.from({ length }, (_, i) => (id * 53 + i) & 0xff));
      const whole = plain.flatMap((bytes) => [...bytes]);
      const segments: Segment[] = lengths.map((length, unit) => ({ unit, offset: 0, length }));
      const from = a % whole.length;
      const target = new Uint8Array(Math.min(b, whole.length - from));
      if (target.length === 0) return;
      copySegments(segments, from, target, (unit) => plain[unit]!);
      expect([...target]).toEqual(whole.slice(from, from + target.length));
      const needed = new Set(unitsUnder(segments, from, from + target.length));
      const owner = lengths.flatMap((length, unit) => Array.from({ length }, () => unit));
      expect(needed).toEqual(new Set(owner.slice(from, from + target.length)));
    }),
  );
  expect(() => copySegments([], 0, new Uint8Array(1), () => new Uint8Array())).toThrow(RangeError);
});
