/**
 * Samples what is detected, not the silence between: the gap to the next detection is geometric, and everything else
 * about it is drawn from its law *given* that it is detected. The result has exactly the law of drawing every pulse,
 * at a cost that does not grow with the loss.
 */
import { KEY_BASIS } from "../postprocessing/bases.ts";
import { AliasTable } from "./alias-table.ts";
import type { Attack } from "./eve.ts";
import { detectionClasses, detectionProbability, type DetectionClass } from "./outcomes.ts";
import type { RandomWords } from "./random.ts";
import { settingsProblem, type LinkSettings } from "./settings.ts";

/**
 * What Alice knows of her pulses, here of those only that were detected: she keeps a record of every pulse, but is
 * never asked about the others.
 */
export interface AliceRecord {
  /** 0 or 1 each. */
  readonly bits: Uint8Array;
  /** `KEY_BASIS` or `TEST_BASIS` each. */
  readonly bases: Uint8Array;
  /** Indexes into the settings' intensities. */
  readonly intensities: Uint8Array;
}

export interface BobRecord {
  readonly bits: Uint8Array;
  readonly bases: Uint8Array;
  /** 1 where both detectors clicked and the bit is a coin's. */
  readonly doubleClicks: Uint8Array;
}

/** Detections in the order of their pulses; all arrays have `detections` entries, and belong to the receiver. */
export interface DetectionBatch {
  readonly detections: number;
  /** Numbers of the detected pulses, from 0 at the beginning of the block, strictly rising. */
  readonly pulseIndexes: Float64Array;
  readonly alice: AliceRecord;
  readonly bob: BobRecord;
  /** Pulses of the block so far, the silent ones included. */
  readonly pulsesSent: number;
}

/** A block ends at whichever comes first. */
export interface BlockEnd {
  /** Detections for which both ends chose the key basis: the block ends with the last of them. */
  readonly keyBasisDetections: number;
  /** Pulses sent; at most, and by default, 2^53 - 1. */
  readonly pulses?: number;
  /** Detections a batch. */
  readonly batchDetections?: number;
}

export const DEFAULT_BATCH_DETECTIONS = 65_536;
/** 60 MB of records. */
const BATCH_DETECTIONS_MAX = 2 ** 22;

const TWO_TO_MINUS_53 = 2 ** -53;
const TWO_TO_21 = 2 ** 21;

/** 53 bits of two words, in [0, 1). The 11 lowest bits of `low` take no part. */
const fraction = (high: number, low: number) => (high * TWO_TO_21 + (low >>> 11)) * TWO_TO_MINUS_53;

/** How Bob's bit differs from Alice's, by outcome: not at all, always, or as a coin falls. */
const ERROR_OF = {
  rightOnly: { flip: 0, coin: 0 },
  wrongOnly: { flip: 1, coin: 0 },
  double: { flip: 0, coin: 1 },
} as const;

/** What is to be known of a class in the inner loop, as bits of one number. */
const packed = ({ intensity, aliceBasis, bobBasis, outcome }: DetectionClass): number => {
  const { flip, coin } = ERROR_OF[outcome];
  return flip | (coin << 1) | (aliceBasis << 2) | (bobBasis << 3) | (intensity << 4);
};
const SIFTED_KEY = (KEY_BASIS << 2) | (KEY_BASIS << 3);
const BOTH_BASES = 0b1100;

/** A link ready to be sampled: tables only, so one serves any number of blocks. */
export class LinkSampler {
  readonly #table: AliasTable;
  readonly #classes: Uint8Array;
  readonly #deadTimePulses: number;
  /** ln U times this is the geometric law's continuous sibling. */
  readonly #gapScale: number;

