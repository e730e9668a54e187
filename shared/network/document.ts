/**
 * The network document: what an operator writes down about a QKD network. The shape is here; rules that span several
 * places (unique ids, links between known nodes ...) are in `validate.ts`. The JSON Schema shipped in `docs/schema/`
 * is generated from this file.
 */
import * as v from "valibot";
import { FORMS } from "../etsi020/ack.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "./bounded-list.ts";
import { MAX_DISJOINT_PATHS } from "../keypool/relay-shard.ts";
import { ALARM_SEVERITIES } from "../monitor/severities.ts";
import { PASSWORD_HASH_FORM, PASSWORD_HASH_WORDS } from "../open-qkd-network/password-hash.ts";
import { GRANTS } from "../open-qkd-network/token-request.ts";
import { ModuleSettingsSchema } from "../qkd-module/settings.ts";
import { NodeIpsecSchema } from "./node-ipsec.ts";
import { PlainIdSchema } from "./plain-id.ts";

const wholeNumber = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

// oxlint-disable-next-line no-control-regex
const noControls = v.regex<string, string>(/^[^\u0000-\u001f\u007f]*$/, "shall hold no control characters");
/** SAE ids are opaque (ETSI 014 leaves their syntax open): any text without control characters. */
const saeId = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.saeIdChars), noControls);
const address = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.streamUriChars), noControls);
const sha256Hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "shall be a SHA-256: 64 lower-case hex digits"));
const uuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, "shall be a UUID in lower case"),
);
const instant = v.pipe(v.string(), v.isoTimestamp());

/** A client certificate, told by its SHA-256 fingerprint, one of its SANs (`DNS:sae-a`, `URI:sae://a`), or its subject CN. */
const certificateCredential = v.strictObject({
  type: v.literal("certificate"),
  match: v.picklist(["fingerprint", "san", "cn"]),
  value: v.pipe(v.string(), v.minLength(1), v.maxLength(512)),
});
/** A bearer token of 256 random bits; only its SHA-256 is written down. Without scopes it may do all its role may. */
const tokenCredential = v.strictObject({
  type: v.literal("token"),
  sha256: sha256Hex,
  expires: v.optional(instant),
  scopes: v.optional(boundedList(v.string(), 32)),
});
const credentials = boundedList(v.variant("type", [certificateCredential, tokenCredential]), LIMITS.credentialsEach);

/** Base64 of so many bytes, none of them beyond the last character's. */
const base64Of = (bytes: number) => {
  const chars = Math.ceil((bytes * 4) / 3);
  const form = new RegExp(`^[A-Za-z0-9+/]{${chars - 1}}[AEIMQUYcgkosw048]=$`);
  return v.pipe(v.string(), v.regex(form, `shall be ${bytes} bytes in base64: ${chars} characters and =`));
};

/** A node that another deployment hosts. */
const remote = v.strictObject({
  /** Of that deployment: https, or http on loopback. */
  url: v.pipe(v.string(), v.maxLength(LIMITS.remoteUrlChars)),
  /** Public keys, by which what comes from the node is known to. */
  ed25519: base64Of(32),
  ml_dsa_65: base64Of(1952),
  /** The SAEs that it may announce as attached to it. */
  saes: boundedList(saeId, LIMITS.remoteSaes),
});

const node = v.strictObject({
  id: PlainIdSchema,
  /** The node's UUID, as peers that name nodes by UUID know it. */
  uuid: v.optional(uuid),
  /** ETSI 014 KME ID; the node id where absent. */
  kme_id: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(256))),
  /** The site whose agent serves this node; the node id where absent. */
  site: v.optional(PlainIdSchema),
  /** Site id in the Open-QKD-Network KMS API. */
  kms_site_id: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
  /** The node's SAE in whose name users of that API get keys. Absent: its site is not served there. */
  kms_sae: v.optional(saeId),
  credentials: v.optional(credentials),
  /** Absent: hosted by this deployment. */
  remote: v.optional(remote),
  /** Absent: it has no IPsec host. */
  ipsec: v.optional(NodeIpsecSchema),
});

export const CONDITIONING_SEED_WORDS =
  "shall be 32 random bytes as 64 lower-case hex digits, drawn once for the link: openssl rand -hex 32";

export const LINK_SOURCES = ["simulated", "push", "bb84", "fake"] as const;

