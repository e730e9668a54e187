import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { alternatives } from "./alternatives.ts";
import { countDisjointPaths, disjointPaths } from "./disjoint-paths.ts";
import {
  allNetworks,
  everyPath,
  graphOf,
  isPathOf,
  largeNetwork,
  type Network,
  networkOf,
  nodeNamed,
  retold,
  smallNetwork,
} from "./test-networks.ts";
import type { Path } from "./types.ts";

const middle = (path: Path): readonly NodeId[] => path.nodes.slice(1, -1);

function areDisjoint(paths: readonly Path[]): boolean {
  const nodes = paths.flatMap(middle);
  const links = paths.flatMap((path) => path.links);
  return new Set(nodes).size === nodes.length && new Set(links).size === links.length;
}

const costOf = (paths: readonly Path[] | null): number =>
  paths === null ? Infinity : paths.reduce((sum, { cost }) => sum + cost, 0);

/** What `count` disjoint ones of these paths cost at least; they are in order of cost. */
function leastCost(paths: readonly Path[], count: number, taken: readonly Path[] = []): number {
  if (taken.length === count) return costOf(taken);
  let least = Infinity;
  for (const [i, path] of paths.entries()) {
    if (!areDisjoint([...taken, path])) continue;
    least = Math.min(least, leastCost(paths.slice(i + 1), count, [...taken, path]));
  }
  return least;
}

function expectTheCheapest(network: Network, count: number, maxHops: number): void {
  const [from, to] = [nodeNamed(0), network.nodes.at(-1)!];
  const graph = graphOf(network);
  const paths = disjointPaths(graph, { from, to, count, maxHops });
  expect(costOf(paths)).toBe(leastCost(everyPath(network, from, to, maxHops), count));
  for (const path of paths ?? []) {
    expect(isPathOf(network, path, from, to)).toBe(true);
    expect(path.links.length).toBeLessThanOrEqual(maxHops);
  }
  expect(areDisjoint(paths ?? [])).toBe(true);
  expect([null, count]).toContain(paths?.length ?? null);
}

/** 0 to 3 three ways: over 1, over 2, and the direct link. */
const DIAMOND = networkOf(4, [
  [0, 1, 1],
  [1, 3, 1],
  [0, 2, 2],
  [2, 3, 2],
  [0, 3, 16],
]);

describe("disjoint paths", () => {
  const ask = { from: nodeNamed(0), to: nodeNamed(3), maxHops: 16 };

  test("the best first; the direct link is one of them", () => {
    const paths = disjointPaths(graphOf(DIAMOND), { ...ask, count: 3 });
    expect(paths?.map(({ nodes }) => nodes.join(" "))).toEqual(["n0 n1 n3", "n0 n2 n3", "n0 n3"]);
    expect(disjointPaths(graphOf(DIAMOND), { ...ask, count: 4 })).toBeNull();
    expect(countDisjointPaths(graphOf(DIAMOND), ask, 9)).toBe(3);
    expect(countDisjointPaths(graphOf(DIAMOND), ask, 2)).toBe(2);
  });

  test("not the cheapest path, where it stands in the way of two", () => {
    // 0-1-2-3 costs 3, and leaves nothing beside it.
    const trap = networkOf(4, [
      [0, 1, 1],
      [1, 2, 1],
      [2, 3, 1],
      [0, 2, 3],
      [1, 3, 3],
    ]);
    const paths = disjointPaths(graphOf(trap), { ...ask, count: 2 });
    expect(paths?.map(({ nodes }) => nodes.join(" "))).toEqual(["n0 n1 n3", "n0 n2 n3"]);
  });

  test("a pair that is dearer but short enough, where the cheapest has a path that is too long", () => {
    const network = networkOf(7, [
      [0, 1, 1],
      [1, 6, 1],
      [0, 2, 1],
      [2, 3, 1],
      [3, 4, 1],
      [4, 6, 1],
      [0, 5, 4],
      [5, 6, 4],
    ]);
    const far = { from: nodeNamed(0), to: nodeNamed(6), count: 2 };
    expect(costOf(disjointPaths(graphOf(network), { ...far, maxHops: 4 }))).toBe(6);
    expect(costOf(disjointPaths(graphOf(network), { ...far, maxHops: 3 }))).toBe(10);
    expect(disjointPaths(graphOf(network), { ...far, maxHops: 1 })).toBeNull();
  });

  test("also where they have more hops together than the cheapest, so that no price on hops finds them", () => {
    // For 23, 0-2-5-6-4-13 is short enough, with fewer hops and so at any price; across costs 22.
    // Straight: 0-1-3-13 and 0-2-5-6-7-4-13, 3 and 6 hops. Across: 0-1-8-9-4-13 and 0-2-10-11-3-13, 5 and 5, and dearer.
    const straight = [
      [0, 1],
      [0, 2],
      [3, 13],
      [4, 13],
      [1, 3],
      [2, 5],
      [5, 6],
      [6, 7],
      [7, 4],
    ];
    const across = [
      [1, 8],
      [8, 9],
      [9, 4],
      [2, 10],
      [10, 11],
      [11, 3],
    ];
    const network = networkOf(14, [
      ...straight.map(([a, b]) => [a!, b!, 1] as const),
      ...across.map(([a, b]) => [a!, b!, 3] as const),
      [6, 4, 16],
      [1, 6, 16],
    ]);
    const far = { from: nodeNamed(0), to: nodeNamed(13), count: 2 };
    expect(costOf(disjointPaths(graphOf(network), { ...far, maxHops: 6 }))).toBe(9);
    expect(disjointPaths(graphOf(network), { ...far, maxHops: 5 })?.map(({ nodes }) => nodes.join(" "))).toEqual([
      "n0 n1 n8 n9 n4 n13",
      "n0 n2 n10 n11 n3 n13",
    ]);
    expect(disjointPaths(graphOf(network), { ...far, maxHops: 4 })).toBeNull();
  });

  test("none to oneself, or to a node that is not there", () => {
    const strange = [
      { ...ask, to: nodeNamed(0) },
      { ...ask, to: nodeNamed(9) },
    ];
    for (const one of strange) {
      expect(disjointPaths(graphOf(DIAMOND), { ...one, count: 1 })).toBeNull();
      expect(countDisjointPaths(graphOf(DIAMOND), one, 2)).toBe(0);
    }
  });
});

