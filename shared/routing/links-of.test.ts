import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LinkId, NodeId } from "../ids.ts";
import { linksOf, type NetworkView } from "./links-of.ts";
import type { LinkState } from "./types.ts";

const node = (id: string) => id as NodeId;
const nodes = ["a", "b", "c"].map(node);

const says = (link: string, peer: string, state: Partial<LinkState> = {}): LinkState => ({
  link: link as LinkId,
  peer: node(peer),
  availableBits: 2 ** 23,
  keyRateBps: 10_000,
  qber: null,
  ...state,
});
const word = (id: string, ...links: LinkState[]) => ({ node: node(id), links });
const documented = (link: string, a: string, b: string) => ({
  link: link as LinkId,
  nodes: [node(a), node(b)] as const,
});
const view = (words: NetworkView["words"], known: NetworkView["documented"] = []): NetworkView => ({
  nodes,
  documented: known,
  words,
  cost: "key-aware",
});

describe("a link exists", () => {
  test("while both its nodes announce it; what it costs is by the worse word", () => {
    const words = [word("b", says("l", "a", { availableBits: 2 ** 40 })), word("a", says("l", "b")), word("c")];
    expect(linksOf(view(words))).toEqual({
      usable: [{ link: "l", nodes: ["a", "b"], cost: 4.5 }],
      unusable: [],
      mute: [],
    });
    expect(linksOf({ ...view(words), cost: "hops" }).usable).toEqual([{ link: "l", nodes: ["a", "b"], cost: 1 }]);
  });

  test("not by the word of one, however good it is; who is silent is told", () => {
    const { usable, unusable, mute } = linksOf(view([word("a", says("l", "b")), word("b")]));
    expect(usable).toEqual([]);
    expect(unusable).toEqual([{ link: "l", nodes: ["a", "b"], silent: ["b"], isDry: false }]);
    expect(mute).toEqual(["c"]);
  });

  test("not where the two name different peers, or different links", () => {
    const words = [word("a", says("l", "b"), says("m", "c")), word("b", says("l", "c")), word("c", says("n", "a"))];
    expect(linksOf(view(words)).usable).toEqual([]);
    expect(linksOf(view(words)).unusable.map(({ link, silent }) => [link, ...silent])).toEqual([
      ["l", "b"],
      ["m", "c"],
      ["n", "a"],
      ["l", "c"],
    ]);
  });

  test("not without key, by either's word", () => {
    const words = [word("a", says("l", "b", { availableBits: 0 })), word("b", says("l", "a")), word("c")];
    expect(linksOf(view(words))).toEqual({
      usable: [],
      unusable: [{ link: "l", nodes: ["a", "b"], silent: [], isDry: true }],
      mute: [],
    });
  });

  test("not to oneself, nor to a node that is not of the network, nor by its word", () => {
    const words = [word("a", says("l", "a"), says("m", "x")), word("b"), word("c"), word("x", says("m", "a"))];
    expect(linksOf(view(words))).toEqual({ usable: [], unusable: [], mute: [] });
  });

  test("a documented link that nobody announces is told of; one to a node that was removed is not", () => {
    const { unusable, mute } = linksOf(view([], [documented("l", "b", "a"), documented("m", "a", "x")]));
    expect(unusable).toEqual([{ link: "l", nodes: ["a", "b"], silent: ["a", "b"], isDry: false }]);
    expect(mute).toEqual(["a", "b", "c"]);
  });

  test("others cannot announce what the document gives to two nodes; nor does it hurt those two", () => {
    const words = [
      word("a", says("l", "b")),
      word("b", says("l", "a"), says("l", "c")),
      word("c", says("l", "b", { availableBits: 0 })),
    ];
    const found = linksOf(view(words, [documented("l", "a", "b")]));
    expect(found).toEqual({ usable: [{ link: "l", nodes: ["a", "b"], cost: 4.5 }], unusable: [], mute: [] });
  });

  test("who says two things of one link is held to the worse", () => {
    for (const twice of [
      [says("l", "b", { availableBits: 0 }), says("l", "b")],
      [says("l", "b"), says("l", "b", { availableBits: 0 })],
    ]) {
      expect(linksOf(view([word("a", ...twice), word("b", says("l", "a"))])).unusable[0]?.isDry).toBe(true);
    }
  });
});

test("the order of the words does not matter; only mutual, known ones make links", () => {
  const state = fc
    .tuple(
      fc.constantFrom("k", "l", "m"),
      fc.constantFrom("a", "b", "c", "x"),
      fc.constantFrom(0, 1000, 2 ** 23),
      fc.constantFrom(null, 0.01),
    )
    .map(([link, peer, availableBits, qber]) => says(link, peer, { availableBits, qber }));
  const words = fc.uniqueArray(fc.record({ node: fc.constantFrom(...nodes), links: fc.array(state) }), {
    selector: (one) => one.node,
  });
  const shuffled = words.chain((said) =>
    fc.tuple(fc.constant(said), fc.shuffledSubarray([...said], { minLength: said.length })),
  );
  fc.assert(
    fc.property(shuffled, ([said, other]) => {
      const found = linksOf(view(said));
      const reversed = other.map((one) => ({ ...one, links: one.links.toReversed() }));
      expect(linksOf({ ...view(reversed), nodes: nodes.toReversed() })).toEqual(found);
      const claims = said.flatMap((one) => one.links.map((link) => ({ from: one.node, ...link })));
      for (const { link, nodes: ends } of found.usable) {
        const about = claims.filter(
          ({ from, peer, ...claim }) =>
            claim.link === link && from !== peer && ends.includes(from) && ends.includes(peer),
        );
        expect(new Set(about.map(({ from }) => from)).size).toBe(2);
        expect(about.every(({ availableBits }) => availableBits > 256)).toBe(true);
      }
    }),
  );
});