const link = v.strictObject({
  id: PlainIdSchema,
  nodes: v.strictTuple([PlainIdSchema, PlainIdSchema]),
  /**
   * `simulated`: random material made by the pool itself, for demo and tests. `push`: blocks put by agents or operators.
   * `bb84`, `fake`: made by two QKD modules, the first node's the sender's: BB84 on a simulated channel, or random keys.
   */
  source: v.picklist(LINK_SOURCES),
  /** One-ended: a block counts once one end has pushed it. Two-ended: once both ends have pushed equal bytes. */
  feed: v.picklist(["one-ended", "two-ended"]),
  /**
   * What happens to a block that fails a health test: quarantined, or taken in all the same. `condition`: tested
   * against `min_entropy_per_bit`, quarantined where it fails, and else hashed down to that entropy.
   */
  health: v.picklist(["reject", "condition", "accept"]),
  /** For `condition`: what the source is trusted to give, set before seeing its blocks; 0.8 where absent. */
  min_entropy_per_bit: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(1))),
  /** For `condition`, which needs it: 32 random bytes, drawn once for the link. Not secret. */
  conditioning_seed: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, CONDITIONING_SEED_WORDS))),
  /** For `bb84` and `fake`: how the link's modules are set. */
  module: v.optional(ModuleSettingsSchema),
  /** Secret key rate in bits per second: what a source `simulated` or `fake` makes. */
  key_rate_bps: wholeNumber(0, 1_000_000_000),
  /** KeyPool objects that serve this link; more of them scale it out. Can be raised, never lowered. */
  shards: v.optional(wholeNumber(1, LIMITS.shards), 1),
});

const sae = v.strictObject({
  id: saeId,
  node: PlainIdSchema,
  /** What clients of ETSI 004 write for this SAE as source or destination: `10.0.0.20:5000`, `server://localhost`. */
  addresses: v.optional(boundedList(address, LIMITS.addressesEach)),
  credentials,
});

const pair = v.strictObject({
  nodes: v.strictTuple([PlainIdSchema, PlainIdSchema]),
  /**
   * Keys of the two nodes are XOR shares that came over so many node-disjoint paths, or there are none; 1: relayed over
   * one path, even where they have a link.
   */
  disjoint_paths: wholeNumber(1, MAX_DISJOINT_PATHS),
});

const kmsPeer = v.strictObject({
  id: PlainIdSchema,
  /** Where it sits: hosted here. */
  node: PlainIdSchema,
  credentials,
  /** The SAEs that it serves, as initiators of what it hands over. */
  saes: boundedList(saeId, LIMITS.kmsPeerSaes),
  /** Hosts, with ports that are not the scheme's own, where it may want acknowledgements. None: it is told by the answer only. */
  callback_hosts: v.optional(boundedList(v.pipe(v.string(), v.maxLength(255)), LIMITS.kmsCallbackHosts), []),
  /** The service of a site's agent through which its callbacks are reached. Absent: straight from the edge. */
  via: v.optional(v.strictObject({ site: PlainIdSchema, service: PlainIdSchema })),
  /** Where keys of ours for its SAEs are handed over: its base URL. Absent: they are given none. */
  url: v.optional(v.pipe(v.string(), v.maxLength(LIMITS.kmsCallbackUrlChars))),
  /** Where it shall acknowledge them: this deployment's `/kmapi/v1/ext_keys/ack`, as it reaches it. Absent: in its answer. */
  ack_url: v.optional(v.pipe(v.string(), v.maxLength(LIMITS.kmsCallbackUrlChars))),
  /** Which of the published shapes of V1.1.1 it understands; it is understood in either. */
  form: v.optional(v.picklist(FORMS), "key_id"),
});

/** A neighbour that runs qkd-trusted-node (next-door-key): what of its settings and ours the two have to agree on. */
const legacyNode = v.strictObject({
  /** Its `id`: name of its certificate, and by which the KMEs know it as an SAE. */
  id: PlainIdSchema,
  /** The node whose neighbour it is: hosted here. */
  node: PlainIdSchema,
  /** By which it knows that node: an `id` of its `attached_trusted_nodes`. The node's own where absent. */
  own_id: v.optional(PlainIdSchema),
  credentials,
  /** Service of the node's site (its agent's) that leads to it. */
  service: PlainIdSchema,
  /** The two KMEs of the link between them. Keys are taken from the one at our end, by ETSI GS QKD 014. */
  link: v.strictObject({
    /** Service of the node's site that leads to our KME. */
    service: PlainIdSchema,
    kme_id: saeId,
    /** Of the neighbour's end. */
    peer_kme_id: saeId,
  }),
  /** The SAEs at it or beyond it that it may speak for. */
  saes: boundedList(saeId, LIMITS.legacySaes),
  /** Keys go between the two in clear, inside TLS: it knows no other way. Without this no key goes at all. */
  key_in_clear: v.optional(v.boolean(), false),
});

const passwordHash = v.pipe(v.string(), v.regex(PASSWORD_HASH_FORM, PASSWORD_HASH_WORDS));

