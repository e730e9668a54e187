/** Random histories of a pool: what its callers, its alarm, its operator and bad luck do to it. */
import fc from "fast-check";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Policy } from "../../shared/network/document.ts";
import { FATES, type Fate } from "./in-workerd-model-life.ts";
import { MATERIAL_BYTES, MATERIALS } from "./in-workerd-model-material.ts";

/** Ids of blocks. Long material under one of a file's makes it overlap the next. */
export const BLOCK_IDS = ["f:0", "f:6000", "f:20000", "g:0", "g:1500", "q-1", "q-2", "q-3"] as const;

export type End = "low" | "high";
/** How another pool takes part in a multicast. */
export type Importer = "joins" | "cannot" | "abstains" | "is lost";

/** Numbers that pick something are taken modulo what there is. */
export type Operation =
  | {
      readonly do: "push";
      readonly id: number;
      /** Null: the id's own, as both ends push it. */
      readonly material: number | null;
      /** One after the other, or one alone. */
      readonly ends: readonly End[];
    }
  | {
      readonly do: "enc";
      readonly from: End;
      readonly master: number;
      readonly slaves: number;
      readonly count: number;
      readonly octets: number;
      readonly again: number;
      /** Where one of the slaves is at another node. */
      readonly importer: Importer | null;
    }
  | {
      readonly do: "dec";
      readonly of: readonly { readonly record: number; readonly first: number; readonly keys: number }[];
      readonly by: number;
      readonly isStranger: boolean;
      readonly isForged: boolean;
      readonly again: number;
    }
  | { readonly do: "void"; readonly sae: number | null }
  | { readonly do: "import"; readonly slaves: number; readonly count: number; readonly octets: number }
  | { readonly do: "void import"; readonly record: number }
  | { readonly do: "upkeep" | "roll" | "defect" };

export type Step =
  | {
      readonly do: "burst";
      readonly operations: readonly Operation[];
      /** Turns between the start of one operation and the next. */
      readonly turns: number;
      readonly fate: readonly [at: number, Fate] | null;
    }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "evict" }
  | { readonly do: "set"; readonly settings: number; readonly capacity: number };

export interface Plot {
  /** Length of each material. */
  readonly bytes: readonly number[];
  readonly first: Extract<Step, { do: "set" }>;
  readonly steps: readonly Step[];
}

/** A link's settings that a history may have, and change. */
export const SETTINGS: readonly Pick<PoolConfig, "feed" | "health" | "conditioning">[] = [
  { feed: "one-ended", health: "reject" },
  { feed: "two-ended", health: "reject" },
  { feed: "two-ended", health: "accept" },
  { feed: "one-ended", health: "accept" },
  { feed: "two-ended", health: "condition", conditioning: { minEntropyPerBit: 0.8, publicSeed: "17".repeat(32) } },
  { feed: "one-ended", health: "condition", conditioning: { minEntropyPerBit: 0.5, publicSeed: "17".repeat(32) } },
];
/** The last one is soon full. */
export const CAPACITIES_BYTES = [LIMITS.poolCapacityBytes, LIMITS.poolCapacityBytes, LIMITS.poolCapacityBytes, 10_000];

/** Everything runs out within a few steps. */
export const SHORT_LIVES: Partial<Policy> = {
  key_ttl_s: 60,
  unmatched_ttl_s: 40,
  unit_max_age_s: 90,
  delivery_grace_s: 5,
};
const WAITS_MS = [1, 4999, 5000, 20_000, 40_000, 60_000, 100_000];

/** Most requests carry no Idempotency-Key. */
const again = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
);
const count = fc.integer({ min: 1, max: 9 });
const octets = fc.oneof(
  { weight: 7, arbitrary: fc.integer({ min: 1, max: 64 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65, max: 1500 }) },
);

const push: fc.Arbitrary<Operation> = fc.record({
  do: fc.constant("push" as const),
  id: fc.nat(BLOCK_IDS.length - 1),
  material: fc.option<number>(fc.nat(MATERIALS - 1), { freq: 2 }),
  ends: fc.constantFrom<readonly End[]>(["low", "high"], ["high", "low"], ["low"], ["high"]),
});

const enc: fc.Arbitrary<Operation> = fc.record({
  do: fc.constant("enc" as const),
  from: fc.constantFrom<End>("low", "low", "high"),
  master: fc.nat(1),
  slaves: fc.integer({ min: 1, max: 3 }),
  count,
  octets,
  again,
  importer: fc.oneof(
    { weight: 7, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom<Importer>("joins", "joins", "joins", "cannot", "abstains", "is lost") },
  ),
});

const dec: fc.Arbitrary<Operation> = fc.record({
  do: fc.constant("dec" as const),
  of: fc.array(fc.record({ record: fc.nat(5), first: fc.nat(8), keys: fc.integer({ min: 1, max: 9 }) }), {
    minLength: 1,
    maxLength: 2,
  }),
  by: fc.nat(2),
  isStranger: fc.constantFrom(...Array.from({ length: 15 }, () => false), true),
  isForged: fc.constantFrom(...Array.from({ length: 15 }, () => false), true),
  again,
});

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 7, arbitrary: push },
  { weight: 8, arbitrary: enc },
  { weight: 9, arbitrary: dec },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("void" as const), sae: fc.option(fc.nat(4), { freq: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("import" as const), slaves: fc.integer({ min: 1, max: 3 }), count, octets }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("upkeep" as const, "upkeep" as const, "roll" as const, "defect" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("void import" as const), record: fc.nat(3) }) },
);

/** One burst in six meets bad luck, at one of its first commits. */
const fate: fc.Arbitrary<readonly [at: number, Fate] | null> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(3), fc.constantFrom<Fate>(...FATES)) },
);
/** Up to `most` operations at once, a few turns of the event loop apart. */
export const burstOf = <Each>(each: fc.Arbitrary<Each>, most: number) =>
  fc.record({
    do: fc.constant("burst" as const),
    operations: fc.array(each, { minLength: 1, maxLength: most }),
    turns: fc.nat(8),
    fate,
  });

/** Conditioning takes longer than all else a pool does. */
const settings: fc.Arbitrary<number> = fc.oneof(
  ...SETTINGS.map(({ health }, index) => ({ weight: health === "condition" ? 1 : 4, arbitrary: fc.constant(index) })),
);

const set: fc.Arbitrary<Extract<Step, { do: "set" }>> = fc.record({
  do: fc.constant("set" as const),
  settings,
  capacity: fc.nat(CAPACITIES_BYTES.length - 1),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: burstOf(operation, 3),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(...WAITS_MS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("evict" as const) }) },
  { weight: 1, arbitrary: set },
);

/** Long enough that no two are equal by chance: the pool would rightly take them for the same material. */
const materialBytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 12, max: 800 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: MATERIAL_BYTES }) },
);
/** Length of each material. */
export const lengths = fc.array(materialBytes, { minLength: MATERIALS, maxLength: MATERIALS });

/** Of all lengths alike. */
const stepsUpTo = (maxLength: number) => fc.array(step, { minLength: 1, maxLength, size: "max" });

export const plot: fc.Arbitrary<Plot> = fc.record({
  bytes: lengths,
  first: set,
  // As short as can be after shrinking. What goes wrong does within a few steps, or it takes many lives of the pool.
  steps: fc.oneof(
    { weight: 5, arbitrary: stepsUpTo(5) },
    { weight: 2, arbitrary: stepsUpTo(10) },
    { weight: 1, arbitrary: stepsUpTo(20) },
  ),
});
