/** Random networks, and plain ways through them: what to relay over, for a simulation of relay. */
import type { NodeId } from "../../shared/ids.ts";
import type { PathSet } from "../../shared/relay/relay-key.ts";
import type { Blame } from "../../shared/relay/walk.ts";

export type Graph = ReadonlyMap<NodeId, readonly NodeId[]>;

/** A tree over all nodes, at random, and so many links more. */
export function randomGraph(count: number, more: number, random: () => number): Graph {
  const names = Array.from({ length: count }, (_, i) => `n${i}` as NodeId);
  const graph = new Map<NodeId, NodeId[]>(names.map((name) => [name, []]));
  const any = (below: number): NodeId => names[Math.floor(random() * below)] ?? ("n0" as NodeId);
  const join = (a: NodeId, b: NodeId): void => {
    if (a === b || graph.get(a)?.includes(b) === true) return;
    graph.get(a)?.push(b);
    graph.get(b)?.push(a);
  };
  for (let at = 1; at < count; at++) join(any(at), names[at] ?? any(at));
  for (let i = 0; i < more; i++) join(any(count), any(count));
  return graph;
}

/** The fewest hops that keep off the nodes (but for the ends) and links; null: there is no such path. */
function shortest(graph: Graph, from: NodeId, to: NodeId, off: Off): NodeId[] | null {
  const before = new Map<NodeId, NodeId | null>([[from, null]]);
  for (const node of before.keys()) {
    if (node === to) return backFrom(to, before);
    if (node !== from && off.nodes.has(node)) continue;
    for (const next of graph.get(node) ?? []) {
      if (!before.has(next) && !off.links.has(`${node}|${next}`)) before.set(next, node);
    }
  }
  return null;
}

function backFrom(to: NodeId, before: ReadonlyMap<NodeId, NodeId | null>): NodeId[] {
  const path: NodeId[] = [];
  for (let node: NodeId | null = to; node !== null; node = before.get(node) ?? null) path.unshift(node);
  return path;
}

interface Off {
  readonly nodes: Set<NodeId>;
  readonly links: Set<string>;
}

/** One path after the other, each off the nodes of those before and off what is blamed; null where there are too few. */
export function disjointSet(
  graph: Graph,
  [from, to]: readonly [NodeId, NodeId],
  count: number,
  blames: readonly Blame[],
): PathSet | null {
  const off: Off = { nodes: new Set(), links: new Set() };
  const keepOff = (a: NodeId, b: NodeId): unknown => off.links.add(`${a}|${b}`).add(`${b}|${a}`);
  for (const blame of blames) {
    if ("link" in blame) keepOff(...blame.link);
    else if (blame.node !== to) off.nodes.add(blame.node);
  }
  const paths: NodeId[][] = [];
  for (let i = 0; i < count; i++) {
    const path = shortest(graph, from, to, off);
    if (path === null) return null;
    paths.push(path);
    for (const node of path.slice(1, -1)) off.nodes.add(node);
    if (path.length === 2) keepOff(from, to);
  }
  return paths;
}
