/**
 * The cheapest path of at most so many hops: Dijkstra's algorithm ("A note on two problems in connexion with graphs",
 * 1959), with more than one label a node. A label is the weight of a way from its node to the target. One that is dearer
 * than another but has fewer hops is kept beside it: it may be all that still fits. So the bound is exact.
 */
import { arcsFrom, endsOf, type Graph, hopsOf, pathOf, type Question, type Route } from "./graph.ts";
import { NodeHeap } from "./heap.ts";
import type { Path } from "./types.ts";

/** A question by numbers, with what the path has to leave out. */
export interface Search {
  readonly from: number;
  readonly to: number;
  readonly maxHops: number;
  /** Nodes that it may not pass. */
  readonly closed: ReadonlySet<number>;
  /** Nodes that it may not go to first. */
  readonly notFirst: ReadonlySet<number>;
}

export const OPEN: Pick<Search, "closed" | "notFirst"> = { closed: new Set(), notFirst: new Set() };

const mayStep = (search: Search, from: number, to: number): boolean =>
  !search.closed.has(to) && !(from === search.from && search.notFirst.has(to));

/** The fewest hops to each node from the first one; Infinity: more than there may be. */
function hopsFromStart(graph: Graph, search: Search): number[] {
  const hops = graph.nodes.map(() => Infinity);
  hops[search.from] = 0;
  let edge = [search.from];
  for (let distance = 1; distance <= search.maxHops && edge.length > 0; distance++) {
    const next: number[] = [];
    for (const node of edge) {
      for (const { to } of arcsFrom(graph, node)) {
        if (hops[to] !== Infinity || !mayStep(search, node, to)) continue;
        hops[to] = distance;
        next.push(to);
      }
    }
    edge = next;
  }
  return hops;
}

/**
 * Labels of all nodes that are lighter than the best of the first node, and that one: of each node the lightest first, each
 * with fewer hops than those before it. Null where there is no path.
 */
function labelsToTarget(graph: Graph, search: Search): readonly (readonly number[])[] | null {
  const behind = hopsFromStart(graph, search);
  if (behind[search.to] === Infinity) return null;
  const labels: number[][] = graph.nodes.map(() => []);
  const fewest = graph.nodes.map(() => Infinity);
  const heap = new NodeHeap();
  heap.push(0, search.to);
  for (let top = heap.pop(); top !== null; top = heap.pop()) {
    const { weight, node } = top;
    const hops = hopsOf(weight);
    if (hops >= (fewest[node] ?? 0)) continue;
    fewest[node] = hops;
    labels[node]?.push(weight);
    if (node === search.from) return labels;
    for (const arc of arcsFrom(graph, node)) {
      const fits = hops + 1 + (behind[arc.to] ?? Infinity) <= search.maxHops;
      if (!fits || hops + 1 >= (fewest[arc.to] ?? 0) || !mayStep(search, arc.to, node)) continue;
      heap.push(weight + arc.weight, arc.to);
    }
  }
  return null;
}

/**
 * The best route, by cost, then hops, then ids from the first node on. The labels tell which steps lead on at the
 * least weight; of those, the one to the lowest node is taken, so nothing hangs on the order in which they were found.
 */
export function bestRoute(graph: Graph, search: Search): Route | null {
  const labels = labelsToTarget(graph, search);
  const weight = labels?.[search.from]?.[0];
  if (labels === null || weight === undefined) return null;
  const nodes = [search.from];
  let node = search.from;
  let left = weight;
  while (node !== search.to) {
    const here = node;
    const rest = left;
    const step = arcsFrom(graph, here).find(
      (arc) => mayStep(search, here, arc.to) && labels[arc.to]?.includes(rest - arc.weight),
    );
    if (step === undefined) throw new Error("a label without a way");
    node = step.to;
    left -= step.weight;
    nodes.push(node);
  }
  return { nodes, weight };
}

/** The cheapest path within `maxHops`; of several the one of fewest hops, then of the lowest ids. Null: there is none. */
export function shortestPath(graph: Graph, question: Question): Path | null {
  const ends = endsOf(graph, question);
  const route = ends === null ? null : bestRoute(graph, { ...ends, ...OPEN, maxHops: question.maxHops });
  return route === null ? null : pathOf(graph, route);
}
