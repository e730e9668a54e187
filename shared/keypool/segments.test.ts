import fc from "fast-check";
import { expect, test } from "vitest";
import { freeBytes, type OpenUnit, type Segment, slicesOf, takeSegments } from "./segments.ts";

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

const spell = (parts: readonly Segment[]) =>
  parts.flatMap(({ unit, offset, length }) => Array.from({ length }, (_, i) => `${unit}:${offset + i}`));

test("slices any stretch of what the segments spell", () => {
  fc.assert(
    fc.property(unitLengths, fc.nat(200), fc.nat(200), (lengths, a, b) => {
      const segments: Segment[] = lengths.map((length, unit) => ({ unit, offset: 7 * unit, length }));
      const whole = spell(segments);
      const from = a % whole.length;
      const to = Math.min(whole.length, from + b);
      expect(spell(slicesOf(segments, from, to))).toEqual(whole.slice(from, to));
    }),
  );
});
