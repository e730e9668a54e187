/** What the Directory tells of relayed key: to its pools, to the nodes that relay it, and when it drains. */
import { describe, expect, it } from "vitest";
import { pushLink, remoteNode, saeAt } from "../../test/support/network-document.ts";
import type { PairName } from "../ids.ts";
import { relayShardOf } from "../keypool/relay-shard.ts";
import type { Drain } from "./directory-types.ts";
import type { NetworkDocument, NetworkDocumentInput } from "./document.ts";
import { hostingOf, planDrains, relaysChanged } from "./drains.ts";
import { buildLookup, disjointPathsFor, relayDrainUntilMs } from "./lookup.ts";
import { poolConfigs, type PoolView } from "./pool-config.ts";
import { relayView } from "./relay-view.ts";
import { validateNetwork } from "./validate.ts";

const NOW_MS = 1_000_000;
const UNTIL_MS = NOW_MS + 60_000;
const SHARD = relayShardOf(1);
const pair = (text: string) => text as PairName;

/** A chain a - b - c, of which `c` leads on to `x`, which another deployment hosts. */
function network(more: Partial<NetworkDocumentInput> = {}): NetworkDocument {
  const result = validateNetwork({
    nodes: [{ id: "a" }, { id: "b" }, { id: "c" }, remoteNode("x", { saes: ["sae-x"] }), remoteNode("y")],
    links: [pushLink("ab", "a", "b", { shards: 3 }), pushLink("bc", "b", "c"), pushLink("cx", "c", "x")],
    saes: [saeAt("sae-a", "a"), saeAt("sae-b", "b")],
    operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
    ...more,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
const view = (document: NetworkDocument, drains: readonly Drain[] = []): PoolView => ({
  sequence: 5,
  document,
  drains,
});
const after = (before: PoolView, document: NetworkDocument) =>
  view(document, planDrains(before, document, NOW_MS).opened);
const without = (...gone: string[]) => {
  const whole = network();
  return network({
    nodes: whole.nodes.filter(({ id }) => !gone.includes(id)),
    links: whole.links.filter(({ nodes }) => !nodes.some((id) => gone.includes(id))),
    saes: whole.saes.filter(({ node }) => !gone.includes(node)),
  });
};
const changed = (document: NetworkDocument) => relaysChanged(view(network()), after(view(network()), document));
const lookupOf = ({ sequence, document, drains }: PoolView) =>
  buildLookup({ sequence, documentVersion: 1, document, drains, revocations: [], bootstrapOpen: false });
const RELAYED = { source: "relay", link: null, feed: "two-ended", health: "accept", shards: 1 };

describe("the configuration of pools", () => {
  const whole = view(network());

  it("of relayed key: of any two nodes, with a link between them or not", () => {
    const configOf = poolConfigs(whole);
    expect(configOf(pair("a|c"), SHARD)).toEqual({
      ...RELAYED,
      version: 5,
      pair: "a|c",
      policy: whole.document.policy,
      state: "active",
      keyRateBps: 0,
    });
    expect(configOf(pair("a|b"), relayShardOf(4))).toMatchObject({ ...RELAYED, state: "active", linkShards: 3 });
    expect(configOf(pair("a|b"), 2)).toMatchObject({ source: "push", link: "ab", shards: 3 });
    // Imports only
    expect(configOf(pair("a|c"))).toMatchObject({ ...RELAYED, state: "active" });
    expect(configOf(pair("a|c"), 2)).toMatchObject({ ...RELAYED, state: "active" });
    expect(configOf(pair("a|a"), SHARD)).toMatchObject({ source: "local", state: "active" });
  });

  it("says which end is here, where only one is", () => {
    const configOf = poolConfigs(whole);
    const { url, ed25519, ml_dsa_65: mlDsa65 } = remoteNode("x").remote ?? expect.unreachable();
    const remote = { ownNode: "c", otherNode: "x", peer: { url, ed25519, mlDsa65 } };
    expect(configOf(pair("c|x"))).toMatchObject({ link: "cx", remote });
    expect(configOf(pair("c|x"), SHARD)).toMatchObject({ ...RELAYED, feed: "one-ended", remote, linkShards: 1 });
    expect(configOf(pair("b|c"))).not.toHaveProperty("remote");
    expect(configOf(pair("x|y"), SHARD).state).toBe("gone");
    expect(configOf(pair("x|x")).state).toBe("gone");
    expect(configOf(pair("a|z"), SHARD).state).toBe("gone");
  });

  it("of relays switched off: what was given may be fetched, and nothing more is given", () => {
    const off = view(network({ policy: { relay: { enabled: false } } }));
    expect(poolConfigs(off)(pair("a|c"), SHARD)).toMatchObject({ ...RELAYED, state: "draining" });
    expect(poolConfigs(off)(pair("a|b"))).toMatchObject({ link: "ab", state: "active" });
    expect(planDrains(whole, off.document, NOW_MS)).toEqual({ opened: [], cancelled: [] });
  });

  it("of a node that goes: all that holds its relayed key drains, and then is gone", () => {
    const gone = after(whole, without("c"));
    const configOf = poolConfigs(gone);
    for (const shard of [0, 2, SHARD]) {
      expect(configOf(pair("a|c"), shard)).toMatchObject({ ...RELAYED, state: "draining" });
    }
    expect(configOf(pair("b|c"))).toMatchObject({ link: "bc", state: "draining" });
    expect(configOf(pair("b|c"), SHARD)).toMatchObject({ ...RELAYED, state: "draining" });
    expect(configOf(pair("c|x"), SHARD)).toMatchObject({ state: "draining", remote: { ownNode: "c", otherNode: "x" } });
    expect(configOf(pair("a|b"), SHARD)).toMatchObject({ state: "active" });
    expect(poolConfigs(view(without("c")))(pair("a|c"), SHARD).state).toBe("gone");
  });

  it("of a node elsewhere that goes: as long as it drains, its pools know whose half was where", () => {
    const gone = after(whole, without("x"));
    const remote = { ownNode: "a", otherNode: "x", peer: { url: "https://x.example" } };
    expect(poolConfigs(gone)(pair("a|x"), SHARD)).toMatchObject({ state: "draining", remote });
    expect(poolConfigs(gone)(pair("c|x"))).toMatchObject({ link: "cx", state: "draining", remote: { ownNode: "c" } });
    expect(gone.drains.flatMap((drain) => hostingOf(drain))).toEqual([
      { node: "c", isRemote: false },
      { node: "x", isRemote: true },
      { node: "x", isRemote: true },
    ]);
  });

  it("of a link that goes: its pools drain, those of relayed key do not, and imports go on after that", () => {
    const { nodes, links } = network();
    const unlinked = after(whole, network({ nodes, links: links.slice(1) }));
    expect(poolConfigs(unlinked)(pair("a|b"))).toMatchObject({ link: "ab", state: "draining" });
    expect(poolConfigs(unlinked)(pair("a|b"), SHARD)).toMatchObject({ ...RELAYED, state: "active" });
    expect(poolConfigs(unlinked)(pair("a|b"), SHARD)).not.toHaveProperty("linkShards");
    expect(poolConfigs(view(unlinked.document))(pair("a|b"))).toMatchObject({ ...RELAYED, state: "active" });
  });
});

describe("news for pools of relayed key", () => {
  it("are a policy, for all; nodes that go or move; and links, for one of their nodes", () => {
    expect(changed(network())).toEqual([]);
    expect(changed(network({ saes: [] }))).toEqual([]);
    expect(changed(network({ policy: { drain_s: 5 } }))).toBe("all");
    const { nodes, links } = network();
    expect(changed(network({ nodes: [...nodes, { id: "d" }] }))).toEqual([]);
    expect(changed(without("c"))).toEqual(["c"]);
    const moved = nodes.map((node) => (node.id === "x" ? remoteNode("x", { url: "https://else.example" }) : node));
    expect(changed(network({ nodes: moved }))).toEqual(["x"]);
    expect(changed(network({ links: [...links, pushLink("ac", "c", "a")] }))).toEqual(["a"]);
    expect(
      changed(network({ links: links.map((link) => (link.id === "bc" ? { ...link, shards: 2 } : link)) })),
    ).toEqual(["b"]);
  });
});

describe("what Workers know", () => {
  it("how many paths the keys of two nodes take, where the document says so", () => {
    const lookup = lookupOf(view(network({ pairs: [{ nodes: ["c", "a"], disjoint_paths: 2 }] })));
    expect(disjointPathsFor(lookup, pair("a|c"))).toBe(2);
    expect(disjointPathsFor(lookup, pair("a|b"))).toBeNull();
  });

  it("until when relayed keys may be fetched", () => {
    expect(relayDrainUntilMs(lookupOf(view(network())), pair("a|c"))).toBe(Infinity);
    const lookup = lookupOf(after(view(network()), without("c", "x")));
    expect(relayDrainUntilMs(lookup, pair("a|b"))).toBe(Infinity);
    expect(relayDrainUntilMs(lookup, pair("a|c"))).toBe(UNTIL_MS);
    expect(relayDrainUntilMs(lookup, pair("c|x"))).toBe(UNTIL_MS);
    expect(relayDrainUntilMs(lookup, pair("a|z"))).toBe(0);
  });

  it("which sites there are: those of nodes hosted here", () => {
    expect([...lookupOf(view(network())).sites]).toEqual(["a", "b", "c"]);
  });
});

it("tells nodes that relay what they need, and nothing of credentials", () => {
  const { sequence, nodes, links, policy } = relayView(view(network()));
  expect(sequence).toBe(5);
  expect(nodes.slice(0, 3)).toEqual([
    { id: "a", remote: null, saes: ["sae-a"] },
    { id: "b", remote: null, saes: ["sae-b"] },
    { id: "c", remote: null, saes: [] },
  ]);
  const { url, ed25519, ml_dsa_65: mlDsa65 } = remoteNode("x").remote ?? expect.unreachable();
  expect(nodes[3]).toEqual({ id: "x", remote: { url, ed25519, mlDsa65 }, saes: ["sae-x"] });
  expect(links[0]).toEqual({ id: "ab", nodes: ["a", "b"], shards: 3, source: "push" });
  expect(Object.keys(policy)).toEqual(["relay", "pool"]);
});
