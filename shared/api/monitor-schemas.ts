/**
 * Bodies of the monitor's routes: the deployment at one glance, its changes, and its figures of late. `null` is not known.
 * Every entity has an `id`, unique among its kind. Codes and states may be added: a client passes over those it does not know.
 */
import * as v from "valibot";
import { BIT_STATES } from "../keypool/types.ts";
import { ALARM_SEVERITIES } from "../monitor/severities.ts";
import { LINK_SOURCES } from "../network/document.ts";

const text = v.string();
const flag = v.boolean();
const figure = v.number();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());
const level = v.nullable(v.picklist(["empty", "low", "normal", "high"]));
const ends = v.strictTuple([text, text]);

export const HEALTHS = ["ok", "degraded", "down", "unknown"] as const;
export const HealthSchema = v.picklist(HEALTHS);

const judged = {
  id: text,
  health: HealthSchema,
  /** Why it is not `ok`, in words. */
  reasons: v.array(text),
  /** How many stand of it. */
  alarms: count,
};

export const MonitorNodeSchema = v.object({
  ...judged,
  hosted: flag,
  /** Where another deployment is reached that hosts it. */
  url: v.nullable(text),
  /** Of a hosted one. */
  site: v.nullable(text),
  /** How many are attached to it; of a node of another deployment: how many it may announce. */
  saes: count,
  relay_enabled: flag,
  /** Nodes one link away. */
  neighbours: v.array(text),
  /** Of a node with an IPsec host: security associations, those that failed, and rekeys under way. */
  ipsec: v.nullable(v.object({ entries: count, failed: count, rekeys: count })),
  /** That it began for its own pools, since its object woke up. */
  relays: v.nullable(v.object({ begun: count, done: count, failed: count })),
});

export const MonitorLinkSchema = v.object({
  ...judged,
  nodes: ends,
  source: v.picklist(LINK_SOURCES),
  simulated: v.nullable(flag),
  level,
  available_bits: v.nullable(count),
  /** Watermarks of its pool. */
  low_bits: v.nullable(count),
  high_bits: v.nullable(count),
  /** So much its pool may hold. */
  capacity_bits: count,
  /** Came in, as it was measured of late. */
  key_rate_bps: v.nullable(figure),
  /** Went out, as it was measured of late. */
  use_rate_bps: v.nullable(figure),
  /** At these rates; null: not at all. */
  empty_in_s: v.nullable(figure),
  /** Of the last block; null too where the source tells none. */
  qber: v.nullable(figure),
  /** Of a simulated link's two ends, the worse. */
  module_state: v.nullable(text),
  relays_may_use: v.nullable(flag),
  ledger_bits: v.nullable(v.object(v.entriesFromList(BIT_STATES, count))),
  /** Every bit that came in is in exactly one state. */
  conserved: v.nullable(flag),
});

/** Relayed key of two nodes: `tn-1|tn-4#60`. */
export const MonitorPairSchema = v.object({
  ...judged,
  nodes: ends,
  disjoint_paths: count,
  level,
  available_bits: v.nullable(count),
  /** So much is kept at hand, as it was used of late. */
  target_bits: v.nullable(count),
  key_rate_bps: v.nullable(figure),
  use_rate_bps: v.nullable(figure),
  empty_in_s: v.nullable(figure),
});

export const MonitorSiteSchema = v.object({
  ...judged,
  nodes: v.array(text),
  /** Null where its hub does not answer, as what follows. */
  agents: v.nullable(
    v.array(
      v.object({
        agent: text,
        state: v.picklist(["active", "standby", "absent"]),
        connected_since: v.nullable(instant),
      }),
    ),
  ),
  services: v.nullable(v.array(text)),
  streams: v.nullable(count),
  waiting_bytes: v.nullable(count),
});

/** A key on its way over other nodes, or there, of late. */
export const MonitorRelaySchema = v.object({
  id: text,
  from: text,
  to: text,
  /** Nodes, `from` first. */
  path: v.array(text),
  links: v.array(text),
  state: v.picklist(["running", "done", "failed"]),
  /** Where it failed: `dry`, `silent`, `refused`, `faulty`, `late`, `given-up`, `unequal`. */
  reason: v.nullable(text),
  bits: count,
  /** When it began. */
  at: instant,
});

/** An open key stream of ETSI GS QKD 004. */
export const MonitorStreamSchema = v.object({
  /** KSID. */
  id: text,
  nodes: ends,
  /** Of the first node, which opened it first, then of the second; null while nobody has come who may be that end. */
  saes: v.strictTuple([v.nullable(text), v.nullable(text)]),
  chunk_bytes: count,
  /** Had by both ends; may be a few behind. */
  delivered_chunks: count,
});

export { ALARM_SEVERITIES };
export const ALARM_OBJECTS = ["link", "pair", "node", "ipsec", "site", "deployment"] as const;