  /** @throws RangeError for settings out of their domain (`settingsProblem` tells beforehand), or that detect nothing */
  constructor(settings: LinkSettings, attack?: Attack) {
    const problem = settingsProblem(settings);
    if (problem !== undefined) throw new RangeError(problem);
    const classes = detectionClasses(settings, attack);
    this.#table = new AliasTable(classes.map(({ probability }) => probability));
    this.#classes = Uint8Array.from(classes, packed);
    this.#deadTimePulses = settings.deadTimePulses ?? 0;
    this.#gapScale = 1 / Math.log1p(-Math.min(1, detectionProbability(classes)));
  }

  /**
   * One block, batch by batch; each block counts its pulses from 0. A block that ends with its pulses may end with an
   * empty batch, which tells of the silence after the last detection.
   * @throws RangeError for a batch size out of its domain
   */
  *block(random: RandomWords, end: BlockEnd): Generator<DetectionBatch, void, undefined> {
    const pulses = Math.min(end.pulses ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const size = end.batchDetections ?? DEFAULT_BATCH_DETECTIONS;
    if (!(size >= 1 && size <= BATCH_DETECTIONS_MAX))
      throw new RangeError(`a batch has between 1 and ${BATCH_DETECTIONS_MAX} detections: ${size}`);
    // Both detectors are live at the first pulse.
    const progress = { lastPulse: -1 - this.#deadTimePulses, keyBasis: 0 };
    while (progress.keyBasis < end.keyBasisDetections) {
      const batch = this.#batch(random, { pulses, size, keyBasis: end.keyBasisDetections }, progress);
      yield batch;
      if (batch.pulsesSent >= pulses) return;
    }
  }

  #batch(
    random: RandomWords,
    limit: { readonly pulses: number; readonly size: number; readonly keyBasis: number },
    progress: { lastPulse: number; keyBasis: number },
  ): DetectionBatch {
    const pulseIndexes = new Float64Array(limit.size);
    const aliceBits = new Uint8Array(limit.size);
    const aliceBases = new Uint8Array(limit.size);
    const intensities = new Uint8Array(limit.size);
    const bobBits = new Uint8Array(limit.size);
    const bobBases = new Uint8Array(limit.size);
    const doubleClicks = new Uint8Array(limit.size);
    // Locals for the inner loop, which runs once a detection.
    const [table, classes, gapScale, dead] = [this.#table, this.#classes, this.#gapScale, this.#deadTimePulses];
    let { lastPulse, keyBasis } = progress;
    let count = 0;
    while (count < limit.size && keyBasis < limit.keyBasis) {
      const gapHigh = random.next32();
      const gapLow = random.next32();
      // 1 - fraction lies in (0, 1]: its logarithm is finite. A gap is at least one pulse.
      const gap = 1 + Math.floor(Math.log(1 - fraction(gapHigh, gapLow)) * gapScale);
      lastPulse += dead + gap;
      if (!(lastPulse < limit.pulses)) break;
      const classHigh = random.next32();
      const classLow = random.next32();
      const drawn = classes[table.pick(fraction(classHigh, classLow))] ?? 0;
      const aliceBit = gapLow & 1;
      pulseIndexes[count] = lastPulse;
      aliceBits[count] = aliceBit;
      aliceBases[count] = (drawn >> 2) & 1;
      intensities[count] = drawn >> 4;
      bobBits[count] = aliceBit ^ (drawn & 1) ^ ((drawn >> 1) & classLow & 1);
      bobBases[count] = (drawn >> 3) & 1;
      doubleClicks[count] = (drawn >> 1) & 1;
      if ((drawn & BOTH_BASES) === SIFTED_KEY) keyBasis += 1;
      count += 1;
    }
    Object.assign(progress, { lastPulse, keyBasis });
    const filled = (array: Uint8Array) => array.subarray(0, count);
    return {
      detections: count,
      pulseIndexes: pulseIndexes.subarray(0, count),
      alice: { bits: filled(aliceBits), bases: filled(aliceBases), intensities: filled(intensities) },
      bob: { bits: filled(bobBits), bases: filled(bobBases), doubleClicks: filled(doubleClicks) },
      pulsesSent: Math.min(lastPulse + 1, limit.pulses),
    };
  }
}
