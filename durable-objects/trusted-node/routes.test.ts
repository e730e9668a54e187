import { describe, expect, test } from "vitest";
import type { LinkId, NodeId, SaeId } from "../../shared/ids.ts";
import { DEFAULT_POLICY } from "../../shared/network/document.ts";
import type { OwnRelayView } from "../../shared/network/relay-view.ts";
import { Avoided } from "./avoided.ts";
import { NodeNetwork } from "./node-network.ts";
import { Routes } from "./routes.ts";

const id = (name: string) => name as NodeId;
const nobodySpoke = () => ({ version: 1, words: [] });

/** As the first node sees it: all hosted here, and nobody has spoken yet. Links by their ends, as `a-b`. */
async function routesOf(names: readonly string[], links: readonly string[], maxHops = 16): Promise<Routes> {
  const node = id(names[0] ?? "");
  const view: OwnRelayView = {
    sequence: 1,
    isHosted: true,
    nodes: names.map((name) => ({ id: id(name), remote: null, saes: [] as SaeId[] })),
    links: links.map((name) => {
      const [a = "", b = ""] = name.split("-");
      return { id: name as LinkId, nodes: [id(a), id(b)], shards: 1, source: "push" };
    }),
    policy: { ...DEFAULT_POLICY, relay: { ...DEFAULT_POLICY.relay, max_hops: maxHops } },
  };
  const network = new NodeNetwork(node, () => ({ relayView: async () => view }));
  await network.refresh();
  return new Routes({ node, network, avoided: new Avoided(), words: nobodySpoke, nowMs: () => 1000 });
}

function messageOf(routes: Routes, target: string, wish: { disjointPaths?: number; maxHops?: number } = {}): string {
  const found = routes.forRelay({ target: id(target), disjointPaths: 1, orAvoided: true, ...wish });
  return found.ok ? "found" : `${found.error.code}: ${found.error.message}`;
}

describe("why nothing is relayed", () => {
  test("between neighbours: their own link is no way of a relay, but is of shares", async () => {
    const chain = await routesOf(["a", "b", "c"], ["a-b", "b-c"]);
    expect(messageOf(chain, "b")).toBe("no-path: no way around link a-b");
    expect(messageOf(chain, "c")).toBe("found");
    expect(messageOf(chain, "b", { disjointPaths: 2 })).toBe("no-path: 1 of 2 node-disjoint paths to b are there");
    const ring = await routesOf(["a", "b", "c"], ["a-b", "b-c", "a-c"]);
    expect(messageOf(ring, "b")).toBe("found");
    expect(messageOf(ring, "b", { disjointPaths: 2 })).toBe("found");
  });

  test("where no link leads, or only too many of them: and who says so", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const chain = await routesOf(names, ["a-b", "b-c", "c-d"], 2);
    expect(messageOf(chain, "e")).toBe("no-path: no path to e: no links between them");
    const shortest = "no-path: no path to d: the shortest path has 3 hops";
    expect(messageOf(chain, "d")).toBe(`${shortest}, policy.relay.max_hops is 2`);
    expect(messageOf(chain, "d", { maxHops: 1 })).toBe(`${shortest}, qkdedge_max_hops is 1`);
  });

  test("is told of a pair that wishes for more paths than there are", async () => {
    const chain = await routesOf(["a", "b", "c"], ["a-b", "b-c"]);
    expect(chain.describe({ target: id("c"), disjointPaths: 2 })).toMatchObject({
      paths: [],
      cut: ["1 of 2 node-disjoint paths"],
    });
    expect(chain.describe({ target: id("c"), disjointPaths: 1 })).toMatchObject({ cut: [] });
  });
});
