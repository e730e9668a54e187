/** What nodes of qkd-trusted-node (next-door-key) ask their neighbours: its paths, its JSON. */
import { LIMITS } from "../limits.ts";
import {
  DiscoverAnswerSchema,
  DiscoverRequestSchema,
  ExtKeysRequestSchema,
  KeySchema,
  PATHS,
  VersionsSchema,
  VoidAnswerSchema,
  VoidRequestSchema,
} from "../qkd-trusted-node/messages.ts";
import { EXAMPLE_KEY_ID, json, jsonRequest, type Operation } from "./operation.ts";

const MORE = "For neighbours of the network document's legacy_nodes only; see docs/qkd-trusted-node.md.";
const bounds = { required: true, maxBytes: LIMITS.legacyBodyBytes } as const;
const walked = {
  trusted_node_id: "tn-2-a2b1",
  kme_ids: ["ndk-kme-a2", "ndk-kme-b2"],
  sae_ids: ["sae-b"],
  trusted_node_ids: ["tn-1-a2b2"],
  distance: 0,
};
const onPath = { path_to_go: ["tn-1-a2b2"], discovered_network: [walked] };
const keyErrors = ["forbidden", "not-found", "body-too-large", "audit-full", "unavailable"] as const;

export const LEGACY = {
  postLegacyDiscover: {
    method: "post",
    path: PATHS.discover,
    tag: "Peers",
    summary: "Discovery of qkd-trusted-node",
    description: `Adds the node that is asked, and what its other neighbours say. ${MORE}`,
    action: "legacy.ask",
    request: jsonRequest("Who has been asked already", DiscoverRequestSchema, {
      ...bounds,
      example: { walked_nodes: [walked], distance: 1 },
    }),
    responses: { 200: json("All who have been heard of", DiscoverAnswerSchema) },
    errors: ["forbidden", "not-found", "body-too-large"],
    curl: `${PATHS.discover} -d '{"walked_nodes":[],"distance":0}'`,
  },
  getLegacyVersions: {
    method: "get",
    path: PATHS.versions,
    tag: "Peers",
    summary: "Versions of qkd-trusted-node's key API",
    action: "legacy.ask",
    responses: { 200: json("Always v1", VersionsSchema) },
    errors: ["forbidden"],
    curl: PATHS.versions,
  },
  postLegacyExtKeys: {
    method: "post",
    path: PATHS.extKeys,
    tag: "Peers",
    summary: "Bring a key on, as qkd-trusted-node does it",
    description: `The answer holds the key in clear: refused, with nothing spent, unless key_in_clear of the neighbour allows that. ${MORE}`,
    action: "legacy.ask",
    request: jsonRequest("The key, XORed with that of the link; and the path", ExtKeysRequestSchema, {
      ...bounds,
      example: {
        first_key_id: EXAMPLE_KEY_ID,
        key_id: EXAMPLE_KEY_ID,
        initiator_trusted_node_id: "tn-2-a2b1",
        initiator_sae_id: "sae-b",
        target_trusted_node_id: "tn-1-a2b2",
        target_sae_node_id: "sae-a",
        ...onPath,
      },
    }),
    responses: { 200: json("The key, in clear", KeySchema) },
    errors: [...keyErrors, "conflict"],
    curl: `${PATHS.extKeys} -d @ext-keys.json`,
  },
  postLegacyVoid: {
    method: "post",
    path: PATHS.void,
    tag: "Peers",
    summary: "Fetch keys begun here, as qkd-trusted-node does it",
    description: `Its dec_keys takes keys from the node where they began, which forgets them. In clear, as ext_keys. ${MORE}`,
    action: "legacy.ask",
    request: jsonRequest("Which keys, whose, and the path", VoidRequestSchema, {
      ...bounds,
      example: { key_ids: [EXAMPLE_KEY_ID], initiator_sae_id: "sae-a", target_sae_id: "sae-b", ...onPath },
    }),
    responses: { 200: json("The keys, in clear, in the order asked for", VoidAnswerSchema) },
    errors: [...keyErrors, "key-not-found"],
    curl: `${PATHS.void} -d @void.json`,
  },
} as const satisfies Record<string, Operation>;
