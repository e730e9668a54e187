/**
 * The network as routes see it: nodes, and what a hop from one to another costs. Built once per change of the network,
 * never changed, used for many questions.
 *
 * Nodes are numbered in the order of their ids, and each node's arcs are in the order of the nodes they lead to. So all
 * that is computed on a graph depends on the network alone, never on the order in which it was told.
 *
 * A path's cost and its hops are one whole number, its *weight*: the cost in steps of COST_STEP, times HOP_BASE, plus
 * the hops. Weights add up without rounding, so equal costs are equal, and of two that are, fewer hops weigh less.
 */
import type { LinkId, NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Path, RouteLink } from "./types.ts";

/** Costs are multiples of it, exact in binary. */
export const COST_STEP = 1 / 16;
/** Of a link. */
export const MAX_COST = 1024;
/** More hops than all paths of one answer have together: node-disjoint ones have no more than there are nodes, and ends. */
const HOP_BASE = 4 * LIMITS.nodes;

export interface Arc {
  /** Number of the node at its end. */
  readonly to: number;
  readonly weight: number;
  readonly link: LinkId;
}

export interface Graph {
  /** In the order of their ids, by UTF-16 units. */
  readonly nodes: readonly NodeId[];
  readonly numbers: ReadonlyMap<NodeId, number>;
  /** Of each node, those that leave it, at most one to each other node. */
  readonly arcs: readonly (readonly Arc[])[];
}

/** Nodes of a path by their numbers, both ends included. */
export interface Route {
  readonly nodes: readonly number[];
  readonly weight: number;
}

/** A link's weight if it cost so many steps more. */
export const raisedBy = (weight: number, steps: number): number => weight + steps * HOP_BASE;
export const hopsOf = (weight: number): number => weight % HOP_BASE;
const costOf = (weight: number): number => Math.floor(weight / HOP_BASE) * COST_STEP;

function weightOf({ link, cost }: RouteLink): number {
  const steps = cost / COST_STEP;
  if (!Number.isInteger(steps) || steps <= 0 || cost > MAX_COST) throw new Error(`cost of link ${link}: ${cost}`);
  return steps * HOP_BASE + 1;
}

/** One way of a link. */
function addArc(best: Map<number, Arc>, arc: Arc): void {
  const other = best.get(arc.to);
  const isBetter =
    other === undefined || arc.weight < other.weight || (arc.weight === other.weight && arc.link < other.link);
  if (isBetter) best.set(arc.to, arc);
}

/**
 * Links to nodes that are not of the network, or back to the same node, do not count. Of several between two nodes the
 * cheapest does, then the one of the lower id: routes are told by their nodes.
 *
 * @param links in any order; costs are multiples of COST_STEP, up to MAX_COST, as `cost.ts` makes them
 * @throws for any other cost: that is a slip of the program
 */
export function buildGraph(nodes: readonly NodeId[], links: readonly RouteLink[]): Graph {
  const sorted = [...new Set(nodes)].sort();
  const numbers = new Map(sorted.map((node, number) => [node, number]));
  const best = sorted.map(() => new Map<number, Arc>());
  for (const route of links) {
    const weight = weightOf(route);
    const [a, b] = route.nodes.map((node) => numbers.get(node));
    if (a === undefined || b === undefined || a === b) continue;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const arcs = best[from];
      if (arcs !== undefined) addArc(arcs, { to, weight, link: route.link });
    }
  }
  return { nodes: sorted, numbers, arcs: best.map((arcs) => [...arcs.values()].sort((x, y) => x.to - y.to)) };
}

export const arcsFrom = (graph: Graph, node: number): readonly Arc[] => graph.arcs[node] ?? [];

function arcBetween(graph: Graph, from: number, to: number): Arc {
  const arc = arcsFrom(graph, from).find((candidate) => candidate.to === to);
  if (arc === undefined) throw new Error(`no arc from node ${from} to ${to}`);
  return arc;
}

/** @param nodes each joined to the one before it */
export function routeOver(graph: Graph, nodes: readonly number[]): Route {
  const arcs = nodes.slice(1).map((to, i) => arcBetween(graph, nodes[i] ?? -1, to));
  return { nodes, weight: arcs.reduce((sum, arc) => sum + arc.weight, 0) };
}

/** The better first: lower cost, then fewer hops, then the lower ids from the first node on. */
export function compareRoutes(a: Route, b: Route): number {
  if (a.weight !== b.weight) return a.weight - b.weight;
  const at = a.nodes.findIndex((node, i) => node !== b.nodes[i]);
  return (a.nodes[at] ?? 0) - (b.nodes[at] ?? 0);
}

export function pathOf(graph: Graph, route: Route): Path {
  const nodes = route.nodes.flatMap((number) => graph.nodes[number] ?? []);
  const links = route.nodes.slice(1).map((to, i) => arcBetween(graph, route.nodes[i] ?? -1, to).link);
  return { nodes, links, cost: costOf(route.weight) };
}

/** What is asked of a graph. */
export interface Question {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Links of a path, at most. */
  readonly maxHops: number;
}

/** The numbers of the two ends; null where one of them is not of the network, or they are the same. */
export function endsOf(graph: Graph, { from, to }: Question): { readonly from: number; readonly to: number } | null {
  const [a, b] = [graph.numbers.get(from), graph.numbers.get(to)];
  return a === undefined || b === undefined || a === b ? null : { from: a, to: b };
}
