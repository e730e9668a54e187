import fc from "fast-check";
import { expect, test } from "vitest";
import { markFreed, zeroFreed } from "./freed.ts";

const slice = (unitBytes: number) =>
  fc.oneof(
    fc.tuple(fc.nat(unitBytes - 1), fc.nat(40)),
    fc.tuple(
      fc.nat(unitBytes - 1).map((at) => at - (at % 16)),
      fc.constantFrom(16, 32, 64),
    ),
  );
const history = fc
  .constantFrom(1, 7, 8, 9, 15, 16, 17, 100, 128, 4096)
  .chain((unitBytes) => fc.tuple(fc.constant(unitBytes), fc.array(slice(unitBytes), { maxLength: 30 })));

test("exactly what is marked is zeroed, however it is aligned", () => {
  fc.assert(
    fc.property(history, ([unitBytes, slices]) => {
      const expected = new Uint8Array(unitBytes).fill(0xff);
      let freed: Uint8Array | null = null;
      for (const [offset, wanted] of slices) {
        const length = Math.min(wanted, unitBytes - offset);
        expected.fill(0, offset, offset + length);
        freed = markFreed(freed, unitBytes, { unit: 1, offset, length });
        const plaintext = new Uint8Array(unitBytes).fill(0xff);
        zeroFreed(plaintext, freed);
        expect(plaintext).toEqual(expected);
      }
    }),
  );
});

test("keys of 256 bits keep the map of a unit at 32 bytes", () => {
  let freed: Uint8Array | null = null;
  for (let offset = 0; offset < 4096; offset += 32) freed = markFreed(freed, 4096, { unit: 1, offset, length: 32 });
  expect(freed).toEqual(new Uint8Array(32).fill(0xff));
});
