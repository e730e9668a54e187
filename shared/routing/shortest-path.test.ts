import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Question } from "./graph.ts";
import { buildGraph } from "./graph.ts";
import { shortestPath } from "./shortest-path.ts";
import {
  allNetworks,
  costsByHops,
  everyPath,
  graphOf,
  isPathOf,
  largeNetwork,
  linkOf,
  networkOf,
  nodeNamed,
  retold,
  smallNetwork,
} from "./test-networks.ts";

const ask = (from: number, to: number, maxHops = 16): Question => ({
  from: nodeNamed(from),
  to: nodeNamed(to),
  maxHops,
});

describe("the cheapest path", () => {
  test("a cheaper path that is too long does not hide a dearer one that fits", () => {
    // 0-1-2-3 costs 3; to 2 it is 1 hop for 5, so 0-2-3 costs 6 in 2 hops.
    const graph = graphOf(
      networkOf(4, [
        [0, 1, 1],
        [1, 2, 1],
        [2, 3, 1],
        [0, 2, 5],
      ]),
    );
    expect(shortestPath(graph, ask(0, 3, 3))?.cost).toBe(3);
    expect(shortestPath(graph, ask(0, 3, 2))).toEqual({ nodes: ["n0", "n2", "n3"], links: ["l0-2", "l2-3"], cost: 6 });
    expect(shortestPath(graph, ask(0, 3, 1))).toBeNull();
  });

  test("nor where both fit, and the hops saved are needed elsewhere", () => {
    // From 2 on, 2-3-4 is cheaper than 2-4; but the hop is worth more before, where 0-1-2 saves 8.
    const graph = graphOf(
      networkOf(5, [
        [0, 1, 1],
        [1, 2, 1],
        [0, 2, 10],
        [2, 3, 1],
        [3, 4, 1],
        [2, 4, 3],
      ]),
    );
    expect(shortestPath(graph, ask(0, 4, 3))?.nodes).toEqual(["n0", "n1", "n2", "n4"]);
    expect(shortestPath(graph, ask(4, 0, 3))?.nodes).toEqual(["n4", "n2", "n1", "n0"]);
  });

  test("of equal cost: fewer hops, then the lower ids from the first node on, as texts", () => {
    const long = graphOf(
      networkOf(3, [
        [0, 1, 1],
        [1, 2, 1],
        [0, 2, 2],
      ]),
    );
    expect(shortestPath(long, ask(0, 2))?.nodes).toEqual(["n0", "n2"]);
    const wide = graphOf(
      networkOf(11, [
        [0, 9, 1],
        [9, 1, 1],
        [0, 10, 1],
        [10, 1, 1],
      ]),
    );
    expect(shortestPath(wide, ask(0, 1))?.nodes).toEqual(["n0", "n10", "n1"]);
  });

  test("costs of many sixteenths add up exactly", () => {
    const chain = networkOf(
      60,
      Array.from({ length: 59 }, (_, i) => [i, i + 1, 1.0625] as const),
    );
    expect(shortestPath(graphOf(chain), ask(0, 59, 64))?.cost).toBe(59 * 1.0625);
  });

  test("nothing joins a node to itself, or to one that is not of the network", () => {
    const graph = buildGraph([nodeNamed(0), nodeNamed(1)], [linkOf(0, 1, 1), linkOf(1, 2, 1), linkOf(0, 0, 1)]);
    expect([ask(0, 0), ask(0, 2), ask(2, 0), ask(0, 1, 0)].map((one) => shortestPath(graph, one))).toEqual(
      Array(4).fill(null),
    );
    expect(shortestPath(graph, ask(0, 1))?.links).toEqual(["l0-1"]);
  });

  test("of links that join the same nodes, the cheapest, then that of the lower id", () => {
    const links = [linkOf(0, 1, 2, "a"), linkOf(1, 0, 1, "c"), linkOf(0, 1, 1, "b")];
    for (const told of [links, links.toReversed()]) {
      expect(shortestPath(buildGraph([nodeNamed(0), nodeNamed(1)], told), ask(0, 1))?.links).toEqual(["lb"]);
    }
  });

  test.each([0, -1, NaN, Infinity, 1.01, 2000])("a cost of %d is a slip of the program", (cost) => {
    expect(() => buildGraph([nodeNamed(0), nodeNamed(1)], [linkOf(0, 1, cost)])).toThrow("cost of link l0-1");
  });
});

describe("against trying every path", () => {
  test.each([
    ["4 nodes at costs 1 and 2", 4, [1, 2]],
    ["5 nodes at cost 1", 5, [1]],
  ] as const)("in every network of %s", (_name, size, costs) => {
    for (const network of allNetworks(size, costs)) {
      const graph = graphOf(network);
      for (let maxHops = 1; maxHops < size; maxHops++) {
        const question = ask(0, size - 1, maxHops);
        const best = everyPath(network, question.from, question.to, maxHops)[0] ?? null;
        expect(shortestPath(graph, question)).toEqual(best);
      }
    }
  });

  test("in random small networks, for every bound on hops", () => {
    fc.assert(
      fc.property(smallNetwork(7), (network) => {
        const graph = graphOf(network);
        const to = network.nodes.length - 1;
        for (let maxHops = 1; maxHops <= to; maxHops++) {
          const question = ask(0, to, maxHops);
          const best = everyPath(network, question.from, question.to, maxHops)[0] ?? null;
          expect(shortestPath(graph, question)).toEqual(best);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("in networks of up to 200 nodes", () => {
  test("it costs what Bellman and Ford say for each number of hops", () => {
    fc.assert(
      fc.property(largeNetwork, (network) => {
        const graph = graphOf(network);
        const rows = costsByHops(network, nodeNamed(0), 12);
        for (const maxHops of [1, 2, 3, 4, 6, 12]) {
          for (const to of network.nodes.slice(1, 20)) {
            const path = shortestPath(graph, { from: nodeNamed(0), to, maxHops });
            expect(path?.cost ?? Infinity).toBe(rows[maxHops]!.get(to));
            if (path === null) continue;
            expect(path.links.length).toBeLessThanOrEqual(maxHops);
            expect(rows[path.links.length - 1]!.get(to)).toBeGreaterThan(path.cost);
            expect(isPathOf(network, path, nodeNamed(0), to)).toBe(true);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test("it is the same however the network is told", () => {
    const twice = largeNetwork.chain((network) => fc.tuple(fc.constant(network), retold(network)));
    fc.assert(
      fc.property(twice, fc.integer({ min: 1, max: 16 }), ([network, other], maxHops) => {
        const [graph, otherGraph] = [graphOf(network), graphOf(other)];
        expect(otherGraph).toEqual(graph);
        for (const to of network.nodes.slice(1, 20)) {
          const question = { from: nodeNamed(0), to, maxHops };
          expect(shortestPath(otherGraph, question)).toEqual(shortestPath(graph, question));
        }
      }),
      { numRuns: 20 },
    );
  });
});
