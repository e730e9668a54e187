/**
 * Paths between two nodes that share no other node, at the least cost together: a flow of least cost in which each node but
 * the two is split into an entry and an exit, joined by an arc of one unit. A link between the two is a path by itself.
 *
 * What is promised of `maxHops`: every path that is returned keeps it. Where the cheapest paths do, they are returned.
 * Where they do not, the cheapest that do are searched for (`fitting-paths.ts`), and found unless that takes more than
 * LIMITS.disjointSteps: the problem is NP-hard (Itai, Perl and Shiloach, "The complexity of finding maximum disjoint
 * paths with length constraints", 1982). Then come the cheapest of those found, or null.
 */
import { cheapestThatFit } from "./fitting-paths.ts";
import { endsOf, type Graph, pathOf, type Question } from "./graph.ts";
import { flowFinder } from "./path-flow.ts";
import type { Path } from "./types.ts";

/**
 * @param count of paths, 1 or more
 * @returns exactly `count` paths, the best first; null: the graph has not so many within `maxHops` (or none were found, as
 *   said above). The same for the same network, whatever the order it was told in.
 */
export function disjointPaths(graph: Graph, question: Question & { readonly count: number }): readonly Path[] | null {
  const ends = endsOf(graph, question);
  const routes = ends === null ? null : cheapestThatFit(graph, { ...question, ...ends });
  return routes?.map((route) => pathOf(graph, route)) ?? null;
}

/** How many node-disjoint paths of any length join the two, `upTo` at most: says why there were none to return. */
export function countDisjointPaths(graph: Graph, question: Omit<Question, "maxHops">, upTo: number): number {
  const ends = endsOf(graph, { ...question, maxHops: Infinity });
  return ends === null ? 0 : flowFinder(graph, { ...ends, maxHops: Infinity, count: upTo }).most();
}
