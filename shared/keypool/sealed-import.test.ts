/** Keys of a multicast under pad and tag: they open as they were sealed, and nothing else opens. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { NodeId, PairName, SaeId } from "../ids.ts";
import type { RelayId } from "../relay/types.ts";
import { type ImportTerms, openImport, type SealedImport, sealImport } from "./sealed-import.ts";

const count = fc.nat();
const name = fc.string({ minLength: 1, maxLength: 5 });
const terms: fc.Arbitrary<ImportTerms> = fc.record({
  pair: name as unknown as fc.Arbitrary<PairName>,
  shard: count,
  from: name as unknown as fc.Arbitrary<NodeId>,
  master: name as unknown as fc.Arbitrary<SaeId>,
  recipients: fc.array(
    fc.record({
      sae: name as unknown as fc.Arbitrary<SaeId>,
      node: name as unknown as fc.Arbitrary<NodeId>,
    }),
    { minLength: 1, maxLength: 3 },
  ),
  nonce: name,
  mask: name,
  keys: count,
  sizeBytes: count,
  expiresMs: count,
  draw: fc.record({ shard: count, record: count, nonce: name }),
  drawn: fc.uuid() as unknown as fc.Arbitrary<RelayId>,
});
const sealing = fc.integer({ min: 1, max: 100 }).chain((length) =>
  fc.record({
    terms,
    keys: fc.uint8Array({ minLength: length, maxLength: length }),
    drawn: fc.uint8Array({ minLength: length + 32, maxLength: length + 32 }),
  }),
);
const isWiped = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

test("keys open as they were sealed; pad and tag key are gone at both ends", () => {
  fc.assert(
    fc.property(sealing, ({ terms: said, keys, drawn }) => {
      const taken = drawn.slice();
      const sealed = sealImport(said, drawn, keys);
      expect(isWiped(drawn)).toBe(true);
      expect(sealed).toMatchObject(said);
      expect(openImport(sealed, taken)).toEqual(keys);
      expect(isWiped(taken.subarray(keys.length))).toBe(true);
    }),
  );
});

test("whatever is changed of them, they do not open, and the pad is gone", () => {
  fc.assert(
    fc.property(sealing, terms, fc.nat(), ({ terms: said, keys, drawn }, other, which) => {
      const taken = drawn.slice();
      const sealed: SealedImport = sealImport(said, drawn, keys);
      const members = Object.keys(other) as (keyof ImportTerms)[];
      const member = members[which % members.length]!;
      const changed = { ...sealed, [member]: other[member] };
      fc.pre(JSON.stringify(changed[member]) !== JSON.stringify(sealed[member]));
      expect(openImport(changed, taken)).toBeNull();
      expect(isWiped(taken)).toBe(true);
    }),
  );
});

test("pad of another length opens nothing", () => {
  fc.assert(
    fc.property(sealing, fc.boolean(), ({ terms: said, keys, drawn }, isShort) => {
      const taken = isShort ? drawn.slice(1) : Uint8Array.of(...drawn, 0);
      expect(openImport(sealImport(said, drawn, keys), taken)).toBeNull();
    }),
  );
});
