/** What the two records of a simulated block show side by side, and random numbers that are the same on every run. */
import { createCipheriv } from "node:crypto";
import { KEY_BASIS } from "../../shared/postprocessing/bases.ts";
import type { CorrectedCounts } from "../../shared/postprocessing/bounds/photon-statistics.ts";
import type { Attack } from "../../shared/simulator/eve.ts";
import { detectionClasses } from "../../shared/simulator/outcomes.ts";
import { RandomWords, SEED_BYTES } from "../../shared/simulator/random.ts";
import { type BlockEnd, LinkSampler } from "../../shared/simulator/sampler.ts";
import type { LinkSettings } from "../../shared/simulator/settings.ts";
import { shakeOf } from "./openssl-shake.ts";

/** ChaCha20 by OpenSSL, from SHAKE256 of the label: the tests draw hundreds of megabytes. */
export function wordsOf(label: string): RandomWords {
  const stream = createCipheriv("chacha20", shakeOf(label, SEED_BYTES), new Uint8Array(16));
  return new RandomWords((words) => {
    const zeros = new Uint8Array(words.byteLength);
    new Uint8Array(words.buffer, words.byteOffset, words.byteLength).set(stream.update(zeros));
  });
}

export interface Tally extends CorrectedCounts {
  readonly detections: number;
  readonly pulses: number;
  /** In the order of `detectionClasses`. */
  readonly classes: readonly number[];
}

/** Samples a block and counts it. */
export function tallyBlock(link: LinkSettings, random: RandomWords, end: BlockEnd, attack?: Attack): Tally {
  const classes = detectionClasses(link).map(() => 0);
  const zeros = () => link.intensities.map(() => 0);
  // By basis: the key's, the test's.
  const seen = [zeros(), zeros()] as const;
  const wrong = [zeros(), zeros()] as const;
  let [detections, pulses] = [0, 0];
  for (const { alice, bob, ...batch } of new LinkSampler(link, attack).block(random, end)) {
    detections += batch.detections;
    pulses = batch.pulsesSent;
    for (let i = 0; i < batch.detections; i++) {
      const k = alice.intensities[i]!;
      const a = alice.bases[i]!;
      const b = bob.bases[i]!;
      const error = alice.bits[i]! ^ bob.bits[i]!;
      classes[12 * k + 6 * a + 3 * b + (bob.doubleClicks[i] === 1 ? 2 : error)]! += 1;
      if (a !== b) continue;
      const basis = a === KEY_BASIS ? 0 : 1;
      seen[basis][k]! += 1;
      wrong[basis][k]! += error;
    }
  }
  return { nX: seen[0], mX: wrong[0], nZ: seen[1], mZ: wrong[1], detections, pulses, classes };
}

/** Uniform in (0, 1). */
const uniform = (random: RandomWords): number => (random.next32() + 0.5) / 2 ** 32;

/** Above this mean a Poisson count is drawn as a rounded normal one: the bounds tested lie six deviations out. */
const NORMAL_ABOVE = 500;

/** A Poisson count. */
export function poisson(random: RandomWords, mean: number): number {
  if (mean > NORMAL_ABOVE) {
    const radius = Math.sqrt(-2 * Math.log(uniform(random)));
    return Math.round(mean + Math.sqrt(mean) * radius * Math.cos(2 * Math.PI * uniform(random)));
  }
  let count = 0;
  for (let product = uniform(random); product > Math.exp(-mean); product *= uniform(random)) count += 1;
  return count;
}