export const MonitorAlarmSchema = v.object({
  id: text,
  code: text,
  severity: v.picklist(ALARM_SEVERITIES),
  of: v.object({ kind: v.picklist(ALARM_OBJECTS), id: text }),
  /** Of what of it: a node, a file of blocks, an agent. */
  subject: text,
  meaning: text,
  detail: text,
  first: instant,
  last: instant,
  count,
  /** Null: it stands. */
  cleared: v.nullable(instant),
  acknowledged: v.nullable(v.object({ by: text, at: instant, note: text })),
});

export const MonitorOperationSchema = v.object({
  /** `operationId` of the OpenAPI document. */
  id: text,
  requests_per_s: figure,
  errors_per_s: figure,
  p50_ms: v.nullable(figure),
  p99_ms: v.nullable(figure),
});

export const MonitorAuditSchema = v.object({
  /** `node/index`. */
  id: text,
  node: text,
  index: count,
  at: instant,
  act: text,
  who: text,
  detail: v.looseObject({}),
});

/** Kind of entity -> its schema: what a view holds, and an update changes. */
export const MONITOR_ENTITIES = {
  nodes: MonitorNodeSchema,
  links: MonitorLinkSchema,
  pairs: MonitorPairSchema,
  sites: MonitorSiteSchema,
  /** Of the last 30 s, the newest first. */
  relays: MonitorRelaySchema,
  streams: MonitorStreamSchema,
  alarms: MonitorAlarmSchema,
  operations: MonitorOperationSchema,
  /** The newest last. */
  audit: MonitorAuditSchema,
} as const;
export type MonitorKind = keyof typeof MONITOR_ENTITIES;
export const MONITOR_KINDS = Object.keys(MONITOR_ENTITIES) as MonitorKind[];

const nodes = v.array(MonitorNodeSchema);
const links = v.array(MonitorLinkSchema);
const pairs = v.array(MonitorPairSchema);
const sites = v.array(MonitorSiteSchema);
const relays = v.array(MonitorRelaySchema);
const streams = v.array(MonitorStreamSchema);
const alarms = v.array(MonitorAlarmSchema);
const operations = v.array(MonitorOperationSchema);
const audit = v.array(MonitorAuditSchema);
const lists = { nodes, links, pairs, sites, relays, streams, alarms, operations, audit } satisfies Record<
  MonitorKind,
  unknown
>;

export const MonitorViewSchema = v.object({
  at: instant,
  /** Of the network and its revocations: grows with every change. */
  sequence: count,
  document_version: count,
  /** Of the deployment. */
  name: text,
  /** Between two samples at present. */
  period_ms: count,
  ...lists,
});

/** Subprotocol of the live socket. */
export const MONITOR_PROTOCOL = "qkd-monitor-v1";

/** From the server, as JSON texts. `n` counts up from 1; nothing more is sent until it has been acknowledged. */
export const MonitorMessageSchema = v.variant("type", [
  v.object({ type: v.literal("view"), n: count, view: MonitorViewSchema }),
  v.object({
    type: v.literal("update"),
    n: count,
    at: instant,
    sequence: count,
    document_version: count,
    name: text,
    period_ms: count,
    /** Entities that are new or have changed, whole. */
    set: v.partial(v.object(lists)),
    /** Ids of those that are gone. */
    gone: v.partial(v.object(v.entriesFromList(MONITOR_KINDS, v.array(text)))),
  }),
]);

/** From the client. */
export const MonitorAckSchema = v.strictObject({ type: v.literal("ack"), n: count });

export const LINK_FIGURES = ["available_bits", "key_rate_bps", "use_rate_bps", "qber"] as const;
export const DEPLOYMENT_FIGURES = ["requests_per_s", "errors_per_s", "p99_ms"] as const;

export const MonitorHistorySchema = v.object({
  of: text,
  figure: text,
  step_s: count,
  /** Unix seconds of a step's beginning, and the figure at its end; steps without a sample are left out. */
  points: v.array(v.strictTuple([count, v.nullable(figure)])),
});

export type Health = v.InferOutput<typeof HealthSchema>;
export type MonitorNode = v.InferOutput<typeof MonitorNodeSchema>;
export type MonitorLink = v.InferOutput<typeof MonitorLinkSchema>;
export type MonitorPair = v.InferOutput<typeof MonitorPairSchema>;
export type MonitorSite = v.InferOutput<typeof MonitorSiteSchema>;
export type MonitorRelay = v.InferOutput<typeof MonitorRelaySchema>;
export type MonitorStream = v.InferOutput<typeof MonitorStreamSchema>;
export type MonitorAlarm = v.InferOutput<typeof MonitorAlarmSchema>;
export type MonitorOperation = v.InferOutput<typeof MonitorOperationSchema>;
export type MonitorAudit = v.InferOutput<typeof MonitorAuditSchema>;
export type MonitorView = v.InferOutput<typeof MonitorViewSchema>;
export type MonitorMessage = v.InferOutput<typeof MonitorMessageSchema>;
export type MonitorUpdate = Extract<MonitorMessage, { type: "update" }>;
export type MonitorHistory = v.InferOutput<typeof MonitorHistorySchema>;
