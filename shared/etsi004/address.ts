/**
 * Who is meant by a source or a destination (ETSI GS QKD 004 V2.1.1 clause 5: URIs; other forms may be taken), and
 * which of the two is the caller's peer. Clients write ids of SAEs, UUIDs of nodes, or host and port of a machine
 * that only the network document can tell of.
 */
import { percentDecoded } from "../bytes/percent.ts";
import { type Lookup, nodeId, saeId } from "../network/lookup.ts";
import type { NodeEntry, SaeEntry } from "../network/document.ts";
import type { StreamEnd, StreamPeer } from "./types.ts";

/** scheme://[user[:password]@]host[:port], and whatever follows (RFC 3986 clause 3). */
const URI =
  /^[a-z][a-z0-9+.-]*:\/\/(?:(?<user>[^@:/?#]*)(?::[^@/?#]*)?@)?(?<host>\[[^\]/?#]*\]|[^:/?#]*)(?::[0-9]*)?(?:[/?#].*)?$/isu;

const endOf = ({ id, node }: SaeEntry): StreamPeer => ({ sae: saeId(id), node: nodeId(node) });

/** By its id, whichever deployment hosts its node. */
function saeNamed({ saesById, remoteSaes }: Lookup, id: string): StreamPeer | null {
  const sae = saesById.get(id);
  if (sae !== undefined) return endOf(sae);
  const elsewhere = remoteSaes.get(id);
  return elsewhere === undefined ? null : { sae: saeId(id), node: elsewhere };
}

/** A node stands for its one SAE; of several, for whichever comes first. */
function endAt(lookup: Lookup, node: NodeEntry, user: string | null): StreamPeer {
  const there = lookup.saesByNode.get(node.id) ?? [];
  const [only, ...more] = there;
  const named = there.find(({ id }) => id === user);
  if (named !== undefined) return endOf(named);
  return only !== undefined && more.length === 0 ? endOf(only) : { sae: null, node: nodeId(node.id) };
}

const nodeNamed = ({ nodesById, nodesByUuid, nodesByKmeId }: Lookup, name: string): NodeEntry | undefined =>
  nodesById.get(name) ?? nodesByUuid.get(name.toLowerCase()) ?? nodesByKmeId.get(name);

const decoded = (part: string): string => percentDecoded(part) ?? part;

function ofUri(lookup: Lookup, text: string): StreamPeer | null {
  const parts = URI.exec(text)?.groups;
  if (parts === undefined) return null;
  const host = decoded(parts["host"] ?? "");
  const sae = saeNamed(lookup, host);
  if (sae !== null) return sae;
  const node = nodeNamed(lookup, host);
  const user = parts["user"];
  return node === undefined ? null : endAt(lookup, node, user === undefined ? null : decoded(user));
}

/** @returns null for a text that means nobody in this network */
export function resolveAddress(lookup: Lookup, text: string): StreamPeer | null {
  const sae = saeNamed(lookup, text);
  if (sae !== null) return sae;
  const addressed = lookup.saesByAddress.get(text);
  if (addressed !== undefined) return endOf(addressed);
  const node = nodeNamed(lookup, text);
  return node === undefined ? ofUri(lookup, text) : endAt(lookup, node, null);
}

/** How surely an address means the caller: 2 by its id, 1 by its node, 0 not at all. */
function meansCaller(address: StreamPeer | null, self: StreamEnd): 0 | 1 | 2 {
  if (address === null || address.node !== self.node) return 0;
  if (address.sae === null) return 1;
  return address.sae === self.sae ? 2 : 0;
}

export type Peer =
  | { readonly found: true; readonly peer: StreamPeer }
  /** Which of the two names nobody, or names the caller as its own peer. */
  | { readonly found: false; readonly member: "source" | "destination"; readonly why: "unknown" | "itself" };

/**
 * The other end of a caller's stream. Both ends may pass the same two texts: the peer is the one that does not mean the
 * caller, and the destination where neither or both might.
 * @param source null: not told; the caller
 */
export function peerOf(lookup: Lookup, self: StreamEnd, source: string | null, destination: string): Peer {
  const from = source === null ? self : resolveAddress(lookup, source);
  const to = resolveAddress(lookup, destination);
  const turned = meansCaller(to, self) > meansCaller(from, self);
  const [peer, member] = turned ? ([from, "source"] as const) : ([to, "destination"] as const);
  if (peer === null) return { found: false, member, why: "unknown" };
  return peer.sae === self.sae ? { found: false, member, why: "itself" } : { found: true, peer };
}
