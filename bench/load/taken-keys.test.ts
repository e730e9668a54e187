import { randomBytes, randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TakenKeys } from "./taken-keys.ts";

const newKey = () => ({ id: randomUUID() as string, key: randomBytes(32).toString("base64") });

test("what goes in comes out once, in whatever order", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.option(random, { freq: 2 }), { maxLength: 3000, size: "max" }), (turns) => {
      const taken = new TakenKeys(256);
      const model = new Map<string, string>();
      for (const turn of turns) {
        if (turn === null) {
          const { id, key } = newKey();
          taken.add(id, key);
          model.set(id, key);
          continue;
        }
        const out = taken.take(turn);
        expect(out === undefined).toBe(model.size === 0);
        if (out === undefined) continue;
        expect(model.get(out.id) === out.key).toBe(true);
        model.delete(out.id);
      }
      expect(taken.count).toBe(model.size);
    }),
    { numRuns: 30 },
  );
});

test("more than it has room for at first", () => {
  const taken = new TakenKeys(256);
  const keys = Array.from({ length: 5000 }, newKey);
  for (const { id, key } of keys) taken.add(id, key);
  const out = keys.map(() => taken.take(Math.random()));
  expect(new Set(out.map((each) => each?.id))).toEqual(new Set(keys.map(({ id }) => id)));
  expect(taken.take(0)).toBeUndefined();
});
