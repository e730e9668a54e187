/**
 * Every metric, once: what it is and what tells it apart. The exposition, docs/metrics.md, the dashboard for Grafana and
 * the rules for Prometheus are held against this table.
 *
 * No label ever holds an SAE, a key ID or a client's word: the number of series follows from the network document.
 * Names as https://prometheus.io/docs/practices/naming/ has them.
 */
export interface Family {
  readonly type: "gauge" | "counter" | "histogram";
  /** Base unit, with which the name ends; absent: a count, or none. */
  readonly unit?: "bits" | "bits_per_second" | "bytes" | "ratio" | "seconds";
  readonly labels: readonly string[];
  readonly help: string;
}

const HEALTH = "1 for the health that it has, 0 for each other: ok, degraded, down, unknown.";

/** A counter's name here has no `_total`: its samples have. */
export const CATALOGUE = {
  qkd_deployment_info: { type: "gauge", labels: ["name"], help: "1; its label is the name of the network document." },
  qkd_network_document_version: { type: "gauge", labels: [], help: "Version of the network document in force." },
  qkd_monitor_sample_timestamp_seconds: {
    type: "gauge",
    unit: "seconds",
    labels: [],
    help: "When the figures of links, pairs, nodes and sites were looked at, in unix time.",
  },

  qkd_link_health: { type: "gauge", labels: ["link", "health"], help: `Health of a link. ${HEALTH}` },
  qkd_pool_bits: {
    type: "gauge",
    unit: "bits",
    labels: ["link", "state"],
    help: "Key material of a link's pool, by what became of it: every bit is in one state.",
  },
  qkd_pool_conserved: {
    type: "gauge",
    labels: ["link"],
    help: "1 where the states of a link's pool add up to what came in, 0 where they do not.",
  },
  qkd_pool_watermark_bits: {
    type: "gauge",
    unit: "bits",
    labels: ["link", "mark"],
    help: "Watermarks of a link's pool: low and high; and capacity, what it may hold.",
  },
  qkd_link_key_rate_bits_per_second: {
    type: "gauge",
    unit: "bits_per_second",
    labels: ["link"],
    help: "Key that came into a link's pool of late.",
  },
  qkd_link_use_rate_bits_per_second: {
    type: "gauge",
    unit: "bits_per_second",
    labels: ["link"],
    help: "Key that went out of a link's pool of late.",
  },
  qkd_link_empty_in_seconds: {
    type: "gauge",
    unit: "seconds",
    labels: ["link"],
    help: "Until a link's pool is empty at these rates; absent where it does not run dry.",
  },
  qkd_link_qber_ratio: {
    type: "gauge",
    unit: "ratio",
    labels: ["link"],
    help: "Quantum bit error rate of a link's last block; absent where its source tells none.",
  },

  qkd_pair_health: { type: "gauge", labels: ["pair", "health"], help: `Health of a pool of relayed key. ${HEALTH}` },
  qkd_pair_available_bits: {
    type: "gauge",
    unit: "bits",
    labels: ["pair"],
    help: "Relayed key at hand for two nodes (`tn-1|tn-4#60`).",
  },
  qkd_pair_target_bits: {
    type: "gauge",
    unit: "bits",
    labels: ["pair"],
    help: "Relayed key that is kept at hand for two nodes, as it was used of late.",
  },
  qkd_pair_key_rate_bits_per_second: {
    type: "gauge",
    unit: "bits_per_second",
    labels: ["pair"],
    help: "Relayed key that came in for two nodes of late.",
  },
  qkd_pair_use_rate_bits_per_second: {
    type: "gauge",
    unit: "bits_per_second",
    labels: ["pair"],
    help: "Relayed key of two nodes that went out of late.",
  },

  qkd_node_health: { type: "gauge", labels: ["node", "health"], help: `Health of a node. ${HEALTH}` },
  qkd_node_saes: { type: "gauge", labels: ["node"], help: "SAEs attached to a node." },
  qkd_node_relays: {
    type: "counter",
    labels: ["node", "outcome"],
    help: "Relays that a node began for pools of its own, since its object woke up: begun, done, failed.",
  },
  qkd_node_ipsec_associations: {
    type: "gauge",
    labels: ["node", "state"],
    help: "Security associations of a node's IPsec host: all of them, and those failed or being made anew.",
  },

  qkd_site_health: { type: "gauge", labels: ["site", "health"], help: `Health of a site. ${HEALTH}` },
  qkd_site_agents: {
    type: "gauge",
    labels: ["site", "state"],
    help: "Enrolled agents of a site: active, standby, absent.",
  },
  qkd_site_streams: { type: "gauge", labels: ["site"], help: "Streams open through a site's tunnel." },
  qkd_site_waiting_bytes: {
    type: "gauge",
    unit: "bytes",
    labels: ["site"],
    help: "On their way through a site's tunnel, and not taken yet.",
  },

  qkd_streams: { type: "gauge", labels: [], help: "Open key streams (ETSI GS QKD 004) that are told of." },
  qkd_alarms: {
    type: "gauge",
    labels: ["code", "severity"],
    help: "Standing alarms that nobody has acknowledged, by what they mean.",
  },

  qkd_http_requests: {
    type: "counter",
    labels: ["operation", "code"],
    help: "Answered requests, by operation of the API (`none`: of no operation) and status.",
  },
  qkd_http_request_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    labels: ["operation"],
    help: "How long the answers to requests took to begin.",
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof CATALOGUE;

/** The labels of a family. */
type LabelsOf<Name extends FamilyName> = Readonly<Record<(typeof CATALOGUE)[Name]["labels"][number], string>>;
type NamesOf<Type extends Family["type"]> = {
  [Name in FamilyName]: (typeof CATALOGUE)[Name]["type"] extends Type ? Name : never;
}[FamilyName];

/** Of a histogram: requests up to each bound, the last of which is without one. */
export interface HistogramValue {
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  readonly sum: number;
}

export type Sample =
  | { [Name in NamesOf<"gauge" | "counter">]: readonly [Name, LabelsOf<Name>, number] }[NamesOf<"gauge" | "counter">]
  | { [Name in NamesOf<"histogram">]: readonly [Name, LabelsOf<Name>, HistogramValue] }[NamesOf<"histogram">];
