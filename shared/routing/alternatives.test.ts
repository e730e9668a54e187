import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { alternatives } from "./alternatives.ts";
import { shortestPath } from "./shortest-path.ts";
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

function expectTheBest(network: Network, count: number, maxHops: number): void {
  const ends = { from: nodeNamed(0), to: network.nodes.at(-1)! };
  const best = everyPath(network, ends.from, ends.to, maxHops).slice(0, count);
  expect(alternatives(graphOf(network), { ...ends, maxHops, count })).toEqual(best);
}

describe("alternatives are the best of all loopless paths", () => {
  test("in every network of 4 nodes at costs 1 and 2", () => {
    for (const network of allNetworks(4, [1, 2])) {
      for (let maxHops = 1; maxHops < 4; maxHops++) expectTheBest(network, 5, maxHops);
    }
  });

  test("in random small networks", () => {
    fc.assert(
      fc.property(
        smallNetwork(7),
        fc.integer({ min: 1, max: LIMITS.relayAlternatives }),
        fc.integer({ min: 1, max: 7 }),
        expectTheBest,
      ),
      { numRuns: 200 },
    );
  });

  test("in sparse networks of up to 12 nodes, where one path is many hops longer than the other", () => {
    const ring = fc
      .tuple(fc.integer({ min: 4, max: 12 }), fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.constantFrom(1, 4))))
      .map(([size, chords]) => {
        const links = new Map<string, readonly [number, number, number]>();
        for (let i = 0; i < size; i++) links.set(`${i}`, [i, (i + 1) % size, 1]);
        for (const [a, b, cost] of chords.slice(0, 4)) {
          const [low, high] = a < b ? [a, b] : [b, a];
          const isNew = high - low > 1 && high - low < size - 1 && high < size;
          if (isNew) links.set(`${low}-${high}`, [low, high, cost]);
        }
        return networkOf(size, [...links.values()]);
      });
    fc.assert(
      fc.property(ring, fc.integer({ min: 1, max: 12 }), (network, maxHops) => expectTheBest(network, 8, maxHops)),
      { numRuns: 100 },
    );
  });
});

describe("in networks of up to 200 nodes", () => {
  const told = largeNetwork.chain((network) => fc.tuple(fc.constant(network), retold(network)));

  test("alternatives are different paths, in order, begin with the cheapest, and are the same however it is told", () => {
    fc.assert(
      fc.property(told, fc.integer({ min: 2, max: 10 }), ([network, other], maxHops) => {
        const question = { from: nodeNamed(0), to: network.nodes.at(-1)!, maxHops, count: 5 };
        const graph = graphOf(network);
        const paths = alternatives(graph, question);
        expect(alternatives(graphOf(other), question)).toEqual(paths);
        expect(paths[0] ?? null).toEqual(shortestPath(graph, question));
        expect(new Set(paths.map(({ nodes }) => nodes.join())).size).toBe(paths.length);
        expect(paths.map(({ cost }) => cost)).toEqual(paths.map(({ cost }) => cost).toSorted((a, b) => a - b));
        for (const path of paths) {
          expect(path.links.length).toBeLessThanOrEqual(maxHops);
          expect(isPathOf(network, path, question.from, question.to)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  test("no more than LIMITS.relayAlternatives, none between nodes that are not there", () => {
    const full = [...allNetworks(2, [1])].at(-1)!;
    const wide = networkOf(
      20,
      Array.from({ length: 18 }, (_, i) => [
        [0, i + 1, 1],
        [i + 1, 19, 1],
      ]).flat() as [number, number, number][],
    );
    const all = { from: nodeNamed(0), to: nodeNamed(19), maxHops: 16, count: 100 };
    expect(alternatives(graphOf(wide), all)).toHaveLength(LIMITS.relayAlternatives);
    expect(alternatives(graphOf(full), all)).toEqual([]);
    expect(alternatives(graphOf(full), { ...all, to: nodeNamed(1), count: 0 })).toEqual([]);
  });
});
