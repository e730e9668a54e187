import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { type Cut, cutBetween, cutWords, type Missing } from "./cut.ts";
import type { NetworkLinks, UnusableLink } from "./links-of.ts";
import { everyPath, linkOf, type Network, networkOf, nodeNamed, retold, smallNetwork } from "./test-networks.ts";
import type { RouteLink } from "./types.ts";

interface Broken {
  /** By the link's ends, as `0-1`. */
  readonly dry?: readonly string[];
  readonly mute?: readonly number[];
}

/** A node that nothing is heard of announces none of its links. */
function linksWith({ links }: Network, { dry = [], mute = [] }: Broken): NetworkLinks {
  const silentNodes = mute.map(nodeNamed);
  const judged = links.map((link): RouteLink | UnusableLink => {
    const silent = link.nodes.filter((node) => silentNodes.includes(node));
    const isDry = dry.includes(link.link.slice(1));
    return isDry || silent.length > 0 ? { link: link.link, nodes: link.nodes, silent, isDry } : link;
  });
  return {
    usable: judged.filter((link) => "cost" in link),
    unusable: judged.filter((link) => "silent" in link),
    mute: silentNodes,
  };
}

function cutOf(network: Network, broken: Broken, to: number, maxHops = 16): Cut | null {
  return cutBetween(network.nodes, linksWith(network, broken), { from: nodeNamed(0), to: nodeNamed(to), maxHops });
}

const words = (cut: Cut | null): readonly string[] => (cut === null ? [] : cutWords(cut));

const CHAIN = networkOf(4, [
  [0, 1, 1],
  [1, 2, 1],
  [2, 3, 1],
]);
const RING = networkOf(4, [...CHAIN.links.map((_, i) => [i, i + 1, 1] as const), [0, 3, 1]]);

const silent = (ends: number[]): NetworkLinks => ({
  usable: [],
  unusable: [{ link: linkOf(0, 1, 1).link, nodes: linkOf(0, 1, 1).nodes, silent: ends.map(nodeNamed), isDry: false }],
  mute: [],
});

describe("what is named", () => {
  test("the one link of a chain that has no key", () => {
    expect(words(cutOf(CHAIN, { dry: ["1-2"] }, 3))).toEqual(["link l1-2 (no key for relays)"]);
  });

  test("links in a row: both have to come back", () => {
    expect(words(cutOf(CHAIN, { dry: ["0-1", "2-3"] }, 3))).toEqual([
      "link l0-1 (no key for relays) and link l2-3 (no key for relays)",
    ]);
  });

  test("links side by side: either is enough; the shorter way first", () => {
    expect(words(cutOf(RING, { dry: ["0-1", "0-3"] }, 3))).toEqual([
      "link l0-3 (no key for relays)",
      "link l0-1 (no key for relays)",
    ]);
  });

  test("a node that is not heard of, and not its links", () => {
    expect(words(cutOf(CHAIN, { mute: [2] }, 3))).toEqual(["node n2 (not heard of)"]);
    expect(words(cutOf(CHAIN, { mute: [3] }, 3))).toEqual(["node n3 (not heard of)"]);
    expect(words(cutOf(CHAIN, { mute: [2], dry: ["1-2"] }, 3))).toEqual([
      "link l1-2 (no key for relays) and node n2 (not heard of)",
    ]);
  });

  test("a link that one or neither of its nodes announces, though they are heard", () => {
    const question = { from: nodeNamed(0), to: nodeNamed(1), maxHops: 3 };
    const cut = (ends: number[]) => words(cutBetween([nodeNamed(0), nodeNamed(1)], silent(ends), question));
    expect(cut([1])).toEqual(["link l0-1 (announced by one of its nodes only)"]);
    expect(cut([0, 1])).toEqual(["link l0-1 (announced by neither of its nodes)"]);
  });

  test("that a path is too long, that no links lead there, or nothing where there is a path", () => {
    expect(cutOf(CHAIN, {}, 3, 2)).toEqual({ kind: "too-long", hops: 3, maxHops: 2 });
    expect(words(cutOf(CHAIN, { dry: ["1-2"] }, 3, 2))).toEqual([
      "the shortest path has 3 hops, policy.relay.max_hops is 2",
    ]);
    const tooLong: Cut = { kind: "too-long", hops: 3, maxHops: 2 };
    expect(cutWords(tooLong, "qkdedge_max_hops")).toEqual(["the shortest path has 3 hops, qkdedge_max_hops is 2"]);
    expect(words(cutOf(networkOf(2, []), {}, 1))).toEqual(["no links between them"]);
    expect([cutOf(CHAIN, {}, 3), cutOf(CHAIN, {}, 0), cutOf(CHAIN, {}, 9)]).toEqual([null, null, null]);
  });

  test("no more ways, and no more of each, than there is room for", () => {
    const ladder = networkOf(
      12,
      Array.from({ length: 10 }, (_, i) => [
        [0, i + 1, 1],
        [i + 1, 11, 1],
      ]).flat() as [number, number, number][],
    );
    const all = ladder.links.map(({ link }) => link.slice(1));
    expect(words(cutOf(ladder, { dry: all }, 11))).toHaveLength(LIMITS.cutWays);
    const chain = networkOf(
      13,
      Array.from({ length: 12 }, (_, i) => [i, i + 1, 1] as const),
    );
    const [way] = words(cutOf(chain, { dry: chain.links.map(({ link }) => link.slice(1)) }, 12));
    expect(way?.split(" and ")).toHaveLength(LIMITS.cutNames + 1);
    expect(way).toMatch(/ and 4 more$/);
  });
});

