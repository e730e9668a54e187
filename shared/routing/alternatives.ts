/**
 * The k best loopless paths, by Yen ("Finding the K shortest loopless paths in a network", 1971) with Lawler's saving:
 * an accepted path is varied only from where it left the one that it came from.
 */
import { LIMITS } from "../limits.ts";
import { compareRoutes, endsOf, type Graph, pathOf, type Question, type Route, routeOver } from "./graph.ts";
import { bestRoute, OPEN } from "./shortest-path.ts";
import type { Path } from "./types.ts";

interface Candidate extends Route {
  /** Where it leaves the path that it came from. */
  readonly leavesAt: number;
}

const beginsWith = (nodes: readonly number[], beginning: readonly number[]): boolean =>
  beginning.every((node, i) => node === nodes[i]);

/** The best path that shares the first `at` hops of `path` and then goes on as none of `accepted` does. */
function leaveAt(graph: Graph, path: Route, at: number, accepted: readonly Route[], maxHops: number): Candidate | null {
  const root = path.nodes.slice(0, at + 1);
  const next = accepted.filter(({ nodes }) => beginsWith(nodes, root)).map(({ nodes }) => nodes[at + 1] ?? -1);
  const rest = bestRoute(graph, {
    from: root[at] ?? -1,
    to: path.nodes.at(-1) ?? -1,
    maxHops: maxHops - at,
    closed: new Set(root),
    notFirst: new Set(next),
  });
  return rest === null ? null : { ...routeOver(graph, [...root.slice(0, at), ...rest.nodes]), leavesAt: at };
}

/**
 * @param count of paths, at most; LIMITS.relayAlternatives however many are asked for
 * @returns the best paths within `maxHops`, the best first: exactly those that come first among all loopless ones by
 *   cost, then hops, then ids from the first node on. Fewer where there are no more.
 */
export function alternatives(graph: Graph, question: Question & { readonly count: number }): readonly Path[] {
  const ends = endsOf(graph, question);
  const count = Math.min(question.count, LIMITS.relayAlternatives);
  const first = ends === null ? null : bestRoute(graph, { ...ends, ...OPEN, maxHops: question.maxHops });
  const candidates: Candidate[] = first === null ? [] : [{ ...first, leavesAt: 0 }];
  const accepted: Candidate[] = [];
  while (accepted.length < count) {
    const best = candidates.sort(compareRoutes).shift();
    if (best === undefined) break;
    accepted.push(best);
    if (accepted.length === count) break;
    for (let at = best.leavesAt; at < best.nodes.length - 1; at++) {
      const candidate = leaveAt(graph, best, at, accepted, question.maxHops);
      if (candidate !== null) candidates.push(candidate);
    }
  }
  return accepted.map((route) => pathOf(graph, route));
}
