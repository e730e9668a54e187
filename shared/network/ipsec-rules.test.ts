import { expect, test } from "vitest";
import { ipsecView, makesAnew, rekeyOf } from "../ipsec/view.ts";
import type { NodeId } from "../ids.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

type Node = NetworkDocumentInput["nodes"][number];
const uuid = (digit: string) => `${digit.repeat(8)}-0000-0000-0000-000000000000`;
const network = (nodes: readonly Node[]): unknown => ({
  nodes,
  links: [],
  saes: [],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
});
const a: Node = { id: "a", uuid: uuid("a"), ipsec: { prefixes: ["10.0.0.11"], addresses: ["192.168.1.11"] } };
const b: Node = { id: "b", uuid: uuid("b"), site: "s", ipsec: { prefixes: ["10.0.0.20/32", "2001:DB8::/64"] } };

const faults = (nodes: readonly Node[]) => {
  const result = validateNetwork(network(nodes));
  return result.ok
    ? []
    : (result.error.details ?? []).map(({ pointer, message }) => `${pointer as string}: ${message as string}`);
};

test("prefixes and addresses each mean one node, and keys need its UUID", () => {
  expect(faults([a, b])).toEqual([]);
  expect(faults([a, { ...b, ipsec: { prefixes: ["10.0.0.11/32"], addresses: ["192.168.1.11"] } }])).toEqual([
    "/nodes/1/ipsec/prefixes/0: the same prefix as /nodes/0/ipsec/prefixes/0",
    "/nodes/1/ipsec/addresses/0: the same address as /nodes/0/ipsec/addresses/0",
  ]);
  expect(faults([a, { id: "b", ipsec: { prefixes: ["192.168.123.300"] } }])).toEqual([
    "/nodes/1/ipsec/prefixes/0: shall be an IP prefix such as 10.0.0.11/32",
    "/nodes/1/uuid: is required of a node with ipsec: keys of its SAs go by it",
  ]);
  expect(faults([a, { ...b, ipsec: { prefixes: [] } }])).toEqual([
    "/nodes/1/ipsec/prefixes: shall have at least one prefix",
  ]);
  expect(faults([a, { ...b, ipsec: { prefixes: ["10.0.0.20"], oops: 1 } as never }])).toHaveLength(1);
});

test("a ProxyAgent sees its own node and those that may be at the other end", () => {
  const valid = validateNetwork(network([a, b, { id: "c" }]));
  if (!valid.ok) throw new Error(valid.error.message);
  const view = ipsecView({ sequence: 3, document: valid.value }, "b" as NodeId);
  expect([view.sequence, view.site, view.own?.id, view.nodes.map(({ id }) => id)]).toEqual([3, "s", "b", ["a", "b"]]);
  expect(view.own).toMatchObject({ prefixes: ["10.0.0.20/32", "2001:db8::/64"], hosted: "here", meetMs: 30_000 });
  expect(view.nodes[0]?.dialect).toEqual({ registry: "iana", compat: "none" });
  expect(ipsecView({ sequence: 3, document: valid.value }, "c" as NodeId).own).toBeNull();
});

const anew = (rekey: boolean | string[]) => ({ ...a, ipsec: { prefixes: ["10.0.0.11"], rekey } });

test("SAs are made anew for all tunnels, for none, or for those to the prefixes named", () => {
  expect(faults([anew(["10.0.0.20", "2001:DB8::/64"]), b])).toEqual([]);
  expect(faults([anew(["10.0.0.11/32", "10.0.0"]), b])).toEqual([
    "/nodes/0/ipsec/rekey/0: is this node's own: shall be the tunnel's other end",
    "/nodes/0/ipsec/rekey/1: shall be an IP prefix such as 10.0.0.11/32",
  ]);
  const [own, other] = ["10.0.0.11/32", "10.0.0.20/32"];
  const to = (destinationPrefix: string) => ({ sourcePrefix: own, destinationPrefix });
  expect([true, false].map((rekey) => makesAnew({ rekey }, to(other)))).toEqual([true, false]);
  const some = { rekey: rekeyOf({ rekey: ["10.0.0.20"] }) };
  expect(makesAnew(some, to(other))).toBe(true);
  expect(makesAnew(some, { sourcePrefix: other, destinationPrefix: own })).toBe(true);
  expect(makesAnew(some, to("10.0.0.21/32"))).toBe(false);
});