const nameOf = (missing: Missing): string => ("node" in missing ? missing.node : missing.link);

/** How many have to come back at least, by trying every path of the whole network; null: none is short enough. */
function fewestMissing(network: Network, { dry = [], mute = [] }: Broken, to: number, maxHops: number): number | null {
  const paths = everyPath(network, nodeNamed(0), nodeNamed(to), maxHops);
  const counts = paths.map(
    ({ nodes, links }) =>
      links.filter((link) => dry.includes(link.slice(1))).length +
      nodes.filter((node) => mute.map(nodeNamed).includes(node)).length,
  );
  return counts.length === 0 ? null : Math.min(...counts);
}

test("in random networks the first way misses the fewest, each is enough, and none shares anything with another", () => {
  const broken = smallNetwork(6).chain((network) =>
    fc.record({
      network: fc.constant(network),
      other: retold(network),
      dry: fc.subarray(network.links.map(({ link }) => link.slice(1))),
      mute: fc.subarray(network.nodes.map((_, i) => i).slice(1, 3)),
      maxHops: fc.integer({ min: 1, max: 6 }),
    }),
  );
  fc.assert(
    fc.property(broken, ({ network, other, dry, mute, maxHops }) => {
      const to = network.nodes.length - 1;
      const cut = cutOf(network, { dry, mute }, to, maxHops);
      expect(cutOf(other, { dry, mute }, to, maxHops)).toEqual(cut);
      const fewest = fewestMissing(network, { dry, mute }, to, maxHops);
      const ways = cut?.kind === "broken" ? cut.ways : [];
      expect(ways.length > 0).toBe(fewest !== null && fewest > 0);
      expect(cut === null).toBe(fewest === 0);
      if (ways.length > 0) expect(ways[0]).toHaveLength(fewest!);
      const named = ways.flat().map(nameOf);
      expect(new Set(named).size).toBe(named.length);
      for (const way of ways) {
        const back = way.map(nameOf);
        const rest = {
          dry: dry.filter((link) => !back.includes(`l${link}`)),
          mute: mute.filter((number) => !back.includes(nodeNamed(number))),
        };
        expect(cutOf(network, rest, to, maxHops)).toBeNull();
      }
    }),
    { numRuns: 200 },
  );
});
