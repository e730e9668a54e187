/** What the Monitor sees, as metrics. A figure that is not known has no sample. */
import { HEALTHS, type Health, type MonitorView } from "../api/monitor-schemas.ts";
import type { Sample } from "./catalogue.ts";
import { BUCKETS_S, type Tally } from "./tally.ts";

/** @param sampledMs when the view was seen */
export const samplesOf = (view: MonitorView, sampledMs: number, totals: Tally): readonly Sample[] => [
  ["qkd_deployment_info", { name: view.name }, 1],
  ["qkd_network_document_version", {}, view.document_version],
  ["qkd_monitor_sample_timestamp_seconds", {}, sampledMs / 1000],
  ...view.links.flatMap((link) => ofLink(link)),
  ...view.pairs.flatMap((pair) => ofPair(pair)),
  ...view.nodes.flatMap((node) => ofNode(node)),
  ...view.sites.flatMap((site) => ofSite(site)),
  ["qkd_streams", {}, view.streams.length],
  ...ofAlarms(view.alarms),
  ...ofRequests(totals),
];

/** @returns the sample, unless its figure is not known */
const known = (value: number | null, sample: (value: number) => Sample): readonly Sample[] =>
  value === null ? [] : [sample(value)];

const healths = (health: Health, sample: (each: Health, value: number) => Sample): readonly Sample[] =>
  HEALTHS.map((each) => sample(each, each === health ? 1 : 0));

function ofLink(each: MonitorView["links"][number]): readonly Sample[] {
  const link = each.id;
  const marks = { low: each.low_bits, high: each.high_bits, capacity: each.capacity_bits };
  return [
    ...healths(each.health, (health, value) => ["qkd_link_health", { link, health }, value]),
    ...Object.entries(each.ledger_bits ?? {}).map(([state, bits]): Sample => ["qkd_pool_bits", { link, state }, bits]),
    ...known(each.conserved === null ? null : Number(each.conserved), (value) => [
      "qkd_pool_conserved",
      { link },
      value,
    ]),
    ...Object.entries(marks).flatMap(([mark, bits]) =>
      known(bits, (value) => ["qkd_pool_watermark_bits", { link, mark }, value]),
    ),
    ...known(each.key_rate_bps, (value) => ["qkd_link_key_rate_bits_per_second", { link }, value]),
    ...known(each.use_rate_bps, (value) => ["qkd_link_use_rate_bits_per_second", { link }, value]),
    ...known(each.empty_in_s, (value) => ["qkd_link_empty_in_seconds", { link }, value]),
    ...known(each.qber, (value) => ["qkd_link_qber_ratio", { link }, value]),
  ];
}

function ofPair(each: MonitorView["pairs"][number]): readonly Sample[] {
  const pair = each.id;
  return [
    ...healths(each.health, (health, value) => ["qkd_pair_health", { pair, health }, value]),
    ...known(each.available_bits, (value) => ["qkd_pair_available_bits", { pair }, value]),
    ...known(each.target_bits, (value) => ["qkd_pair_target_bits", { pair }, value]),
    ...known(each.key_rate_bps, (value) => ["qkd_pair_key_rate_bits_per_second", { pair }, value]),
    ...known(each.use_rate_bps, (value) => ["qkd_pair_use_rate_bits_per_second", { pair }, value]),
  ];
}

function ofNode({ id: node, health: own, saes, relays, ipsec }: MonitorView["nodes"][number]): readonly Sample[] {
  return [
    ...healths(own, (health, value) => ["qkd_node_health", { node, health }, value]),
    ["qkd_node_saes", { node }, saes],
    ...Object.entries(relays ?? {}).map(([outcome, count]): Sample => ["qkd_node_relays", { node, outcome }, count]),
    ...Object.entries(ipsec === null ? {} : { all: ipsec.entries, failed: ipsec.failed, rekeying: ipsec.rekeys }).map(
      ([state, count]): Sample => ["qkd_node_ipsec_associations", { node, state }, count],
    ),
  ];
}

const AGENT_STATES = ["active", "standby", "absent"] as const;

function ofSite({
  id: site,
  health: own,
  agents,
  streams,
  waiting_bytes,
}: MonitorView["sites"][number]): readonly Sample[] {
  return [
    ...healths(own, (health, value) => ["qkd_site_health", { site, health }, value]),
    ...(agents === null
      ? []
      : AGENT_STATES.map((state): Sample => {
          const count = agents.filter((agent) => agent.state === state).length;
          return ["qkd_site_agents", { site, state }, count];
        })),
    ...known(streams, (value) => ["qkd_site_streams", { site }, value]),
    ...known(waiting_bytes, (value) => ["qkd_site_waiting_bytes", { site }, value]),
  ];
}

function ofAlarms(alarms: MonitorView["alarms"]): readonly Sample[] {
  const open = alarms.filter(({ acknowledged }) => acknowledged === null);
  const byKind = Map.groupBy(open, ({ code, severity }) => JSON.stringify([code, severity]));
  return [...byKind.values()].flatMap((ofKind): readonly Sample[] => {
    const [first] = ofKind;
    return first === undefined ? [] : [["qkd_alarms", { code: first.code, severity: first.severity }, ofKind.length]];
  });
}

const ofRequests = (totals: Tally): readonly Sample[] =>
  Object.entries(totals).flatMap(([operation, { codes, buckets, sumSeconds }]): readonly Sample[] => [
    ...Object.entries(codes).map(([code, requests]): Sample => ["qkd_http_requests", { operation, code }, requests]),
    ["qkd_http_request_duration_seconds", { operation }, { bounds: BUCKETS_S, buckets, sum: sumSeconds }],
  ]);
