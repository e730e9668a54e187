/** A link's QKD modules as clients of the HTTP API see them: members in snake_case. */
import { instant } from "../instant.ts";
import { MODULE_ALARMS } from "./alarms.ts";
import type { ModuleAnswer } from "./rpc.ts";
import type { ModuleReport } from "./status.ts";

const reportBody = (report: ModuleReport) => ({
  block: report.block,
  outcome: report.outcome,
  reason: report.reason,
  ended: instant(report.endedMs),
  authentication: report.authentication,
  pulses: report.pulses,
  detections: report.detections,
  sifted_bits: report.siftedKeyBits,
  test_bits: report.siftedTestBits,
  qber_x: report.qberX,
  qber_z: report.qberZ,
  leak_bits: report.leakBits,
  correction_efficiency: report.correctionEfficiency,
  phase_error_bound: report.phaseErrorBound,
  secret_bits: report.secretBits,
  refresh_bits: report.refreshBits,
  key_bits: report.keyBits,
  key_rate_bps: report.keyRateBps,
  sifted_rate_bps: report.siftedRateBps,
  elapsed_ms: report.elapsedMs,
  run_ms: report.runMs,
});

export function moduleBody({ node, status, alarms }: ModuleAnswer) {
  const reports = (status?.reports ?? []).map(reportBody);
  return {
    node,
    role: status?.role ?? null,
    sim: status?.sim ?? null,
    state: status?.state ?? "stopped",
    block: status?.block ?? 0,
    blocks_released: status?.totals.released ?? 0,
    blocks_aborted: status?.totals.aborted ?? 0,
    sifted_bits: status?.totals.siftedBits ?? 0,
    key_bits: status?.totals.keyBits ?? 0,
    finished_blocks: status?.finishedBlocks ?? 0,
    unsettled_blocks: status?.unsettledBlocks ?? 0,
    authentication_slots: status?.authenticationSlots ?? 0,
    last_report: reports[0] ?? null,
    reports,
    alarms: alarms.map(({ code }) => code),
  };
}

export const moduleAlarmsInFull = (modules: readonly ModuleAnswer[]) =>
  modules.flatMap(({ alarms }) =>
    alarms.map(({ code, subject, firstMs, lastMs, count, detail }) => ({
      code,
      meaning: MODULE_ALARMS[code],
      shard: 0,
      subject,
      first: instant(firstMs),
      last: instant(lastMs),
      count,
      detail,
    })),
  );
