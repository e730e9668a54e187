/** What the log and the gauges show of a module and its blocks: figures, never bits of key. */
import type { ModuleReport, ModuleStatus } from "../../../shared/qkd-module/status.ts";
import type { LogFields } from "../../log.ts";

const rounded = (value: number | null, digits: number): number | null =>
  value === null ? null : Number(value.toPrecision(digits));
const bitsPerSecond = (value: number): number => Math.round(value);
const QBER_DIGITS = 4;

/** Of one block that has ended, for its line in the log. */
export const reportFields = (report: ModuleReport): LogFields => ({
  block: report.block,
  sim: report.sim,
  outcome: report.outcome,
  reason: report.reason,
  authentication: report.authentication,
  qberX: rounded(report.qberX, QBER_DIGITS),
  qberZ: rounded(report.qberZ, QBER_DIGITS),
  pulses: report.pulses,
  detections: report.detections,
  siftedKeyBits: report.siftedKeyBits,
  siftedTestBits: report.siftedTestBits,
  leakBits: report.leakBits,
  correctionEfficiency: rounded(report.correctionEfficiency, QBER_DIGITS),
  phaseErrorBound: rounded(report.phaseErrorBound, QBER_DIGITS),
  secretBits: report.secretBits,
  keyBits: report.keyBits,
  siftedRateBps: bitsPerSecond(report.siftedRateBps),
  keyRateBps: bitsPerSecond(report.keyRateBps),
  elapsedMs: Math.round(report.elapsedMs),
});

/** Of the module as it is, among the feed's gauges. */
export function figuresOf({ reports, totals, ...status }: ModuleStatus): LogFields {
  const last = reports[0];
  return {
    module: status.state,
    block: status.block,
    blocksReleased: totals.released,
    blocksAborted: totals.aborted,
    siftedBits: totals.siftedBits,
    keyBits: totals.keyBits,
    finishedBlocks: status.finishedBlocks,
    unsettledBlocks: status.unsettledBlocks,
    authenticationSlots: status.authenticationSlots,
    qberX: rounded(last?.qberX ?? null, QBER_DIGITS),
    qberZ: rounded(last?.qberZ ?? null, QBER_DIGITS),
    siftedRateBps: bitsPerSecond(last?.siftedRateBps ?? 0),
    keyRateBps: bitsPerSecond(last?.keyRateBps ?? 0),
  };
}
