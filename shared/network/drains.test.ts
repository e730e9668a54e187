import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PairName } from "../ids.ts";
import { FIRST_RELAY_SHARD } from "../keypool/relay-shard.ts";
import { diffNetworks, removalsBetween } from "./diff.ts";
import type { Drain } from "./directory-types.ts";
import type { NetworkDocument, NetworkDocumentInput } from "./document.ts";
import { drainKey, pairsChanged, planDrains } from "./drains.ts";
import { buildLookup, saeId } from "./lookup.ts";
import { pairForEnc, pairsForDec, shardsOf } from "./pairs.ts";
import { poolConfigs, type PoolView } from "./pool-config.ts";
import { validateNetwork } from "./validate.ts";

const NOW_MS = 1_000_000;
const pair = (text: string) => text as PairName;

/** `edges` as "1-2", SAEs as { a: 1 }: node numbers. */
function network(
  nodes: number[],
  edges: string[],
  saes: Record<string, number>,
  policy: NetworkDocumentInput["policy"] = {},
): NetworkDocument {
  const result = validateNetwork({
    nodes: nodes.map((n) => ({ id: `tn-${n}` })),
    links: edges.map((edge) => ({
      id: `link-${edge}`,
      nodes: edge.split("-").map((n) => `tn-${n}`),
      source: "simulated",
      feed: "one-ended",
      health: "reject",
      key_rate_bps: 1000,
      shards: 2,
    })),
    saes: Object.entries(saes).map(([id, n]) => ({ id, node: `tn-${n}`, credentials: [] })),
    operators: [{ id: "op", credentials: [{ type: "certificate", match: "cn", value: "op" }] }],
    policy,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const view = (document: NetworkDocument, drains: readonly Drain[] = [], sequence = 1): PoolView => ({
  document,
  drains,
  sequence,
});

/** The drains under way after a step, as the Directory keeps them. */
function step(before: PoolView, after: NetworkDocument, nowMs = NOW_MS): PoolView {
  const plan = planDrains(before, after, nowMs);
  const gone = new Set([...plan.cancelled, ...plan.opened.map((drain) => drainKey(drain))]);
  const kept = before.drains.filter((drain) => !gone.has(drainKey(drain)));
  return view(after, [...kept, ...plan.opened], before.sequence + 1);
}
const keys = (v: PoolView) => v.drains.map((drain) => drainKey(drain)).sort();
const lookupOf = (v: PoolView) =>
  buildLookup({
    sequence: v.sequence,
    documentVersion: 1,
    document: v.document,
    drains: v.drains,
    revocations: [],
    bootstrapOpen: false,
  });

const remote = (sae: string) => ({ url: "https://edge.example", ed25519: "", ml_dsa_65: "", saes: [sae] });

const chain = network([1, 2, 3], ["1-2", "2-3"], { a: 1, b: 2, c: 3 });

describe("diff", () => {
  it("tells added, removed, changed and moved apart", () => {
    const after = network([1, 2, 4], ["1-2"], { a: 1, b: 1 }, { drain_s: 5 });
    expect(diffNetworks(chain, after)).toEqual([
      { pointer: "/policy", kind: "changed", id: "policy" },
      { pointer: "/nodes/2", kind: "removed", id: "tn-3" },
      { pointer: "/nodes/2", kind: "added", id: "tn-4" },
      { pointer: "/links/1", kind: "removed", id: "link-2-3" },
      { pointer: "/saes/2", kind: "removed", id: "c" },
      { pointer: "/saes/1", kind: "moved", id: "b" },
    ]);
  });

  it("of a document with itself, members in any order, is empty", () => {
    expect(diffNetworks(chain, structuredClone(chain))).toEqual([]);
    const turned = {
      ...chain,
      nodes: chain.nodes.map((node) => Object.fromEntries(Object.entries(node).toReversed())),
    };
    expect(diffNetworks(chain, turned as NetworkDocument)).toEqual([]);
  });

  it("does not take a renamed link for a removed one", () => {
    const renamed = { ...chain, links: chain.links.map((link) => ({ ...link, id: `${link.id}-x` })) };
    expect(removalsBetween(chain, renamed).links).toEqual([]);
  });
});

describe("drains", () => {
  it("opens them for what is removed or moved, until the old policy's time", () => {
    const after = network([1, 2], ["1-2"], { a: 2, b: 2 }, { drain_s: 9999 });
    const { drains } = step(view(chain), after);
    expect(drains.map((drain) => drainKey(drain)).sort()).toEqual([
      "pair:tn-2|tn-3",
      "pair:tn-3|tn-3",
      "sae:tn-1:a",
      "sae:tn-3:c",
    ]);
    expect(new Set(drains.map((drain) => drain.untilMs))).toEqual(new Set([NOW_MS + 60_000]));
    const ofA = drains.find((drain) => drainKey(drain) === "sae:tn-1:a");
    expect(ofA?.kind === "sae" && ofA.pairs).toEqual(["tn-1|tn-1", "tn-1|tn-2"]);
  });

  it("takes them back for what returns to where it was", () => {
    const away = step(view(chain), network([1, 2], ["1-2"], { a: 2, b: 2 }));
    expect(keys(step(away, chain))).toEqual(["sae:tn-2:a"]);
    // c returns elsewhere: it still drains where it was
    expect(keys(step(away, network([1, 2], ["1-2"], { a: 2, b: 2, c: 1 })))).toContain("sae:tn-3:c");
  });

  it("sends a moved SAE's drain to pairs that drain already", () => {
    const noLink = step(view(chain), network([1, 2, 3], ["2-3"], { a: 1, b: 2, c: 3 }));
    const moved = step(noLink, network([1, 2, 3], ["2-3"], { a: 3, b: 2, c: 3 }));
    const ofA = moved.drains.find((drain) => drainKey(drain) === "sae:tn-1:a");
    expect(ofA?.kind === "sae" && ofA.pairs).toEqual(["tn-1|tn-1", "tn-1|tn-2"]);
  });

  it("never leaves anything both served and draining, and loses nothing that was served", () => {
    const documents = fc
      .record({
        nodes: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
        edges: fc.uniqueArray(fc.constantFrom("1-2", "2-3", "3-4", "1-4"), { maxLength: 4 }),
        a: fc.option(fc.integer({ min: 0, max: 3 })),
        b: fc.option(fc.integer({ min: 0, max: 3 })),
      })
      .map(({ nodes, edges, a, b }) => {
        const at = (n: number | null) => (n === null ? undefined : nodes[n % nodes.length]);
        const saes = Object.entries({ a: at(a), b: at(b) }).filter(
          (entry): entry is [string, number] => entry[1] !== undefined,
        );
        const possible = edges.filter((edge) => edge.split("-").every((n) => nodes.includes(Number(n))));
        return network(nodes, possible, Object.fromEntries(saes));
      });
    fc.assert(
      fc.property(fc.array(documents, { minLength: 2, maxLength: 6 }), (steps) => {
        const [first, ...rest] = steps;
        let now = view(first as NetworkDocument);
        for (const document of rest) {
          const before = now;
          now = step(before, document);
          const served = new Set(document.saes.map((sae) => `sae:${sae.node}:${sae.id}`));
          for (const sae of before.document.saes) {
            const key = `sae:${sae.node}:${sae.id}`;
            expect(served.has(key) || keys(now).includes(key)).toBe(true);
          }
          for (const key of keys(now)) expect(served.has(key)).toBe(false);
          for (const drain of now.drains) {
            if (drain.kind === "pair") expect(poolConfigs(now)(drain.pair).state).toBe("draining");
          }
          for (const link of before.document.links) {
            expect(poolConfigs(now)(pair([...link.nodes].sort().join("|"))).state).not.toBe("gone");
          }
          expect(new Set(keys(now)).size).toBe(now.drains.length);
        }
      }),
    );
  });
});

describe("pool configuration", () => {
  it("of a link, a node, a drained pair and of nothing", () => {
    const after = step(view(chain), network([1, 2, 3], ["1-2"], { a: 1 }));
    expect(poolConfigs(after)(pair("tn-1|tn-2"))).toMatchObject({
      state: "active",
      link: "link-1-2",
      source: "simulated",
      shards: 2,
      version: 2,
    });
    expect(poolConfigs(after)(pair("tn-2|tn-3"))).toMatchObject({
      state: "draining",
      link: "link-2-3",
      shards: 2,
      version: 2,
    });
    expect(poolConfigs(after)(pair("tn-1|tn-1"))).toMatchObject({
      state: "active",
      link: null,
      source: "local",
      shards: 1,
    });
    expect(poolConfigs(after)(pair("tn-1|tn-3"))).toMatchObject({ state: "active", link: null, source: "relay" });
    expect(poolConfigs(after)(pair("tn-1|tn-9"))).toMatchObject({ state: "gone" });
    expect(poolConfigs(after)(pair("tn-9|tn-9"))).toMatchObject({ state: "gone" });
  });

  it("is told to the pools it changes for, with as many shards as there are or were", () => {
    const policy = network([1, 2, 3], ["1-2", "2-3"], { a: 1, b: 2, c: 3 }, { key_ttl_s: 5 });
    expect([...pairsChanged(view(chain), view(policy)).keys()].sort()).toEqual(["tn-1|tn-2", "tn-2|tn-3"]);
    const noSae = network([1, 2, 3], ["1-2", "2-3"], { a: 1, b: 2 });
    expect(pairsChanged(view(chain), step(view(chain), noSae)).size).toBe(0);
    const noLink = step(view(chain), network([1, 2, 3], ["1-2"], { a: 1, b: 2, c: 3 }));
    expect([...pairsChanged(view(chain), noLink)]).toEqual([["tn-2|tn-3", 2]]);
    const noNode = step(view(chain), network([1, 2], ["1-2"], { a: 1, b: 2 }));
    expect([...pairsChanged(view(chain), noNode).keys()].sort()).toEqual(["tn-2|tn-3", "tn-3|tn-3"]);
  });
});

describe("routes", () => {
  const [a, b, c] = [saeId("a"), saeId("b"), saeId("c")];

  it("of new keys: one node, adjacent nodes, and over others", () => {
    const lookup = lookupOf(view(network([1, 2, 3], ["1-2", "2-3"], { a: 1, a2: 1, b: 2, c: 3 })));
    expect(pairForEnc(lookup, a, saeId("a2"))).toMatchObject({
      ok: true,
      value: { kind: "same-node", pair: "tn-1|tn-1", link: null, relayPaths: null },
    });
    expect(pairForEnc(lookup, b, a)).toMatchObject({
      ok: true,
      value: {
        kind: "link",
        pair: "tn-1|tn-2",
        link: { id: "link-1-2" },
        relayPaths: 1,
        masterNode: "tn-2",
        slaveNode: "tn-1",
      },
    });
    expect(pairForEnc(lookup, a, c)).toMatchObject({
      ok: true,
      value: { kind: "relay", pair: "tn-1|tn-3", link: null, relayPaths: 1 },
    });
    expect(pairForEnc(lookup, a, saeId("x"))).toMatchObject({ ok: false, error: { code: "unknown-sae" } });
  });

  it("of new keys where the policy has no relaying: no further than adjacent nodes", () => {
    const lookup = lookupOf(
      view(network([1, 2, 3], ["1-2", "2-3"], { a: 1, b: 2, c: 3 }, { relay: { enabled: false } })),
    );
    expect(pairForEnc(lookup, b, a)).toMatchObject({ ok: true, value: { kind: "link", relayPaths: null } });
    const message = expect.stringContaining("policy.relay.enabled is false");
    expect(pairForEnc(lookup, a, c)).toMatchObject({ ok: false, error: { code: "no-route", message } });
  });

  it("of a pair whose keys have to come over so many paths: its link is no other way", () => {
    const { document } = view(network([1, 2, 3], ["1-2", "2-3", "1-3"], { a: 1, b: 2, c: 3 }));
    const pairs = [{ nodes: ["tn-2", "tn-1"] as [string, string], disjoint_paths: 2 }];
    const lookup = lookupOf(view({ ...document, pairs }));
    const found = pairForEnc(lookup, a, b);
    expect(found).toMatchObject({ ok: true, value: { kind: "relay", link: null, relayPaths: 2 } });
    expect(found.ok && shardsOf(found.value)).toEqual([FIRST_RELAY_SHARD + 1]);
  });

  it("of SAEs of nodes that other deployments host: where they may be announced; not between two such nodes", () => {
    const { document } = view(network([1, 2, 3], ["1-2", "2-3"], { a: 1 }));
    const [first, ...others] = document.nodes;
    const nodes = others.map((node, i) => ({ ...node, remote: remote(["b", "c"][i] ?? "") }));
    const lookup = lookupOf(view({ ...document, nodes: [first!, ...nodes] }));
    expect(pairForEnc(lookup, a, b)).toMatchObject({ ok: true, value: { kind: "link", slaveNode: "tn-2" } });
    expect(pairForEnc(lookup, a, c)).toMatchObject({ ok: true, value: { kind: "relay", pair: "tn-1|tn-3" } });
    expect(pairsForDec(lookup, a, c, NOW_MS)).toEqual(["tn-1|tn-3"]);
    const apart = lookupOf(view({ ...document, nodes: [first!, ...nodes], links: [] }));
    expect(pairForEnc(apart, b, c)).toMatchObject({ ok: false, error: { code: "no-route" } });
  });

  it("of pending keys: where both are, then where they were, until the drain ends", () => {
    const moved = step(view(chain), network([1, 2, 3], ["1-2", "2-3"], { a: 1, b: 3, c: 3 }));
    const lookup = lookupOf(moved);
    expect(pairsForDec(lookup, b, a, NOW_MS)).toEqual(["tn-1|tn-3", "tn-1|tn-2"]);
    expect(pairsForDec(lookup, b, c, NOW_MS)).toEqual(["tn-3|tn-3", "tn-2|tn-3"]);
    expect(pairsForDec(lookup, c, b, NOW_MS)).toEqual(["tn-3|tn-3", "tn-2|tn-3"]);
    expect(pairsForDec(lookup, c, b, NOW_MS + 60_000)).toEqual(["tn-3|tn-3"]);
    expect(pairsForDec(lookup, saeId("x"), a, NOW_MS)).toEqual([]);
  });

  it("of keys over a removed link, which come over other nodes from then on, or of a removed node", () => {
    const gone = lookupOf(step(view(chain), network([1, 2], [], { a: 1, b: 2 })));
    expect(pairsForDec(gone, b, a, NOW_MS)).toEqual(["tn-1|tn-2"]);
    expect(pairsForDec(gone, b, c, NOW_MS)).toEqual(["tn-2|tn-3"]);
    expect(pairsForDec(gone, c, b, NOW_MS)).toEqual(["tn-2|tn-3"]);
    expect(pairsForDec(gone, b, a, NOW_MS + 60_000)).toEqual(["tn-1|tn-2"]);
    expect(pairsForDec(gone, b, c, NOW_MS + 60_000)).toEqual([]);
    expect(pairForEnc(gone, a, b)).toMatchObject({ ok: true, value: { kind: "relay" } });
    expect(pairForEnc(gone, a, c).ok).toBe(false);
  });
});
