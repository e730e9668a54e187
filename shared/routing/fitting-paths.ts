/**
 * Node-disjoint routes none of which is too long, at the least cost together: branch and bound over flows of least cost.
 *
 * A flow knows nothing of hops, so what it finds is a lower bound. If one of its routes is too long, any set of routes that
 * fit lacks a hop of that one: with all its hops it would be one of the set, as no other may pass its nodes. So the
 * search goes on once without each of these hops, always where the bound is lowest, until no bound is below the best set
 * that was found. Where that takes too long, what counts is what it began with: sets of routes that fit because a price was
 * put on each hop, the lowest that does.
 */
import { LIMITS } from "../limits.ts";
import { COST_STEP, type Graph, hopsOf, MAX_COST, type Route } from "./graph.ts";
import { type DisjointSearch, type FlowFinder, flowFinder, type Hop, type Routes } from "./path-flow.ts";

/** A set of routes of which one is too long, and the hops it was found without. */
interface Branch extends Routes {
  readonly barred: ReadonlySet<Hop>;
  readonly long: Route;
}

/** Of the routes that are too long the one with the fewest hops: it leaves the fewest branches. */
function tooLongIn({ routes }: Routes, maxHops: number): Route | null {
  const long = routes.filter(({ weight }) => hopsOf(weight) > maxHops);
  return long.sort((a, b) => hopsOf(a.weight) - hopsOf(b.weight))[0] ?? null;
}

/** The sets of hops of a branch and one more, without those that were seen. */
function* barredNext({ barred, long }: Branch, finder: FlowFinder, seen: Set<string>): Generator<ReadonlySet<Hop>> {
  for (const hop of finder.hopsOfRoute(long)) {
    const next = new Set([...barred, hop]);
    const name = [...next].sort((a, b) => a - b).join();
    if (seen.has(name)) continue;
    seen.add(name);
    yield next;
  }
}

/** The cheapest of the sets that fit among those that prices on hops bring forth, and of `fewest`. */
function fitByPrice(finder: FlowFinder, fewest: Routes, maxHops: number): Routes | null {
  let best = tooLongIn(fewest, maxHops) === null ? fewest : null;
  let [tooLow, enough] = [0, MAX_COST / COST_STEP];
  while (enough - tooLow > 1) {
    const price = Math.floor((tooLow + enough) / 2);
    const found = finder.priced(price);
    if (found === null || tooLongIn(found, maxHops) !== null) {
      tooLow = price;
      continue;
    }
    enough = price;
    if (found.weight < (best?.weight ?? Infinity)) best = found;
  }
  return best;
}

/** Cheaper routes that fit than `known`; else those. */
function searchBranches(finder: FlowFinder, from: Branch, known: Routes | null, maxHops: number): Routes | null {
  let best = known;
  const open = [from];
  const seen = new Set<string>();
  for (;;) {
    const branch = open.sort((a, b) => a.weight - b.weight).shift();
    if (branch === undefined || branch.weight >= (best?.weight ?? Infinity)) return best;
    for (const barred of barredNext(branch, finder, seen)) {
      if (finder.steps() >= LIMITS.disjointSteps) return best;
      const found = finder.cheapest(barred);
      if (found === null || found.weight >= (best?.weight ?? Infinity)) continue;
      const long = tooLongIn(found, maxHops);
      if (long === null) best = found;
      else open.push({ ...found, barred, long });
    }
  }
}

/** Null: no such set of routes, or none found within LIMITS.disjointSteps. The best route first. */
export function cheapestThatFit(graph: Graph, search: DisjointSearch): readonly Route[] | null {
  const { count, maxHops } = search;
  const finder = flowFinder(graph, search);
  const cheapest = finder.cheapest(new Set());
  const long = cheapest === null ? null : tooLongIn(cheapest, maxHops);
  if (cheapest === null || long === null) return cheapest?.routes ?? null;
  const fewest = finder.fewestHops();
  const hops = fewest?.routes.reduce((sum, { weight }) => sum + hopsOf(weight), 0) ?? Infinity;
  if (fewest === null || hops > count * maxHops) return null;
  const known = fitByPrice(finder, fewest, maxHops);
  return searchBranches(finder, { ...cheapest, barred: new Set(), long }, known, maxHops)?.routes ?? null;
}
