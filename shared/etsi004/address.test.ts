import { describe, expect, it } from "vitest";
import { buildLookup, nodeId, saeId } from "../network/lookup.ts";
import { validateNetwork } from "../network/validate.ts";
import { pushLink, remoteNode, saeAt } from "../../test/support/network-document.ts";
import { peerOf, resolveAddress } from "./address.ts";

const UUID_1 = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const UUID_2 = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const ODD = "urn:sae/é %2F..";

const valid = validateNetwork({
  nodes: [
    { id: "tn-1", uuid: UUID_1 },
    { id: "tn-2", uuid: UUID_2, kme_id: "KME-2" },
    { id: "tn-3" },
    { id: "tn-4" },
    remoteNode("tn-9", { saes: ["sae-x"] }),
  ],
  links: [pushLink("l", "tn-1", "tn-2")],
  saes: [
    { ...saeAt("sae-a", "tn-1"), addresses: ["10.0.0.11:5000", "client://localhost"] },
    saeAt("sae-a2", "tn-1"),
    { ...saeAt("sae-c", "tn-2"), addresses: ["server://localhost"] },
    { ...saeAt(ODD, "tn-3"), addresses: ["tn-4"] },
    // Called as a node is: an SAE's id comes first.
    saeAt("tn-3", "tn-3"),
  ],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
});
if (!valid.ok) throw new Error(JSON.stringify(valid.error));
const lookup = buildLookup({
  sequence: 1,
  documentVersion: 1,
  document: valid.value,
  revocations: [],
  drains: [],
  bootstrapOpen: false,
});
const resolved = (text: string): string | null => {
  const address = resolveAddress(lookup, text);
  return address === null ? null : `${address.sae ?? "*"} at ${address.node}`;
};

describe("an address", () => {
  it.each([
    ["sae-c", "sae-c at tn-2"],
    ["sae-x", "sae-x at tn-9"],
    ["sae://sae-x", "sae-x at tn-9"],
    [ODD, `${ODD} at tn-3`],
    ["10.0.0.11:5000", "sae-a at tn-1"],
    ["server://localhost", "sae-c at tn-2"],
    ["tn-4", `${ODD} at tn-3`],
    ["tn-3", "tn-3 at tn-3"],
    ["tn-2", "sae-c at tn-2"],
    ["KME-2", "sae-c at tn-2"],
    [UUID_2.toUpperCase(), "sae-c at tn-2"],
    ["tn-1", "* at tn-1"],
    [UUID_1, "* at tn-1"],
    ["sae://sae-c", "sae-c at tn-2"],
    ["sae://sae-c:5000/path?x=tn-1#sae-a", "sae-c at tn-2"],
    [`sae://${encodeURIComponent(ODD)}`, `${ODD} at tn-3`],
    ["qkd://tn-1", "* at tn-1"],
    [`QKD://Application1@${UUID_1.toUpperCase()}`, "* at tn-1"],
    [`qkd://Application4@${UUID_2}`, "sae-c at tn-2"],
    [`qkd://sae-a2@${UUID_1}:54000`, "sae-a2 at tn-1"],
    ["qkd://sae-a2:secret@tn-1/", "sae-a2 at tn-1"],
    [`hybrid://SPI_1@${UUID_2}?hybridization=xoring&key_sources=QKD`, "sae-c at tn-2"],
    // The user is nobody at that node.
    ["qkd://sae-c@tn-1", "* at tn-1"],
    [`qkd://${encodeURIComponent(ODD)}@tn-3`, "tn-3 at tn-3"],
  ])("%s means %s", (text, expected) => {
    expect(resolved(text)).toBe(expected);
  });

  it.each([
    "",
    "nobody",
    "KME-3",
    "kme-2",
    "10.0.0.11",
    "client://localhost:5000",
    "://sae-c",
    "1x://sae-c",
    "sae:sae-c",
    "sae:/sae-c",
    "sae://",
    "sae://%",
    "qkd://sae-c@",
    "qkd://a@b@tn-1",
    "qkd://tn-1:port",
    "qkd://[tn-1]",
    "__proto__",
    `${"a".repeat(100_000)}://`,
  ])("%s means nobody", (text) => {
    expect(resolved(text)).toBeNull();
  });
});

const peerTold = (self: string, node: string, source: string | null, destination: string): string => {
  const found = peerOf(lookup, { sae: saeId(self), node: nodeId(node) }, source, destination);
  return found.found ? `${found.peer.sae ?? "*"} at ${found.peer.node}` : `${found.member} ${found.why}`;
};

describe("the peer", () => {
  const [APP_1, APP_4] = [`qkd://Application1@${UUID_1}`, `qkd://Application4@${UUID_2}`];

  it.each<[string, string, string | null, string, string]>([
    ["sae-a", "tn-1", "sae-a", "sae-c", "sae-c at tn-2"],
    ["sae-a", "tn-1", null, "sae-c", "sae-c at tn-2"],
    // Both ends pass the same two.
    ["sae-c", "tn-2", "sae-a", "sae-c", "sae-a at tn-1"],
    ["sae-a", "tn-1", APP_1, APP_4, "sae-c at tn-2"],
    ["sae-c", "tn-2", APP_1, APP_4, "* at tn-1"],
    ["sae-c", "tn-2", "client://localhost", "server://localhost", "sae-a at tn-1"],
    // A source that says nothing, as in the examples of qkd-module.
    ["sae-a", "tn-1", "127.0.0.1", "sae-c", "sae-c at tn-2"],
    ["sae-a", "tn-1", "", "sae-c", "sae-c at tn-2"],
    ["sae-a", "tn-1", "sae-c", "tn-2", "sae-c at tn-2"],
    // At one node: who is named comes before who is at the node.
    ["sae-a", "tn-1", "sae-a", "sae-a2", "sae-a2 at tn-1"],
    ["sae-a2", "tn-1", "sae-a", "sae-a2", "sae-a at tn-1"],
    ["sae-a2", "tn-1", "tn-1", "sae-a2", "* at tn-1"],
    ["sae-a", "tn-1", APP_1, APP_1, "* at tn-1"],
    ["sae-a", "tn-1", "sae-a", "sae-a", "destination itself"],
    ["sae-a", "tn-1", null, "sae-a", "destination itself"],
    ["sae-a", "tn-1", "sae-a", "nobody", "destination unknown"],
    ["sae-c", "tn-2", "nobody", "sae-c", "source unknown"],
    ["sae-a", "tn-1", "nobody", "nobody", "destination unknown"],
  ])("of %s at %s, from %s to %s: %s", (self, node, source, destination, expected) => {
    expect(peerTold(self, node, source, destination)).toBe(expected);
  });
});
