import { expect, test } from "vitest";
import { remoteNode, saeAt, twoNodes } from "../../test/support/network-document.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

type Legacy = NonNullable<NetworkDocumentInput["legacy_nodes"]>[number];
const legacy = (id: string, more: Partial<Legacy> = {}): Legacy => ({
  id,
  node: "tn-1",
  credentials: [{ type: "certificate", match: "cn", value: id }],
  service: id,
  link: { service: `kme-${id}`, kme_id: `ours-${id}`, peer_kme_id: `theirs-${id}` },
  saes: [`sae-${id}`],
  ...more,
});
const faultsOf = (document: NetworkDocumentInput): readonly unknown[] => {
  const checked = validateNetwork(document);
  return checked.ok ? [] : (checked.error.details ?? []);
};
const withLegacy = (...entries: readonly Legacy[]) => twoNodes({ legacy_nodes: [...entries] });

test("two neighbours of one node, and one of another, are sound", () => {
  const third = legacy("z", { node: "tn-2", own_id: "us-2" });
  expect(faultsOf(withLegacy(legacy("x"), legacy("y"), third))).toEqual([]);
});

test("keys in clear are off unless somebody says otherwise", () => {
  const checked = validateNetwork(withLegacy(legacy("x")));
  expect(checked.ok && checked.value.legacy_nodes?.[0]?.key_in_clear).toBe(false);
});

test.each<readonly [pointer: string, document: NetworkDocumentInput, words: string]>([
  ["/legacy_nodes/1/id", withLegacy(legacy("x"), { ...legacy("y"), id: "x" }), "the same id"],
  ["/legacy_nodes/0/node", withLegacy(legacy("x", { node: "tn-9" })), "no node has the id"],
  ["/legacy_nodes/0/id", withLegacy(legacy("tn-2")), "a node has this id"],
  ["/legacy_nodes/1/own_id", withLegacy(legacy("x"), legacy("y", { own_id: "us" })), "another than of /legacy_nodes/0"],
  [
    "/legacy_nodes/1/own_id",
    withLegacy(legacy("x", { own_id: "us" }), legacy("y", { own_id: "us", node: "tn-2" })),
    "the same as of node tn-1",
  ],
  ["/legacy_nodes/0/own_id", withLegacy(legacy("x", { own_id: "x" })), "the id of a neighbour"],
  ["/legacy_nodes/0/saes/0", withLegacy(legacy("x", { saes: ["a"] })), "the same SAE as /saes/0"],
  ["/legacy_nodes/1/saes/0", withLegacy(legacy("x"), legacy("y", { saes: ["sae-x"] })), "as /legacy_nodes/0/saes/0"],
  [
    "/legacy_nodes/0/link/peer_kme_id",
    withLegacy(legacy("x", { link: { service: "kme", kme_id: "k", peer_kme_id: "k" } })),
    "the KME of the other end",
  ],
  [
    "/legacy_nodes/0/link/service",
    withLegacy(legacy("x", { link: { service: "x", kme_id: "k", peer_kme_id: "l" } })),
    "leads to the neighbour itself",
  ],
  [
    "/legacy_nodes/1/link",
    withLegacy(legacy("x"), legacy("y", { link: { ...legacy("x").link, service: "o" } })),
    "the same kme_id",
  ],
  [
    "/legacy_nodes/1/link/service",
    withLegacy(legacy("x"), legacy("y", { link: { ...legacy("y").link, service: "kme-x" } })),
    "the same service",
  ],
  [
    "/legacy_nodes/1/credentials/0/value",
    withLegacy(legacy("x"), legacy("y", { credentials: legacy("x").credentials })),
    "the same certificate name",
  ],
])("%s", (pointer, document, words) => {
  expect(faultsOf(document)).toContainEqual({ pointer, message: expect.stringContaining(words) as string });
});

test("not at a node that is hosted elsewhere, nor for the SAEs of one", () => {
  const away = { ...withLegacy(legacy("x", { node: "far", saes: ["s"] })), saes: [saeAt("a", "tn-1")] };
  const faults = faultsOf({ ...away, nodes: [...away.nodes, remoteNode("far", { saes: ["s"] })] });
  expect(faults).toContainEqual({ pointer: "/legacy_nodes/0/node", message: "far is hosted elsewhere" });
  expect(faults).toContainEqual({
    pointer: "/legacy_nodes/0/saes/0",
    message: "the same SAE as /nodes/2/remote/saes/0",
  });
});
