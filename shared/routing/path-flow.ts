/** Node-disjoint routes as flows: see disjoint-paths.ts. */
import { arcsFrom, compareRoutes, type Graph, hopsOf, raisedBy, type Route, routeOver } from "./graph.ts";
import { type FlowEdge, leastCostFlow } from "./least-cost-flow.ts";

export interface DisjointSearch {
  readonly from: number;
  readonly to: number;
  readonly maxHops: number;
  readonly count: number;
}

/** A hop between two nodes, either way; told as `low * nodes + high`. */
export type Hop = number;

export interface Routes {
  /** The best first. */
  readonly routes: readonly Route[];
  /** Of all together. */
  readonly weight: number;
}

export interface FlowFinder {
  /** The cheapest `count` routes that use none of `barred`; null: there are not so many. */
  cheapest(barred: ReadonlySet<Hop>): Routes | null;
  /** As many routes: those that would be the cheapest if each hop cost so many steps more. Their weights are true. */
  priced(steps: number): Routes | null;
  /** As many routes, with as few hops together as can be. */
  fewestHops(): Routes | null;
  /** How many routes there are, `count` at most. */
  most(): number;
  hopsOfRoute(route: Route): readonly Hop[];
  /** Work so far. */
  steps(): number;
}

/** Fewest hops from a node to each. */
function hopsFrom(graph: Graph, start: number): readonly number[] {
  const hops = graph.nodes.map(() => Infinity);
  hops[start] = 0;
  const queue = [start];
  for (const node of queue) {
    for (const { to } of arcsFrom(graph, node)) {
      if (hops[to] !== Infinity) continue;
      hops[to] = (hops[node] ?? 0) + 1;
      queue.push(to);
    }
  }
  return hops;
}

/** Node n is entered at 2n and left at 2n + 1. */
const entryOf = (node: number): number => 2 * node;
const exitOf = (node: number): number => 2 * node + 1;

/** Without nodes and hops that no path within `maxHops` has. */
function edgesOf(graph: Graph, { from, to, maxHops }: DisjointSearch): readonly FlowEdge[] {
  const [behind, ahead] = [hopsFrom(graph, from), hopsFrom(graph, to)];
  const edges: FlowEdge[] = [];
  for (const node of graph.nodes.keys()) {
    if (node === to || (behind[node] ?? Infinity) + (ahead[node] ?? Infinity) > maxHops) continue;
    if (node !== from) edges.push({ from: entryOf(node), to: exitOf(node), weight: 0 });
    for (const arc of arcsFrom(graph, node)) {
      const fits = (behind[node] ?? Infinity) + 1 + (ahead[arc.to] ?? Infinity) <= maxHops;
      if (fits && arc.to !== from) edges.push({ from: exitOf(node), to: entryOf(arc.to), weight: arc.weight });
    }
  }
  return edges;
}

/** Follows the units of a flow from the first node to the last. */
function routesOf(graph: Graph, used: readonly FlowEdge[], { from, to }: DisjointSearch): Routes {
  const links = used.filter((edge) => edge.weight > 0);
  const next = new Map(links.map((edge) => [edge.from, edge.to >> 1]));
  const firsts = links.filter((edge) => edge.from === exitOf(from)).map((edge) => edge.to >> 1);
  const routes = firsts.map((first) => {
    const nodes = [from];
    for (let node: number | undefined = first; node !== undefined; node = next.get(exitOf(node))) nodes.push(node);
    if (nodes.at(-1) !== to) throw new Error("a unit of flow that ends on its way");
    return routeOver(graph, nodes);
  });
  return { routes: routes.sort(compareRoutes), weight: routes.reduce((sum, route) => sum + route.weight, 0) };
}

export function flowFinder(graph: Graph, search: DisjointSearch): FlowFinder {
  const size = graph.nodes.length;
  const edges = edgesOf(graph, search);
  const ask = { source: exitOf(search.from), sink: entryOf(search.to), wanted: search.count };
  let steps = 0;

  const hopOf = (a: number, b: number): Hop => Math.min(a, b) * size + Math.max(a, b);
  const flow = (over: readonly FlowEdge[]) => {
    const found = leastCostFlow(2 * size, over, ask);
    steps += found.steps;
    return found;
  };
  const routesIn = (over: readonly FlowEdge[]): Routes | null => {
    const { units, carries } = flow(over);
    if (units < search.count) return null;
    return routesOf(
      graph,
      over.filter((_, i) => carries[i]),
      search,
    );
  };

  const reweighed = (change: (weight: number) => number) =>
    edges.map((edge) => (edge.weight === 0 ? edge : { ...edge, weight: change(edge.weight) }));

  return {
    cheapest: (barred) => routesIn(edges.filter((edge) => !barred.has(hopOf(edge.from >> 1, edge.to >> 1)))),
    priced: (more) => routesIn(reweighed((weight) => raisedBy(weight, more))),
    fewestHops: () => routesIn(reweighed(hopsOf)),
    most: () => flow(edges).units,
    hopsOfRoute: ({ nodes }) => nodes.slice(1).map((to, i) => hopOf(nodes[i] ?? -1, to)),
    steps: () => steps,
  };
}
