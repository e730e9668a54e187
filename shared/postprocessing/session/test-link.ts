/** Both ends of a link in one process, for tests: seeded pulses and randomness, and a wire that may meddle. */
import { interceptResend } from "../../simulator/eve.ts";
import { RandomWords, seededWords } from "../../simulator/random.ts";
import { type DetectionBatch, LinkSampler } from "../../simulator/sampler.ts";
import type { LinkSettings } from "../../simulator/settings.ts";
import { seededBytes } from "../../simulator/test-bytes.ts";
import { slotsOf } from "../authentication/key-store.ts";
import type { BlockAuthentication, Direction } from "../authentication/points.ts";
import { BLOCK_KEY_BYTES, WegmanCarter } from "../authentication/wegman-carter.ts";
import { Alice, type AliceOptions } from "./alice.ts";
import type { Step } from "./block-end.ts";
import { Bob } from "./bob.ts";
import { type BlockParameters, leakLimitOf } from "./parameters.ts";
import { joinRun } from "./records.ts";
import type { BlockRecord } from "./settlement.ts";

/** BB84-REF-A with two decoys, without loss: a block is short in pulses, and 1 % of its bits are wrong. */
export const LINK: LinkSettings = {
  lossDb: 0,
  detectorEfficiency: 0.2,
  darkCountProbability: 1e-6,
  misalignment: 0.01,
  intensities: [
    { meanPhotons: 0.5, probability: 0.35 },
    { meanPhotons: 0.2, probability: 0.4 },
    { meanPhotons: 2e-4, probability: 0.25 },
  ],
  keyBasisProbability: 0.7,
};

export const parametersFor = (keyBits: number, securityEpsilon = 1e-10): BlockParameters => ({
  intensities: LINK.intensities,
  keyBasisProbability: LINK.keyBasisProbability,
  pulses: 1e9,
  keyBits,
  securityEpsilon,
  correctnessEpsilon: 1e-15,
  errorRateLimit: 0.08,
  leakLimitBits: leakLimitOf(keyBits, 0.08),
});

export interface TestBlock {
  readonly alice: Alice;
  readonly bob: Bob;
  /** Everything sent, in order. */
  readonly wire: { readonly from: "alice" | "bob"; readonly message: Uint8Array }[];
  /** What each end wrote down last. */
  readonly records: { alice: BlockRecord | null; bob: BlockRecord | null };
}

export interface TestBlockOptions {
  readonly seed?: string;
  readonly block?: number;
  readonly parameters?: BlockParameters;
  /** Of pulses that Eve intercepts. */
  readonly eve?: number;
  readonly authentication?: Readonly<Record<Direction, BlockAuthentication>>;
  readonly alice?: Partial<AliceOptions>;
}

/** Authentication of a block by key that nobody else has. */
export const withKey = (keys: Uint8Array): Record<Direction, BlockAuthentication> => ({
  "alice-to-bob": new WegmanCarter("alice-to-bob", keys.slice()),
  "bob-to-alice": new WegmanCarter("bob-to-alice", keys.slice()),
});

export const presharedSlots = (count: number) => slotsOf(0, seededBytes("pre-shared")(count * BLOCK_KEY_BYTES));

/** What the wire makes of a message: those that arrive instead, in order. */
export type Meddle = (message: Uint8Array, from: "alice" | "bob", nth: number) => readonly Uint8Array[];
export const faithful: Meddle = (message) => [message];

/** Two ends that have not said a word yet, and the run. */
export function makeBlock(options: TestBlockOptions = {}) {
  const { seed = "block", block = 1, parameters = parametersFor(100_000), eve } = options;
  const authentication = options.authentication ?? withKey(seededBytes(`${seed} key`)(BLOCK_KEY_BYTES));
  const common = { block, link: "tn-1/tn-2", parameters };
  const alice = new Alice({
    ...common,
    authentication: authentication["alice-to-bob"],
    random: seededBytes(`${seed} alice`),
    slot: { block: 0, index: 0 },
    refill: () => 1,
    ...options.alice,
  });
  const bob = new Bob({
    ...common,
    authentication: authentication["bob-to-alice"],
    random: seededBytes(`${seed} bob`),
  });
  return { alice, bob, run: joinRun(batchesOf(seed, parameters.keyBits, eve)) };
}

/** Of one run, by its name: the same is asked for again and again. */
const drawn = new Map<string, readonly DetectionBatch[]>();
const DRAWN_RUNS = 4;

/** What the line does, which neither end writes into: `joinRun` copies. */
function batchesOf(seed: string, keyBits: number, eve: number | undefined): readonly DetectionBatch[] {
  const name = `${seed} ${keyBits} ${eve}`;
  const known = drawn.get(name);
  if (known !== undefined) return known;
  const sampler = new LinkSampler(LINK, eve === undefined ? undefined : interceptResend(eve));
  const words = new RandomWords(seededWords(seededBytes(`${seed} run`)(32)));
  const batches = [...sampler.block(words, { keyBasisDetections: keyBits })];
  if (drawn.size === DRAWN_RUNS) drawn.clear();
  drawn.set(name, batches);
  return batches;
}

/** Plays a block until nobody has anything left to say. */
export function play(ends: ReturnType<typeof makeBlock>, meddle: Meddle = faithful): TestBlock {
  const { alice, bob, run } = ends;
  const played: TestBlock = { alice, bob, wire: [], records: { alice: null, bob: null } };
  const queue: { from: "alice" | "bob"; message: Uint8Array }[] = [];
  const count = { alice: 0, bob: 0 };
  const take = (from: "alice" | "bob", { store, send }: Step): void => {
    if (store !== null) played.records[from] = store;
    for (const message of send) {
      played.wire.push({ from, message });
      for (const arriving of meddle(message, from, count[from]++)) queue.push({ from, message: arriving });
    }
  };
  alice.sent(run.sent);
  take("alice", alice.open());
  let measured = false;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (next.from === "bob") take("alice", alice.receive(next.message));
    else {
      take("bob", bob.receive(next.message));
      if (!measured && bob.isOpen) {
        measured = true;
        take("bob", bob.measured(run.detections));
      }
    }
  }
  return played;
}

export const playBlock = (options: TestBlockOptions = {}, meddle: Meddle = faithful): TestBlock =>
  play(makeBlock(options), meddle);
