import { describe, expect, it } from "vitest";
import { pushLink, remoteNode, saeAt } from "../../test/support/network-document.ts";
import { LIMITS } from "../limits.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

/** `here` and `near` are hosted, `there` and `far` are not; links between neighbours, in that order. */
const network = (more: Partial<NetworkDocumentInput> = {}): NetworkDocumentInput => ({
  nodes: [{ id: "here" }, { id: "near" }, remoteNode("there", { saes: ["sae-t"] }), remoteNode("far")],
  links: [pushLink("l-hn", "here", "near", { shards: 4 }), pushLink("l-nt", "near", "there")],
  saes: [saeAt("sae-h", "here")],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
  ...more,
});
const faultsOf = (document: unknown, previous?: NetworkDocumentInput) => {
  const before = previous === undefined ? undefined : validateNetwork(previous);
  if (before?.ok === false) throw new Error(JSON.stringify(before.error));
  const result = validateNetwork(document, before === undefined ? {} : { previous: before.value });
  return result.ok ? [] : (result.error.details ?? []);
};
const pointersOf = (document: unknown, previous?: NetworkDocumentInput) =>
  faultsOf(document, previous).map(({ pointer }) => pointer);
/** With the third node's `remote` so. */
const there = (more: Parameters<typeof remoteNode>[1], node: object = {}) =>
  network({ nodes: [{ id: "here" }, { id: "near" }, { ...remoteNode("there", more), ...node }] });

const asMany = (length: number, prefix: string) => Array.from({ length }, (_, n) => `${prefix}${n}`);
const pairs = (...list: NonNullable<NetworkDocumentInput["pairs"]>) => network({ pairs: list });
/** a, b and c in a triangle, d behind c; all hosted. */
const hosted = (...list: NonNullable<NetworkDocumentInput["pairs"]>): NetworkDocumentInput => ({
  ...network({ nodes: ["a", "b", "c", "d"].map((id) => ({ id })), saes: [], pairs: list }),
  links: [pushLink("ab", "a", "b"), pushLink("bc", "b", "c"), pushLink("ac", "a", "c"), pushLink("cd", "c", "d")],
});
const relay = (more: object, pool = {}) => network({ policy: { relay: more, ...pool } });

