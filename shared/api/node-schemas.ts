/** Bodies of the routes of nodes: what they hear of each other, and how their relays fare. */
import * as v from "valibot";
import { LinkAlarmSchema } from "./schemas.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());

/** Where another deployment is reached that hosts the node; null: this one hosts it. */
const url = v.nullable(text);

export const NodesSchema = v.object({
  nodes: v.array(
    v.object({
      node: text,
      hosted: v.boolean(),
      url,
      /** How many are attached to it; of a node of another deployment: how many it may announce. */
      saes: count,
      /** Nodes one link away. */
      neighbours: v.array(text),
    }),
  ),
});

/** Codes may be added: a client passes over those it does not know. */
const NodeAlarmSchema = v.object({
  code: text,
  meaning: text,
  /** A node; of `sae-claimed-twice`, an SAE. */
  subject: text,
  first: instant,
  last: instant,
  count,
  detail: text,
});

const Heard = v.object({
  sequence: count,
  age_ms: count,
  /** How many it announces; of SAEs, those that count. */
  links: count,
  saes: count,
  signed: v.boolean(),
});

const OwnLink = v.object({
  link: text,
  peer: text,
  /** As it was told to the others last, in steps. Null: no relays come, so nobody looks, and others try it. */
  available_bits: v.nullable(count),
  key_rate_bps: v.nullable(count),
  /** Null as well where it is not known. */
  qber: v.nullable(v.number()),
  /** Whether relays may take it. */
  usable: v.boolean(),
  /** Why not. */
  problem: v.nullable(v.picklist(["not-announced", "one-sided", "no-key", "peer-not-heard"])),
});

/** What is neither done nor failed is under way. */
const Counts = v.object({ begun: count, done: count, failed: v.record(text, count) });

const HostedNodeSchema = v.object({
  node: text,
  hosted: v.literal(true),
  url: v.null(),
  relay_enabled: v.boolean(),
  links: v.array(OwnLink),
  /** Of other nodes. */
  heard: v.array(v.object({ node: text, hosted: v.boolean(), ...Heard.entries })),
  /** Of hosted ones, which speak once relays come to them, the network document is taken for their word. */
  not_heard: v.array(v.object({ node: text, hosted: v.boolean() })),
  /** Relays go around these links and nodes for so long, as they failed a moment ago. */
  avoided: v.array(v.object({ link: v.nullable(text), node: v.nullable(text), left_ms: count })),
  relays: v.object({
    /** The figures count from then on. */
    since: instant,
    /** That this node began, for its own pools; failed by the code of the error. */
    keys: Counts,
    /** Paths that failed, by why, whether or not another brought the key. */
    troubles: v.record(text, count),
    /** Of relays that others began. */
    steps: Counts,
  }),
  alarms: v.array(NodeAlarmSchema),
});

const RemoteNodeSchema = v.object({
  node: text,
  hosted: v.literal(false),
  url: text,
  /** The node here that was asked; null where none answered. */
  asked: v.nullable(text),
  /** What that one has heard of it last. */
  heard: v.nullable(Heard),
});

export const NodeSchema = v.variant("hosted", [HostedNodeSchema, RemoteNodeSchema]);

export const NodeRouteSchema = v.object({
  from: text,
  to: text,
  /** As many paths as this, that share no node between the two; of 1: the best, and others in their order. */
  disjoint_paths: count,
  paths: v.array(v.object({ nodes: v.array(text), links: v.array(text), hops: count, cost: v.number() })),
  /** Where there is no path: what would have to come back, a text for each way; the way that takes the least first. */
  cut: v.array(text),
  /** `between`: some hop joins nodes of different deployments. */
  custody: v.picklist(["within-deployment", "between"]),
});

/** A pool of relayed key of two nodes: of one kind, by how many disjoint paths it takes. */
export const RelayedPairSchema = v.object({
  /** `tn-1|tn-4`, the lower id first. */
  pair: text,
  shard: count,
  disjoint_paths: count,
  state: v.picklist(["active", "draining", "gone"]),
  /** `low`: below a quarter of `target_bytes`. */
  level: v.picklist(["empty", "low", "normal", "high"]),
  available_bits: count,
  /** So much is kept at hand, as it was used of late. */
  target_bytes: count,
  /** Links that the key in store came over; null: there is none. */
  stored_hops: v.nullable(v.object({ min: count, max: count })),
  alarms: v.array(LinkAlarmSchema),
});

export const RelayedPairsSchema = v.object({
  pairs: v.array(RelayedPairSchema),
  /** Pass as `after` to read on; null at the end. */
  next: v.nullable(text),
});
