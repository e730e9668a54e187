/** The network as the nodes that relay see it: the part of the document that a TrustedNode object works from. */
import type { LinkId, NodeId, SaeId } from "../ids.ts";
import type { LinkEntry, NetworkDocument, NodeEntry, Policy } from "./document.ts";
import { nodeId, saeId } from "./lookup.ts";

/** Where another deployment hosts a node, and by which keys that is known. */
export interface RemoteNode {
  /** Of its deployment: https, or http on loopback. */
  readonly url: string;
  /** Public keys: base64 of 32 bytes, and of 1952. */
  readonly ed25519: string;
  readonly mlDsa65: string;
}

export interface RelayNode {
  readonly id: NodeId;
  /** Null: hosted here. */
  readonly remote: RemoteNode | null;
  /** Attached to it; of a remote node: all that it may announce. */
  readonly saes: readonly SaeId[];
}

export interface RelayLink {
  readonly id: LinkId;
  readonly nodes: readonly [NodeId, NodeId];
  readonly shards: number;
  readonly source: LinkEntry["source"];
}

export interface RelayView {
  /** Of the snapshot. */
  readonly sequence: number;
  readonly nodes: readonly RelayNode[];
  readonly links: readonly RelayLink[];
  readonly policy: Pick<Policy, "relay" | "pool">;
}

/** What a TrustedNode is told. `isHosted`: false where the document does not hold it, or no longer as a node hosted here. */
export interface OwnRelayView extends RelayView {
  readonly isHosted: boolean;
}

/** Asked by a TrustedNode object, named by its node. */
export interface RelayViewCall {
  readonly node: NodeId;
  /** -1: none. */
  readonly knownSequence: number;
}

export function relayView(network: { readonly sequence: number; readonly document: NetworkDocument }): RelayView {
  const { sequence, document } = network;
  const saes = Map.groupBy(document.saes, ({ node }) => node);
  const { relay, pool } = document.policy;
  return {
    sequence,
    nodes: document.nodes.map((node) => ({
      id: nodeId(node.id),
      remote: remoteOf(node),
      saes: (node.remote?.saes ?? (saes.get(node.id) ?? []).map(({ id }) => id)).map((id) => saeId(id)),
    })),
    links: document.links.map(({ id, nodes, shards, source }) => ({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded here
      id: id as LinkId,
      nodes: [nodeId(nodes[0]), nodeId(nodes[1])],
      shards,
      source,
    })),
    policy: { relay, pool },
  };
}

/** Null: hosted here. */
export function remoteOf({ remote }: NodeEntry): RemoteNode | null {
  if (remote === undefined) return null;
  const { url, ed25519, ml_dsa_65: mlDsa65 } = remote;
  return { url, ed25519, mlDsa65 };
}
