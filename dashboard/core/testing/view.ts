/** A network as the Monitor tells of it: a chain of four nodes with something wrong here and there. */
import type {
  MonitorAlarm,
  MonitorAudit,
  MonitorLink,
  MonitorNode,
  MonitorRelay,
  MonitorView,
} from "../../../shared/api/monitor-schemas.ts";
import { BIT_STATES } from "../../../shared/keypool/types.ts";

export const AT = "2026-11-22T12:00:00.000Z";
const MIB_BITS = 8 * 1024 * 1024;

export const nodeAt = (id: string, more: Partial<MonitorNode> = {}): MonitorNode => ({
  id,
  health: "ok",
  reasons: [],
  alarms: 0,
  hosted: true,
  url: null,
  site: `site-${id.at(-1) ?? ""}`,
  saes: 2,
  relay_enabled: true,
  neighbours: [],
  ipsec: null,
  relays: { begun: 12, done: 12, failed: 0 },
  ...more,
});

export const linkOf = (a: string, b: string, more: Partial<MonitorLink> = {}): MonitorLink => ({
  id: `${a}-${b}`,
  nodes: [a, b],
  health: "ok",
  reasons: [],
  alarms: 0,
  source: "simulated",
  simulated: true,
  level: "normal",
  available_bits: 5 * MIB_BITS,
  low_bits: MIB_BITS / 16,
  high_bits: 8 * MIB_BITS,
  capacity_bits: 256 * MIB_BITS,
  key_rate_bps: 1_000_000,
  use_rate_bps: 24_500,
  empty_in_s: null,
  qber: null,
  module_state: null,
  relays_may_use: true,
  ledger_bits: {
    ...(Object.fromEntries(BIT_STATES.map((state) => [state, 0])) as Record<(typeof BIT_STATES)[number], number>),
    available: 5 * MIB_BITS,
    delivered: 2 * MIB_BITS,
    pad: MIB_BITS,
    tag: MIB_BITS,
  },
  conserved: true,
  ...more,
});

export const relayOf = (id: string, path: readonly string[], more: Partial<MonitorRelay> = {}): MonitorRelay => ({
  id,
  from: path[0] ?? "",
  to: path.at(-1) ?? "",
  path: [...path],
  links: path.slice(1).map((node, at) => `${path[at] ?? ""}-${node}`),
  state: "done",
  reason: null,
  bits: 32_768,
  at: AT,
  ...more,
});

export const alarmOf = (code: string, of: MonitorAlarm["of"], more: Partial<MonitorAlarm> = {}): MonitorAlarm => ({
  id: `${of.kind}/${of.id}/${code}`,
  code,
  severity: "warning",
  of,
  subject: of.id,
  meaning: "Less key is left than the low watermark",
  detail: "available 41 kbit, low watermark 524 kbit",
  first: "2026-11-22T11:52:10.000Z",
  last: AT,
  count: 3,
  cleared: null,
  acknowledged: null,
  ...more,
});

export const auditOf = (node: string, index: number, act: string, more: Partial<MonitorAudit> = {}): MonitorAudit => ({
  id: `${node}/${index}`,
  node,
  index,
  at: AT,
  act,
  who: "sae:sae-a",
  detail: { keys: 1 },
  ...more,
});

export const chainView = (more: Partial<MonitorView> = {}): MonitorView => ({
  at: AT,
  sequence: 12,
  document_version: 3,
  name: "qkd-edge demo",
  period_ms: 1000,
  nodes: ["tn-1", "tn-2", "tn-3", "tn-4"].map((id) => nodeAt(id)),
  links: [linkOf("tn-1", "tn-2"), linkOf("tn-2", "tn-3"), linkOf("tn-3", "tn-4")],
  pairs: [],
  sites: [],
  relays: [],
  streams: [],
  alarms: [],
  operations: [],
  audit: [],
  ...more,
});
