/**
 * The JSON of qkd-trusted-node (next-door-key), as nodes of it write to each other. The names are the original's; it is
 * not that of ETSI GS QKD 020, whose paths it resembles. Parsed as from a stranger: every list and text is bounded.
 */
import * as v from "valibot";
import { UUID } from "../etsi014/key-ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.saeIdChars));
/** In any case: what a KME has given goes on as it is. Here they are looked at in lower case. */
const keyId = v.pipe(v.string(), v.regex(UUID, "shall be a UUID"));
const base64 = v.pipe(v.string(), v.maxLength(4 * Math.ceil(LIMITS.keySizeBits / 24)), v.base64("shall be base64"));
const nodeIds = boundedList(id, LIMITS.legacyWalkedNodes);

/** What a node says of itself when it is asked who is there. */
const WalkedNodeSchema = v.object({
  trusted_node_id: id,
  /** Of the KMEs of all its links, those at the other end included. */
  kme_ids: boundedList(id, LIMITS.legacyWalkedNodes),
  /** Attached to it. */
  sae_ids: boundedList(id, LIMITS.remoteSaes),
  /** Its neighbours. */
  trusted_node_ids: nodeIds,
  /** Hops from who asked first. */
  distance: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(LIMITS.legacyWalkedNodes)),
});
export type WalkedNode = v.InferOutput<typeof WalkedNodeSchema>;

/** The original remembers whom it has asked before, so that a node may stand in its list more than once. */
const WalkedNodesSchema = boundedList(WalkedNodeSchema, LIMITS.legacyWalkedNodes);

/** POST /api/v1/discover/trusted_nodes */
export const DiscoverRequestSchema = v.object({
  walked_nodes: v.optional(WalkedNodesSchema, []),
  distance: v.optional(WalkedNodeSchema.entries.distance, 0),
});
export type DiscoverRequest = v.InferOutput<typeof DiscoverRequestSchema>;
export const DiscoverAnswerSchema = v.object({ walked_nodes: WalkedNodesSchema });
export type DiscoverAnswer = v.InferOutput<typeof DiscoverAnswerSchema>;

/** GET /api/v1/kmapi/versions */
export const VersionsSchema = v.object({ versions: v.array(v.string()), extension: v.object({}) });
export const VERSIONS: v.InferOutput<typeof VersionsSchema> = { versions: ["v1"], extension: {} };

const path = { path_to_go: nodeIds, discovered_network: WalkedNodesSchema };

/** POST /api/v1/kmapi/v1/ext_keys */
export const ExtKeysRequestSchema = v.object({
  /** Of the key itself: that of the first link's. */
  first_key_id: keyId,
  /** Of the key of the link that this request comes over. */
  key_id: keyId,
  /** The key, XORed with that; absent on the first link, whose key is the key. */
  key: v.nullish(base64, null),
  initiator_trusted_node_id: id,
  initiator_sae_id: id,
  target_trusted_node_id: id,
  target_sae_node_id: id,
  /** The node asked, and those beyond it. */
  ...path,
});
export type ExtKeysRequest = v.InferOutput<typeof ExtKeysRequestSchema>;

/** A key, in clear: what ext_keys answers, all the way back to who began. */
export const KeySchema = v.object({ key_ID: keyId, key: base64 });
export type LegacyKey = v.InferOutput<typeof KeySchema>;

/** POST /api/v1/kmapi/v1/void: takes keys back from who began them, and so fetches them. */
export const VoidRequestSchema = v.object({
  key_ids: v.pipe(boundedList(keyId, LIMITS.legacyKeys), v.minLength(1)),
  initiator_sae_id: id,
  target_sae_id: id,
  ...path,
});
export type VoidRequest = v.InferOutput<typeof VoidRequestSchema>;
/** In the order asked for. */
export const VoidAnswerSchema = boundedList(KeySchema, LIMITS.legacyKeys);

/** What a node's KME answers (ETSI GS QKD 014 clause 6.3): keys of the link. */
export const LinkKeysSchema = v.object({ keys: boundedList(KeySchema, LIMITS.legacyKeys) });

/** Where nodes of qkd-trusted-node are asked. */
export const PATHS = {
  discover: "/api/v1/discover/trusted_nodes",
  versions: "/api/v1/kmapi/versions",
  extKeys: "/api/v1/kmapi/v1/ext_keys",
  void: "/api/v1/kmapi/v1/void",
} as const;