/** An OAuth client of the Open-QKD-Network KMS API: an application, whoever uses it. */
const kmsClient = v.strictObject({
  id: PlainIdSchema,
  secret: passwordHash,
  grants: boundedList(v.picklist(GRANTS), GRANTS.length),
  /** For client_credentials, which need it: at whose site the client itself gets keys. */
  node: v.optional(PlainIdSchema),
});

/** A user of that API. */
const kmsUser = v.strictObject({
  id: PlainIdSchema,
  password: passwordHash,
  /** At whose site the user gets keys. */
  node: PlainIdSchema,
  /** The clients by which the user may sign in. Absent: all. */
  clients: v.optional(boundedList(PlainIdSchema, LIMITS.kmsClients)),
});

/** Whom the deployment tells of its alarms. */
const webhook = v.strictObject({
  id: PlainIdSchema,
  /** https, or http on loopback. */
  url: v.pipe(v.string(), v.maxLength(LIMITS.webhookUrlChars)),
  /** Of alarms at least so grave; all where absent. */
  min_severity: v.optional(v.picklist(ALARM_SEVERITIES)),
  /** Of these alone; all where absent. */
  codes: v.optional(boundedList(v.pipe(v.string(), v.maxLength(64)), LIMITS.webhookCodes)),
});

const principalEntry = { id: PlainIdSchema, credentials };

/** As a browser writes it, to be compared as it is: no path, no port that is the scheme's own. */
const origin = v.pipe(
  v.string(),
  v.maxLength(LIMITS.browserOriginChars),
  v.regex(
    /^(?:https:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?!:443$)|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?!:80$))(?::[1-9][0-9]{0,4})?$/,
    "shall be an origin: https://HOST or https://HOST:PORT in lower case, without a path, not even /, or :443; http:// on loopback only",
  ),
);

/** 0 keys a day: as many as one likes. */
const quotaMembers = {
  keys_per_day: v.optional(wholeNumber(0, 1_000_000_000)),
  /** The share of a pool's material that one principal's keys may hold until they are delivered. */
  pool_share: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
};

const policy = v.strictObject({
  /** ETSI 014 `size`, in bits; each a multiple of 8. */
  key_size_bits: v.optional(
    v.strictObject({
      min: wholeNumber(8, LIMITS.keySizeBits),
      default: wholeNumber(8, LIMITS.keySizeBits),
      max: wholeNumber(8, LIMITS.keySizeBits),
    }),
    { min: 64, default: 256, max: 4096 },
  ),
  max_key_per_request: v.optional(wholeNumber(1, LIMITS.keysPerRequest), 128),
  max_sae_id_count: v.optional(wholeNumber(0, LIMITS.multicastSaes), 16),
  /** Per pool. A source stops at `high_bytes`; nothing is taken in beyond `capacity_bytes`; below `low_bytes` the pool is low. */
  pool: v.optional(
    v.strictObject({
      capacity_bytes: wholeNumber(LIMITS.unitBytes, LIMITS.poolCapacityBytes),
      high_bytes: wholeNumber(0, LIMITS.poolCapacityBytes),
      low_bytes: wholeNumber(0, LIMITS.poolCapacityBytes),
    }),
    { capacity_bytes: 256 * 1024 * 1024, high_bytes: 8 * 1024 * 1024, low_bytes: 64 * 1024 },
  ),
  /** How long a block of a two-ended link waits for its twin. */
  unmatched_ttl_s: v.optional(wholeNumber(1, 366 * 24 * 3600), 3600),
  /** How long a key waits for its slaves. */
  key_ttl_s: v.optional(wholeNumber(1, 366 * 24 * 3600), 24 * 3600),
  /** How long an epoch key protects new material. Then the next takes its place, and what it protected is gone with it. */
  epoch_s: v.optional(wholeNumber(60, 366 * 24 * 3600), 24 * 3600),
  /** How long 4 KiB of material that keys are cut from stay in use: what is left of them then is retired. */
  unit_max_age_s: v.optional(wholeNumber(60, 366 * 24 * 3600), 24 * 3600),
  /** How long keys of a moved or removed SAE, node or link may still be fetched before they are voided. */
  drain_s: v.optional(wholeNumber(0, LIMITS.drainSeconds), 60),
  /** How long a repeat with the same Idempotency-Key gets the same container again; 0: never. */
  delivery_grace_s: v.optional(wholeNumber(0, LIMITS.deliveryGraceSeconds), 0),
  /** How long dec_keys waits for a key that is announced but still on its way. */
  dec_wait_ms: v.optional(wholeNumber(0, LIMITS.decWaitMs), 2000),
  /** ETSI 014 6.2 leaves open whether unknown extension_optional parameters are ignored or refused. */
  extension_optional: v.optional(v.picklist(["ignore", "refuse"]), "ignore"),
  /** Token bucket per principal and pool. */
  rate_limit: v.optional(
    v.strictObject({ requests_per_s: wholeNumber(1, 1_000_000), burst: wholeNumber(1, 1_000_000) }),
    { requests_per_s: 20_000, burst: 40_000 },
  ),
  /** Per principal and pair of nodes. Absent: no limits. */
  quota: v.optional(v.strictObject(quotaMembers)),
  /** Others for some SAEs, links, or SAEs over links; what one of these leaves out is as it would be without it. */
  quotas: v.optional(
    boundedList(
      v.strictObject({ sae: v.optional(saeId), link: v.optional(PlainIdSchema), ...quotaMembers }),
      LIMITS.quotas,
    ),
  ),
  /** Keys between nodes without a link of their own, or whose link is dry: over other nodes of the network. */
  relay: v.optional(
    v.strictObject({
      enabled: v.optional(v.boolean(), true),
      /** What a link costs a path: 1, or less the more key it has, the faster that comes and the lower its QBER. */
      cost: v.optional(v.picklist(["hops", "key-aware"]), "hops"),
      /** Links of a path, at most. */
      max_hops: v.optional(wholeNumber(1, LIMITS.relayHops), 16),
      /** Paths tried one after the other before a request is refused. */
      alternatives: v.optional(wholeNumber(1, LIMITS.relayAlternatives), 3),
      /** Of a link that carries relays: kept for the tags that authenticate them; neither keys nor pads take it. */
      authentication_floor_bytes: v.optional(wholeNumber(0, 1024 * 1024), 1024),
    }),
    {},
  ),
  /** What an object does when its audit outbox is full: refuse requests, or drop events and raise an alarm. */
  audit_overflow: v.optional(v.picklist(["refuse", "drop"]), "refuse"),
  /** Audit records are dropped some time after so many days. Absent: never. */
  audit_retention_days: v.optional(wholeNumber(1, LIMITS.auditRetentionDays)),
});

