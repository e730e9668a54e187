/** A link's QKD modules in words: what the quantum channel is like, and how much key it gives. */
import type * as v from "valibot";
import type { LinkModuleSchema, LinkSchema, ModuleReportSchema } from "../../shared/api/schemas.ts";
import { formatCount } from "./text.ts";

type Module = v.InferOutput<typeof LinkModuleSchema>;
type Report = v.InferOutput<typeof ModuleReportSchema>;

export const QKD_COLUMNS = ["QBER", "key bit/s"] as const;

const percent = (share: number | null): string => (share === null ? "-" : `${(100 * share).toFixed(2)} %`);
const perSecond = (rateBps: number): string => formatCount(Math.round(rateBps));

/** Of the key basis; of the test basis where the block did not get further. */
const qberOf = ({ qber_x: key, qber_z: test }: Report): number | null => key ?? test;

/** The sender's last block. */
export function qkdCells({ module = [] }: Pick<v.InferOutput<typeof LinkSchema>, "module">): string[] {
  const report = module[0]?.last_report ?? null;
  return report === null ? ["-", "-"] : [percent(qberOf(report)), perSecond(report.key_rate_bps)];
}

export function describeModule(module: Module): string[] {
  const { node, role, sim, state, last_report: report } = module;
  if (role === null) return [`  QKD module at ${node}: does not run (yet)`];
  return [
    `  QKD module at ${node}: ${role}, ${sim}, ${state}; ${formatCount(module.blocks_released)} blocks released, ${formatCount(module.blocks_aborted)} given up, ${formatCount(module.key_bits)} bits of key`,
    ...(report === null ? [] : describeReport(report).map((line) => `    ${line}`)),
    ...module.alarms.map((code) => `    ALARM ${code}`),
  ];
}

function describeReport(report: Report): string[] {
  const { block, outcome, reason, ended } = report;
  const head = `last block ${block}: ${outcome}${reason === null ? "" : `, ${reason}`}, ${ended}`;
  const rate = `secret key rate ${perSecond(report.key_rate_bps)} bit/s, ${formatCount(report.key_bits)} bits`;
  if (report.detections === null) return [head, rate];
  return [
    head,
    `QBER ${percent(report.qber_x)} in the key basis, ${percent(report.qber_z)} in the test basis`,
    `sifted ${perSecond(report.sifted_rate_bps)} bit/s, ${formatCount(report.sifted_bits ?? 0)} bits of ${formatCount(report.pulses ?? 0)} pulses`,
    rate,
    `leak ${formatCount(report.leak_bits ?? 0)} bits, f ${report.correction_efficiency?.toFixed(3) ?? "-"}; authenticated by ${report.authentication}`,
  ];
}
