/** What happens in a history of two halves of a pool, and how such histories are made up. */
import fc from "fast-check";
import type { Fate } from "./in-workerd-model-life.ts";
import { burstOf, type End } from "./in-workerd-model-steps.ts";

export type Operation =
  | { readonly do: "enc" | "their enc"; readonly count: number; readonly octets: number }
  | { readonly do: "dec" | "their dec"; readonly record: number; readonly first: number; readonly keys: number }
  | { readonly do: "their void"; readonly record: number }
  | { readonly do: "void" | "retire" | "their retire" | "catch up" | "their post" };

export type Step =
  | { readonly do: "push"; readonly bytes: number; readonly ends: "both" | "ours" | "theirs" }
  | {
      readonly do: "burst";
      readonly operations: readonly Operation[];
      readonly turns: number;
      readonly fate: readonly [at: number, Fate] | null;
    }
  | { readonly do: "evict" };

export interface HalvesPlot {
  readonly own: End;
  /** Of what becomes of posts. */
  readonly seed: number;
  readonly steps: readonly Step[];
}

const amount = { count: fc.integer({ min: 1, max: 9 }), octets: fc.integer({ min: 1, max: 900 }) };
const some = { record: fc.nat(5), first: fc.nat(8), keys: fc.integer({ min: 1, max: 9 }) };
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("enc" as const, "their enc" as const), ...amount }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("dec" as const, "their dec" as const), ...some }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("catch up" as const, "their post" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("void" as const, "retire" as const, "their retire" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("their void" as const), record: fc.nat(5) }) },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: burstOf(operation, 4),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      bytes: fc.integer({ min: 1, max: 12_000 }),
      ends: fc.constantFrom("both" as const, "both" as const, "ours" as const, "theirs" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("evict" as const) }) },
);
export const halvesPlot: fc.Arbitrary<HalvesPlot> = fc.record({
  own: fc.constantFrom<End>("low", "high"),
  seed: fc.integer(),
  steps: fc.array(anyStep, { minLength: 1, maxLength: 16, size: "max" }),
});