export const NetworkDocumentSchema = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.maxLength(128)), "qkd network"),
  nodes: boundedList(node, LIMITS.nodes),
  links: boundedList(link, LIMITS.links),
  saes: boundedList(sae, LIMITS.saes),
  agents: v.optional(boundedList(v.strictObject({ ...principalEntry, site: PlainIdSchema }), LIMITS.principals), []),
  controllers: v.optional(boundedList(v.strictObject(principalEntry), LIMITS.principals), []),
  operators: boundedList(v.strictObject(principalEntry), LIMITS.principals),
  /** Key management systems of others that sit at nodes of ours, and hand over keys for our SAEs (ETSI GS QKD 020). */
  kms_peers: v.optional(boundedList(kmsPeer, LIMITS.kmsPeers)),
  legacy_nodes: v.optional(boundedList(legacyNode, LIMITS.legacyNodes)),
  kms_clients: v.optional(boundedList(kmsClient, LIMITS.kmsClients)),
  kms_users: v.optional(boundedList(kmsUser, LIMITS.kmsUsers)),
  /** Pairs of nodes whose keys shall come over so many paths; keys of all others come as they can. */
  pairs: v.optional(boundedList(pair, LIMITS.multipathPairs)),
  webhooks: v.optional(boundedList(webhook, LIMITS.webhooks)),
  /** Origins of other hosts whose pages may call the API, with tokens of their users. Absent: none. */
  browser_origins: v.optional(boundedList(origin, LIMITS.browserOrigins)),
  policy: v.optional(policy, {}),
});

/** As written by an operator: defaults may be absent. */
export type NetworkDocumentInput = v.InferInput<typeof NetworkDocumentSchema>;
/** As validated: every default filled in. */
export type NetworkDocument = v.InferOutput<typeof NetworkDocumentSchema>;
export type NodeEntry = NetworkDocument["nodes"][number];
export type LinkEntry = NetworkDocument["links"][number];
export type PairEntry = NonNullable<NetworkDocument["pairs"]>[number];
export type LegacyNodeEntry = NonNullable<NetworkDocument["legacy_nodes"]>[number];
export type KmsPeerEntry = NonNullable<NetworkDocument["kms_peers"]>[number];
export type KmsClientEntry = NonNullable<NetworkDocument["kms_clients"]>[number];
export type KmsUserEntry = NonNullable<NetworkDocument["kms_users"]>[number];
export type SaeEntry = NetworkDocument["saes"][number];
export type OperatorEntry = NetworkDocument["operators"][number];
export type WebhookEntry = NonNullable<NetworkDocument["webhooks"]>[number];
export type Policy = NetworkDocument["policy"];
/** Of whoever wrote a policy down before some of its members existed. */
export const DEFAULT_POLICY: Policy = v.parse(policy, {});
export type Credential = NonNullable<NodeEntry["credentials"]>[number];
