/** Links of the network document that nodes have not spoken of, or not yet. */
import { expect, test } from "vitest";
import type { LinkId, NodeId } from "../../shared/ids.ts";
import { withDocumented } from "./documented-words.ts";
import { UNKNOWN_BITS } from "./own-links.ts";

const [a, b, c, d, r] = ["a", "b", "c", "d", "r"] as NodeId[] as [NodeId, NodeId, NodeId, NodeId, NodeId];
const link = (x: NodeId, y: NodeId) => ({ link: `${x}-${y}` as LinkId, nodes: [x, y] as const });
const state = (x: NodeId, y: NodeId, peer: NodeId, availableBits = UNKNOWN_BITS) => ({
  link: link(x, y).link,
  peer,
  availableBits,
  keyRateBps: 0,
  qber: null,
});

test("of links of hosted nodes those count that the document has, with what was said of them; others have what they say", () => {
  const words = [
    { node: a, links: [state(a, b, b, 0), state(a, r, r)] },
    { node: r, links: [state(r, d, d)] },
  ];
  const documented = [link(a, b), link(a, c), link(c, r)];
  expect(withDocumented(words, [a, b, c], documented)).toEqual([
    { node: a, links: [state(a, b, b, 0), state(a, c, c)] },
    { node: r, links: [state(r, d, d)] },
    { node: b, links: [state(a, b, a)] },
    { node: c, links: [state(a, c, a), state(c, r, r)] },
  ]);
});
