import fc from "fast-check";
import { expect, test } from "vitest";
import { keyIdsOf, keysOf, sameKeys } from "./containers.ts";

const key = fc.record({ key_ID: fc.uuid(), key: fc.base64String({ minLength: 4, maxLength: 64 }) });
const keys = fc.uniqueArray(key, { selector: ({ key_ID }) => key_ID, minLength: 1, maxLength: 20 });
const written = (list: readonly object[]): string => JSON.stringify({ keys: list });

test("IDs are found where they are, in order", () => {
  fc.assert(
    fc.property(keys, (list) => {
      expect(keyIdsOf(written(list))).toEqual(list.map(({ key_ID }) => key_ID));
      expect(keysOf(written(list))).toEqual(list);
    }),
  );
  expect(keyIdsOf('{"message":"not enough keys available"}')).toEqual([]);
});

test("containers are the same whatever their order, and not with another key, one less or one more", () => {
  fc.assert(
    fc.property(keys, (list) => {
      expect(sameKeys(written(list), written(list.toReversed()))).toBe(true);
      expect(sameKeys(written(list), written(list.slice(1)))).toBe(false);
      expect(sameKeys(written(list.slice(1)), written(list))).toBe(false);
      const [first, ...rest] = list;
      expect(sameKeys(written(list), written([{ ...first, key: `${first?.key}AAAA` }, ...rest]))).toBe(false);
    }),
  );
});
