import fc from "fast-check";
import { expect, test } from "vitest";
import type { WalkedNode } from "./messages.ts";
import { heardOnce, nodeOfSae, ownEntry, pathBetween } from "./network.ts";

const node = (id: string, neighbours: readonly string[], more: Partial<WalkedNode> = {}): WalkedNode => ({
  trusted_node_id: id,
  kme_ids: [],
  sae_ids: [],
  trusted_node_ids: [...neighbours],
  distance: 0,
  ...more,
});

test("the first word on a node counts", () => {
  const heard = heardOnce([node("a", ["b"])], [node("a", []), node("b", [])]);
  expect(heard).toEqual([node("a", ["b"]), node("b", [])]);
});

test("an SAE is where one node says so; where two do, nobody knows", () => {
  const heard = [
    node("a", [], { sae_ids: ["x"] }),
    node("b", [], { sae_ids: ["y", "x"] }),
    node("b", [], { sae_ids: ["z"] }),
  ];
  expect(["x", "y", "z"].map((sae) => nodeOfSae(heard, sae))).toEqual([null, "b", null]);
});

test("of its neighbours a node names those that have been heard of: an original breaks down over others", () => {
  const own = { id: "us", saes: ["s"], kmes: ["k1", "k2"], neighbours: ["a", "gone"] };
  const said = { kme_ids: ["k1", "k2"], sae_ids: ["s"], distance: 2 };
  expect(ownEntry(own, 2, [node("a", ["us"])])).toEqual(node("us", ["a"], said));
});

test("one end's word makes a link; a node that has said nothing is no part of a path", () => {
  const heard = [node("a", ["b", "silent"]), node("b", []), node("c", ["b", "silent"])];
  expect(pathBetween(heard, "a", "c")).toEqual(["a", "b", "c"]);
  expect(pathBetween(heard, "a", "silent")).toBeNull();
  expect(pathBetween(heard, "a", "a")).toEqual(["a"]);
});

test("paths are as short as a search in rounds finds them, and lead over links", () => {
  const graph = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 });
  fc.assert(
    fc.property(graph, (links) => {
      const ids = Array.from({ length: 8 }, (_, at) => `n${at}`);
      const heard = ids.map((id, at) =>
        node(
          id,
          links.filter(([from]) => from === at).map(([, to]) => `n${to}`),
        ),
      );
      const joined = (a: string, b: string) =>
        links.some(([from, to]) => (`n${from}` === a && `n${to}` === b) || (`n${from}` === b && `n${to}` === a));
      const reached = new Map([["n0", 0]]);
      for (let round = 1; round < ids.length; round++) {
        const edge = [...reached].filter(([, at]) => at === round - 1).map(([id]) => id);
        for (const id of ids) if (!reached.has(id) && edge.some((from) => joined(from, id))) reached.set(id, round);
      }
      for (const id of ids) {
        const path = pathBetween(heard, "n0", id);
        expect(path === null ? undefined : path.length - 1).toBe(reached.get(id));
        path?.slice(1).forEach((to, at) => expect(joined(path[at] ?? "", to)).toBe(true));
      }
    }),
    { numRuns: 100 },
  );
});
