/** Random histories of a link that carries relays: what is done, and what goes wrong. */
import fc from "fast-check";
import { FATES } from "./in-workerd-model-life.ts";

const side = fc.constantFrom<0 | 1>(0, 1);
const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("draw" as const),
      side,
      pair: fc.nat(2),
      bytes: fc.integer({ min: 1, max: 600 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      which: fc.nat(10),
      wrong: fc.constantFrom("", "", "", "", "relay", "bytes", "nonce", "record"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("enc" as const),
      count: fc.integer({ min: 1, max: 4 }),
      sizeBytes: fc.integer({ min: 16, max: 200 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("dec" as const), which: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("chunk" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("import" as const), bytes: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), bytes: fc.integer({ min: 500, max: 6000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("upkeep" as const) }) },
);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("burst" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 5 }),
      fate: fc.option(fc.tuple(fc.nat(3), fc.constantFrom(...FATES)), { freq: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(500, 4000, 30_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("void" as const) }) },
);
export const relayPlot = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 30, size: "max" }) });
export type RelayPlot = typeof relayPlot extends fc.Arbitrary<infer T> ? T : never;
