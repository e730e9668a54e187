/** How many detections of BB84 are simulated a second, on one core. */
import { randomBytes } from "node:crypto";
import { LinkSampler } from "../../../shared/simulator/sampler.ts";
import { RandomWords, SEED_BYTES, seededWords, type WordSource } from "../../../shared/simulator/random.ts";
import { progress } from "../../progress.ts";
import { LINK } from "../link.ts";
import type { StreamOptions } from "../options.ts";
import type { SamplingResult } from "../report/measures.ts";

const WARM_UP_MS = 300;

export function measureSampling({ samplingMs }: StreamOptions): SamplingResult {
  progress("BB84: detections");
  const perS = (source: WordSource): number => {
    detectionsPerS(source, WARM_UP_MS);
    return detectionsPerS(source, samplingMs);
  };
  return {
    // Repeatable, as demos and tests want it; the slower one.
    seededPerS: perS(seededWords(new Uint8Array(randomBytes(SEED_BYTES)))),
    platformPerS: perS((words) => crypto.getRandomValues(words)),
  };
}

function detectionsPerS(source: WordSource, forMs: number): number {
  const startMs = performance.now();
  let detections = 0;
  for (const batch of new LinkSampler(LINK).block(new RandomWords(source), { keyBasisDetections: Infinity })) {
    detections += batch.detections;
    if (performance.now() - startMs >= forMs) break;
  }
  return (detections * 1000) / (performance.now() - startMs);
}
