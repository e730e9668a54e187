import { expect, test } from "vitest";
import type { LinkId, NodeId } from "../../shared/ids.ts";
import { UNKNOWN_BITS } from "./own-links.ts";
import { SpareBits } from "./spare-bits.ts";

const [a, b, c, liar] = ["a", "b", "c", "liar"] as NodeId[] as [NodeId, NodeId, NodeId, NodeId];
const [ab, bc] = ["a-b", "b-c"] as LinkId[] as [LinkId, LinkId];
const says = (link: LinkId, peer: NodeId, availableBits: number) => ({
  link,
  peer,
  availableBits,
  keyRateBps: 0,
  qber: null,
});

test("of a link is the less of what its two nodes say, whatever others say of it", () => {
  const spare = new SpareBits([
    { node: a, links: [says(ab, b, 3000)] },
    { node: b, links: [says(ab, a, 2000), says(bc, c, 5000)] },
    { node: liar, links: [says(ab, b, 1), says(bc, b, 0)] },
  ]);
  expect(spare.of({ link: ab, nodes: [b, a] })).toBe(2000);
  expect(spare.of({ link: bc, nodes: [b, c] })).toBe(5000);
  expect(spare.of({ link: "c-d" as LinkId, nodes: [c, liar] })).toBe(UNKNOWN_BITS);
  expect(spare.least([{ nodes: [c, b, a], links: [bc, ab], cost: 2 }])).toBe(2000);
  expect(spare.least([])).toBe(UNKNOWN_BITS);
});
