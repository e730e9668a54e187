import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyId } from "../ids.ts";
import {
  countKeys,
  expandGrant,
  expandRuns,
  firstId,
  isKeyIdRun,
  type KeyIdRun,
  keysIn,
  packRuns,
  tailsOf,
} from "./key-id-run.ts";

const tail = fc.integer({ min: 0, max: 0xffff });
const written = (number: number): string => number.toString(16).padStart(4, "0");
/** Neighbours that share their heads, one group after the other. */
const groups = fc.uniqueArray(fc.tuple(fc.uuid({ version: 4 }), fc.array(tail, { minLength: 1, maxLength: 6 })), {
  selector: ([id]) => id.slice(0, 32),
  maxLength: 5,
});
const idsOf = ([id, tails]: readonly [string, readonly number[]]): KeyId[] =>
  tails.map((number) => (id.slice(0, 32) + written(number)) as KeyId);

test("IDs packed and expanded are the same in the same order; neighbours of one record are one run", () => {
  fc.assert(
    fc.property(groups, (all) => {
      const ids = all.flatMap(idsOf);
      const runs = packRuns(ids);
      expect(expandRuns(runs)).toEqual(ids);
      expect(runs.map(keysIn)).toEqual(all.map(([, tails]) => tails.length));
      expect(runs.map(firstId)).toEqual(all.map((group) => idsOf(group)[0]));
      expect(runs.map(tailsOf)).toEqual(all.map(([, tails]) => tails));
      expect([countKeys(runs), runs.every(isKeyIdRun)]).toEqual([ids.length, true]);
    }),
  );
});

test("a list of single IDs is one of runs", () => {
  fc.assert(
    fc.property(fc.array(fc.uuid()), (ids) => {
      expect(expandRuns(ids as KeyId[])).toEqual(ids);
    }),
  );
});

test("each key of an expanded grant has its size", () => {
  const [first, second] = ["0f1e2d3c-4b5a-4697-8877-66554433", "1f1e2d3c-4b5a-4697-8877-66554433"];
  const grant = {
    keyIds: [`${first}000100020003`, `${second}ffff`] as KeyIdRun[],
    sizesBytes: [2, 5],
    bytes: new Uint8Array(11),
  };
  expect(expandGrant(grant)).toEqual({
    keyIds: [`${first}0001`, `${first}0002`, `${first}0003`, `${second}ffff`],
    sizesBytes: [2, 2, 2, 5],
    bytes: grant.bytes,
  });
});

describe("no run", () => {
  const id = "0f1e2d3c-4b5a-4697-8877-665544332211";
  test.each([
    "",
    id.slice(1),
    `${id}0`,
    `${id}00g0`,
    id.toUpperCase(),
    `${id}${id}`,
    `${id} 0001`,
    `${id}0001\n`,
    `x${id}`,
  ])("%j", (text) => expect(isKeyIdRun(text)).toBe(false));
});