describe("a node of another deployment", () => {
  it("is taken with its link, and with what else names it", () => {
    expect(faultsOf(network())).toEqual([]);
    const named = { uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", kme_id: "KME-T", kms_site_id: "7" };
    expect(faultsOf(there({ url: "http://127.0.0.1:8788" }, named))).toEqual([]);
  });

  it.each([
    ["http://there.example", "https://, or http:// on loopback"],
    ["ftp://127.0.0.1", "https://, or http:// on loopback"],
    ["there.example", "as in https://edge.example"],
    ["https://user@there.example", "no user, query or fragment"],
    ["https://there.example/?a", "no user, query or fragment"],
    ["https://there.example/#", "no user, query or fragment"],
  ])("is not reached at %s", (url, words) => {
    expect(faultsOf(there({ url }))).toEqual([
      { pointer: "/nodes/2/remote/url", message: expect.stringContaining(words) },
    ]);
  });

  it("has keys of the right length, and no others", () => {
    const wrong = there({ ed25519: `${"A".repeat(42)}B=`, ml_dsa_65: "A".repeat(2604) });
    expect(faultsOf(wrong)).toEqual([
      { pointer: "/nodes/2/remote/ed25519", message: "shall be 32 bytes in base64: 43 characters and =" },
      { pointer: "/nodes/2/remote/ml_dsa_65", message: "shall be 1952 bytes in base64: 2603 characters and =" },
    ]);
    expect(pointersOf(there({}, { remote: { url: "https://x.example" } }))).toEqual([
      "/nodes/2/remote/ed25519",
      "/nodes/2/remote/ml_dsa_65",
      "/nodes/2/remote/saes",
    ]);
  });

  it("has no site, agent or credentials here, and none of this document's SAEs", () => {
    const document = network({
      nodes: [
        { id: "here" },
        { id: "near" },
        { ...remoteNode("there"), site: "x", credentials: [] },
        remoteNode("far"),
      ],
      agents: [{ id: "agent", site: "far", credentials: [] }],
      saes: [saeAt("sae-h", "far")],
    });
    expect(pointersOf(document)).toEqual(["/agents/0/site", "/nodes/2/site", "/nodes/2/credentials", "/saes/0/node"]);
  });

  it("announces SAEs that are nobody else's, under no name of theirs, and not too many", () => {
    const nodes = [
      { id: "here" },
      { id: "near" },
      remoteNode("there", { saes: ["sae-h", "a", "a"] }),
      remoteNode("far", { saes: ["a", "b"] }),
    ];
    expect(pointersOf(network({ nodes }))).toEqual([
      "/nodes/2/remote/saes/0",
      "/nodes/2/remote/saes/2",
      "/nodes/3/remote/saes/0",
    ]);
    const saes = [{ ...saeAt("sae-h", "here"), addresses: ["sae-t"] }];
    expect(pointersOf(network({ saes }))).toEqual(["/saes/0/addresses/0"]);
    expect(pointersOf(there({ saes: asMany(LIMITS.remoteSaes + 1, "s") }))).toEqual(["/nodes/2/remote/saes"]);
  });

  it("adds to the number of SAEs there may be", () => {
    const nodes = ["p", "q", "r", "s", "t"].map((id) => remoteNode(id, { saes: asMany(LIMITS.remoteSaes, id) }));
    expect(pointersOf(network({ nodes: [{ id: "here" }, { id: "near" }, ...nodes], links: [] }))).toEqual(["/nodes"]);
  });

  it("is joined to one hosted here, by a link of one shard that is fed", () => {
    const links = [
      pushLink("l-tf", "there", "far"),
      pushLink("l-hf", "here", "far", { shards: 2, source: "simulated" }),
      pushLink("l-ht", "here", "there", { source: "fake", feed: "two-ended" }),
    ];
    expect(pointersOf(network({ links }))).toEqual([
      "/links/0/nodes",
      "/links/1/source",
      "/links/1/shards",
      "/links/2/source",
      "/links/2/feed",
    ]);
  });

  it("is not all there is", () => {
    const only = network({ nodes: [remoteNode("there")], links: [], saes: [] });
    expect(pointersOf(only)).toEqual(["/nodes"]);
    expect(pointersOf({ ...only, nodes: [remoteNode("there"), { id: "here", uuid: "x" }] })).toEqual(["/nodes/1/uuid"]);
    expect(pointersOf({ ...only, nodes: [] })).toEqual([]);
  });

  it("neither comes here nor goes there with its keys", () => {
    const swapped = network({
      nodes: [{ id: "here" }, remoteNode("near"), { id: "there" }, remoteNode("far", { url: "https://else.example" })],
      links: [],
    });
    expect(faultsOf(swapped, network())).toEqual([
      { pointer: "/nodes/1/remote", message: expect.stringContaining("never given to a node") },
      { pointer: "/nodes/2/remote", message: expect.stringContaining("never taken away from a node") },
    ]);
  });
});

describe("pairs whose keys come over several paths", () => {
  it("are two nodes each, known, one hosted here, and told once", () => {
    expect(faultsOf(pairs({ nodes: ["here", "far"], disjoint_paths: 4 }))).toEqual([]);
    expect(
      pointersOf(
        pairs(
          { nodes: ["here", "far"], disjoint_paths: 2 },
          { nodes: ["far", "here"], disjoint_paths: 1 },
          { nodes: ["near", "near"], disjoint_paths: 1 },
          { nodes: ["near", "nowhere"], disjoint_paths: 1 },
          { nodes: ["there", "far"], disjoint_paths: 1 },
        ),
      ),
    ).toEqual(["/pairs/2/nodes", "/pairs/3/nodes/1", "/pairs/4/nodes", "/pairs/1/nodes"]);
    expect(pointersOf(pairs({ nodes: ["here", "far"], disjoint_paths: 5 }))).toEqual(["/pairs/0/disjoint_paths"]);
    expect(pointersOf(pairs({ nodes: ["here", "far"], disjoint_paths: 0 }))).toEqual(["/pairs/0/disjoint_paths"]);
  });

  it("have so many paths by the links of a document that has all links", () => {
    expect(
      faultsOf(
        hosted(
          { nodes: ["a", "b"], disjoint_paths: 2 },
          { nodes: ["b", "c"], disjoint_paths: 1 },
          { nodes: ["a", "d"], disjoint_paths: 1 },
          { nodes: ["b", "d"], disjoint_paths: 2 },
          { nodes: ["c", "d"], disjoint_paths: 1 },
        ),
      ),
    ).toEqual([
      {
        pointer: "/pairs/3/disjoint_paths",
        message: "the links of this document have 1 of 2 node-disjoint paths between the two nodes",
      },
      {
        pointer: "/pairs/4/disjoint_paths",
        message: "the links of this document have no way around the link between the two nodes",
      },
    ]);
    // What cannot be told apart from a slip elsewhere is no second fault.
    const unknown = hosted({ nodes: ["a", "z"], disjoint_paths: 2 }, { nodes: ["a", "a"], disjoint_paths: 2 });
    expect(pointersOf(unknown)).toEqual(["/pairs/0/nodes/1", "/pairs/1/nodes"]);
  });

  it("need relays", () => {
    const document = { ...pairs({ nodes: ["here", "far"], disjoint_paths: 2 }), policy: { relay: { enabled: false } } };
    expect(pointersOf(document)).toEqual(["/pairs/0"]);
  });
});

describe("the policy of relays", () => {
  it("has defaults", () => {
    const result = validateNetwork(network());
    expect(result.ok && result.value.policy.relay).toEqual({
      enabled: true,
      cost: "hops",
      max_hops: 16,
      alternatives: 3,
      authentication_floor_bytes: 1024,
    });
    expect(result.ok && "pairs" in result.value).toBe(false);
  });

  it("is bounded, and keeps less than a pool can hold", () => {
    expect(pointersOf(relay({ max_hops: 0, alternatives: LIMITS.relayAlternatives + 1, cost: "cheap" }))).toEqual([
      "/policy/relay/cost",
      "/policy/relay/max_hops",
      "/policy/relay/alternatives",
    ]);
    const pool = { pool: { low_bytes: 0, high_bytes: 0, capacity_bytes: 4096 } };
    expect(pointersOf(relay({ authentication_floor_bytes: 4096 }, pool))).toEqual([
      "/policy/relay/authentication_floor_bytes",
    ]);
    expect(pointersOf(relay({}, pool))).toEqual([]);
  });
});
