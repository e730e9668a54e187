import { shake256 } from "@noble/hashes/sha3.js";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { placeOnes, weight } from "./bits.ts";
import { samplePlaces } from "./sampling.ts";

/** As the specification's pseudo-code has it, in whole numbers of any length. */
function naivePlaces(words: readonly number[], bound: number): number[] {
  const places: number[] = [];
  for (let i = words.length - 1; i >= 0; i--) {
    const drawn = i + Number((BigInt(words[words.length - 1 - i]!) * BigInt(bound - i)) >> 32n);
    places.unshift(places.includes(drawn) ? i : drawn);
  }
  return places;
}

/** A bound and at most as many places: often so few that a place is drawn twice. */
const shapes = fc
  .integer({ min: 1, max: 300 })
  .chain((bound) => fc.tuple(fc.constant(bound), fc.integer({ min: 1, max: bound })));

test("places are the specification's, all different and below the bound, list after list from one stream", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), shapes, (seed, [bound, count]) => {
      const stream = shake256(seed, { dkLen: 8 * count });
      const view = new DataView(stream.buffer);
      const words = Array.from({ length: 2 * count }, (_, i) => view.getUint32(4 * i, true));
      const lists = samplePlaces(seed, 2, count, bound);
      expect(lists.map((list) => [...list])).toEqual([
        naivePlaces(words.slice(0, count), bound),
        naivePlaces(words.slice(count), bound),
      ]);
      for (const list of lists) {
        expect(new Set(list).size).toBe(count);
        expect(list.every((place) => place >= 0 && place < bound)).toBe(true);
      }
    }),
  );
});

test("ones stand at the places inside a range, and nowhere else", () => {
  const range = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 200 }));
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 399 })), range, (places, [start, bits]) => {
      const out = new Int32Array(Math.ceil(bits / 32)).fill(-1);
      placeOnes(out, Int32Array.from(places), start, bits);
      const inside = places.filter((place) => place >= start && place < start + bits);
      expect(weight(out)).toBe(inside.length);
      for (const place of inside) expect((out[(place - start) >> 5]! >>> ((place - start) & 31)) & 1).toBe(1);
    }),
  );
});
