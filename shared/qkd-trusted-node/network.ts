/**
 * Who is there, as nodes of qkd-trusted-node find out: each asks the neighbours that have not been asked, and passes on
 * all it has heard. A path is then the shortest in hops.
 */
import type { WalkedNode } from "./messages.ts";

/** A node of ours, as it stands in the network of qkd-trusted-node. */
export interface OwnNode {
  readonly id: string;
  readonly saes: readonly string[];
  /** Of both ends of each of its links: the original looks for its own among its caller's. */
  readonly kmes: readonly string[];
  readonly neighbours: readonly string[];
}

/**
 * What it says of itself. Of its neighbours only those that stand in the list: an original that finds one named of which
 * it has not heard breaks down.
 */
export function ownEntry(own: OwnNode, distance: number, heard: readonly WalkedNode[]): WalkedNode {
  const known = new Set(heard.map(({ trusted_node_id: id }) => id));
  return {
    trusted_node_id: own.id,
    kme_ids: [...own.kmes],
    sae_ids: [...own.saes],
    trusted_node_ids: own.neighbours.filter((id) => known.has(id)),
    distance,
  };
}

/** The first word on each node counts: the original repeats old ones behind it. */
export function heardOnce(...lists: readonly (readonly WalkedNode[])[]): WalkedNode[] {
  const nodes = new Map<string, WalkedNode>();
  for (const node of lists.flat()) if (!nodes.has(node.trusted_node_id)) nodes.set(node.trusted_node_id, node);
  return [...nodes.values()];
}

/** The node that claims an SAE; null for none, and for more than one: then nobody can tell which of them lies. */
export function nodeOfSae(heard: readonly WalkedNode[], sae: string): string | null {
  const [only, ...more] = heardOnce(heard).filter(({ sae_ids: saes }) => saes.includes(sae));
  return only === undefined || more.length > 0 ? null : only.trusted_node_id;
}

/**
 * The shortest path, both ends included; of several the one whose ids come first. As in the original, a link of which
 * one end tells is one. Null where there is none.
 */
export function pathBetween(heard: readonly WalkedNode[], from: string, to: string): readonly string[] | null {
  const neighbours = neighboursOf(heardOnce(heard));
  const before = new Map<string, string | null>([[from, null]]);
  for (const node of before.keys()) {
    if (node === to) break;
    for (const next of [...(neighbours.get(node) ?? [])].toSorted()) if (!before.has(next)) before.set(next, node);
  }
  if (!before.has(to)) return null;
  const path: string[] = [];
  for (let node: string | null = to; node !== null; node = before.get(node) ?? null) path.unshift(node);
  return path;
}

/** Among nodes that have spoken for themselves. */
function neighboursOf(nodes: readonly WalkedNode[]): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map(nodes.map(({ trusted_node_id: id }) => [id, new Set<string>()]));
  for (const { trusted_node_id: id, trusted_node_ids: others } of nodes) {
    for (const other of others) {
      if (other === id || !neighbours.has(other)) continue;
      neighbours.get(id)?.add(other);
      neighbours.get(other)?.add(id);
    }
  }
  return neighbours;
}