test("where the search takes too long, paths that fit all the same, and not the dearest that do", () => {
  // The longer a link, the dearer: the cheapest of the many paths are all too long.
  const [size, spans] = [100, [1, 2, 5, 11]];
  const ladder = networkOf(
    size,
    Array.from({ length: size }, (_, i) => spans.map((span) => [i, i + span, span * span] as const))
      .flat()
      .filter(([, to]) => to < size),
  );
  const graph = graphOf(ladder);
  const question = { from: nodeNamed(0), to: nodeNamed(size - 1), count: 2 };
  const shortest = disjointPaths(graph, { ...question, maxHops: 11 });
  const longer = disjointPaths(graph, { ...question, maxHops: 20 });
  expect(longer?.every(({ links }) => links.length <= 20)).toBe(true);
  expect(areDisjoint(longer ?? [])).toBe(true);
  expect(costOf(longer)).toBeLessThan(costOf(shortest) * 0.75);
});

describe("against trying every set of paths", () => {
  test("in every network of 4 nodes at costs 1 and 2, and of 5 at cost 1", () => {
    for (const network of [...allNetworks(4, [1, 2]), ...allNetworks(5, [1])]) {
      for (let maxHops = 1; maxHops < network.nodes.length; maxHops++) expectTheCheapest(network, 2, maxHops);
    }
  });

  test("in random small networks, for up to four paths and any bound on hops", () => {
    const count = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(smallNetwork(7), count, fc.integer({ min: 1, max: 7 }), (network, n, maxHops) =>
        expectTheCheapest(network, n, maxHops),
      ),
      { numRuns: 150 },
    );
  });
});

/** Whether something joins the two once `without` is gone; null: the link between them. */
function isJoined({ nodes, links }: Network, without: NodeId | null): boolean {
  const [from, to] = [nodes[0]!, nodes.at(-1)!];
  const left = links.filter(({ nodes: ends }) =>
    without === null ? !(ends.includes(from) && ends.includes(to)) : !ends.includes(without),
  );
  const seen = new Set([from]);
  for (let before = 0; before < seen.size;) {
    before = seen.size;
    for (const { nodes: ends } of left) if (ends.some((end) => seen.has(end))) for (const end of ends) seen.add(end);
  }
  return seen.has(to);
}

test("in networks of up to 200 nodes two there are where no single node or link is in the way of all", () => {
  const told = largeNetwork.chain((network) => fc.tuple(fc.constant(network), retold(network)));
  fc.assert(
    fc.property(told, ([network, other]) => {
      const question = { from: nodeNamed(0), to: network.nodes.at(-1)!, maxHops: 200 };
      const graph = graphOf(network);
      const paths = disjointPaths(graph, { ...question, count: 2 });
      expect(disjointPaths(graphOf(other), { ...question, count: 2 })).toEqual(paths);
      const inTheWay = [null, ...network.nodes.slice(1, -1)].filter((without) => !isJoined(network, without));
      expect(paths !== null).toBe(inTheWay.length === 0);
      expect(countDisjointPaths(graph, question, 2) === 2).toBe(paths !== null);
      if (paths === null) return;
      expect(areDisjoint(paths)).toBe(true);
      for (const path of paths) expect(isPathOf(network, path, question.from, question.to)).toBe(true);
      const some = alternatives(graph, { ...question, maxHops: 64, count: 8 });
      expect(costOf(paths)).toBeLessThanOrEqual(leastCost(some, 2));
    }),
    { numRuns: 25 },
  );
});
