import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { KeyId } from "../ids.ts";
import {
  batchPrefix,
  MASK_BYTES,
  MAX_RECORD,
  makeNonce,
  nonceOfPrefix,
  prefixOfNonce,
  recordOf,
  shardOfKeyId,
} from "./key-id.ts";
import { expandRun, indicesOf, isKeyIdRun, writeKeyIds } from "./key-id-run.ts";

test("an ID leads back to shard, record and index", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.nat(63),
      fc.integer({ min: 0, max: MAX_RECORD }),
      fc.integer({ min: 1, max: 20 }),
      fc.uint8Array({ minLength: MASK_BYTES, maxLength: MASK_BYTES }),
      (random, shard, record, count, mask) => {
        const nonce = makeNonce(random, shard);
        const run = writeKeyIds(nonce, mask, record, count);
        expect(indicesOf(run, mask)).toEqual(Array.from({ length: count }, (_, index) => index));
        const ids = expandRun(run);
        expect(new Set(ids).size).toBe(count);
        ids.forEach((id, index) => {
          expect(isKeyIdRun(id)).toBe(true);
          expect(batchPrefix(id)).toBe(prefixOfNonce(nonce));
          expect(nonceOfPrefix(batchPrefix(id))).toEqual(nonce);
          expect([recordOf(id, mask), indicesOf(id, mask)]).toEqual([record, [index]]);
          expect(shardOfKeyId(id)).toBe(shard);
        });
      },
    ),
    { numRuns: 100 },
  );
});

test("IDs are version 4 UUIDs and show neither record number nor index", () => {
  const ids = [1, 2].flatMap((record) => {
    const nonce = makeNonce(randomBytes(8), 0);
    return expandRun(writeKeyIds(nonce, randomBytes(MASK_BYTES), record, 2));
  });
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids.map((id) => id.slice(24))).size).toBe(4);
});

test("other text is no key ID", () => {
  for (const text of ["", "x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "not-a-uuid-at-all-but-36-chars-long!!"]) {
    expect(shardOfKeyId(text as KeyId)).toBeNull();
  }
});
