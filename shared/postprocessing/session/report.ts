/** What is told of a block: figures only, never bits of it. Both ends tell the same once a block has ended well. */
import type { Scheme } from "../authentication/points.ts";
import { binaryEntropy } from "../bounds/binary-entropy.ts";
import { type SecretLength, sum } from "../bounds/photon-statistics.ts";
import { type AbortReason, isAlarm, type Outcome } from "./outcome.ts";

/** Filled in as a block goes on; what it did not get to is null. */
export interface BlockFigures {
  /** Pulses up to the last detection of the block. */
  pulses: number | null;
  detections: number | null;
  /** Sifted detections by intensity, in the key basis and in the test basis. */
  nX: readonly number[] | null;
  nZ: readonly number[] | null;
  /** Errors among them. */
  mX: readonly number[] | null;
  mZ: readonly number[] | null;
  leakBits: number | null;
  questions: number;
  length: SecretLength | null;
  refreshBits: number | null;
}

export const noFigures = (): BlockFigures => ({
  pulses: null,
  detections: null,
  nX: null,
  nZ: null,
  mX: null,
  mZ: null,
  leakBits: null,
  questions: 0,
  length: null,
  refreshBits: null,
});

export interface BlockReport {
  readonly block: number;
  readonly role: "alice" | "bob";
  readonly outcome: Outcome["kind"];
  /** Of an aborted block. */
  readonly reason: AbortReason | null;
  readonly by: "this-end" | "other-end" | null;
  /** Eavesdropping or forgery suspected. */
  readonly alarm: boolean;
  readonly authentication: Scheme;
  /** log2 of the probability that a tag was forged, to be added to the epsilons; null for signatures. */
  readonly forgeryLog2: number | null;
  readonly pulses: number | null;
  readonly detections: number | null;
  readonly siftedKeyBits: number | null;
  readonly siftedTestBits: number | null;
  /** Shares of errors in the key and the test basis. */
  readonly qberX: number | null;
  readonly qberZ: number | null;
  /** Disclosed by error correction, and that as a multiple of what Shannon's bound asks at this error rate (f). */
  readonly leakBits: number | null;
  readonly correctionEfficiency: number | null;
  /** Messages with questions that error correction took. */
  readonly questions: number;
  /** Bound on the phase errors of single photons in the key basis. */
  readonly phaseErrorBound: number | null;
  readonly secretBits: number | null;
  readonly secretBitsPerPulse: number | null;
  /** Of them, kept for authentication and settlement. */
  readonly refreshBits: number | null;
}

export interface ReportHead {
  readonly block: number;
  readonly role: "alice" | "bob";
  readonly authentication: Scheme;
  readonly forgeryLog2: number | null;
}

const share = (part: readonly number[] | null, whole: readonly number[] | null): number | null =>
  part === null || whole === null || sum(whole) === 0 ? null : sum(part) / sum(whole);

/** @param outcome as it is now; a report may be made at any time */
export function reportOf(head: ReportHead, figures: BlockFigures, outcome: Outcome): BlockReport {
  const { nX, nZ, mX, mZ, leakBits, length, pulses } = figures;
  const aborted = outcome.kind === "aborted" ? outcome : null;
  const qberX = share(mX, nX);
  const shannonBits = qberX === null || nX === null ? 0 : sum(nX) * binaryEntropy(qberX);
  const secretBits = length?.secretBits ?? null;
  return {
    ...head,
    outcome: outcome.kind,
    reason: aborted?.reason ?? null,
    by: aborted?.by ?? null,
    alarm: aborted !== null && isAlarm(aborted),
    pulses,
    detections: figures.detections,
    siftedKeyBits: nX === null ? null : sum(nX),
    siftedTestBits: nZ === null ? null : sum(nZ),
    qberX,
    qberZ: share(mZ, nZ),
    leakBits,
    correctionEfficiency: leakBits === null || shannonBits === 0 ? null : leakBits / shannonBits,
    questions: figures.questions,
    phaseErrorBound: length?.phaseErrorBound ?? null,
    secretBits,
    secretBitsPerPulse: secretBits === null || pulses === null ? null : secretBits / pulses,
    refreshBits: figures.refreshBits,
  };
}
