import fc from "fast-check";
import { expect, it } from "vitest";
import { metadataOf } from "./metadata.ts";
import { METADATA_MIMETYPE } from "./qos.ts";

const of = (size: number, ageMs = 1234, hops = 0, mimetype: string = METADATA_MIMETYPE) =>
  metadataOf({ mimetype, size }, { madeMs: 1_000_000, hops }, 1_000_000 + ageMs);

it("tells the age in milliseconds and the hops", () => {
  expect(of(1000)).toEqual({ text: '{"age":1234,"hops":0}' });
  expect(of(1000, -5, 2)).toEqual({ text: '{"age":0,"hops":2}' });
  expect(of(1000, 2 ** 40)).toEqual({ text: '{"age":4294967295,"hops":0}' });
});

it("is none where none is wanted, or the stream has none", () => {
  expect(of(0)).toEqual({ text: null });
  expect(of(1000, 0, 0, "")).toEqual({ text: null });
});

it("fits the size that is told to be enough, however much later", () => {
  const ages = fc.integer({ min: 0, max: 2 ** 33 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      ages,
      ages,
      fc.integer({ min: 0, max: 300 }),
      (size, age, more, hops) => {
        const first = of(size, age, hops);
        if ("text" in first) expect(first.text!.length).toBeLessThanOrEqual(size);
        else expect(of(first.neededSize, age + more, hops)).toHaveProperty("text");
      },
    ),
  );
});
