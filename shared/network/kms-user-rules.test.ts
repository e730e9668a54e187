import { expect, test } from "vitest";
import { remoteNode, saeAt, twoNodes } from "../../test/support/network-document.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

type Client = NonNullable<NetworkDocumentInput["kms_clients"]>[number];
type User = NonNullable<NetworkDocumentInput["kms_users"]>[number];
const HASH = `$scrypt$ln=15,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
const client = (more: Partial<Client> = {}): Client => ({ id: "app", secret: HASH, grants: ["password"], ...more });
const user = (more: Partial<User> = {}): User => ({ id: "ann", password: HASH, node: "tn-1", ...more });

const NODES: NetworkDocumentInput["nodes"] = [{ id: "tn-1", kms_site_id: "A", kms_sae: "a" }, { id: "tn-2" }];
function faultsOf(more: Partial<NetworkDocumentInput>) {
  const result = validateNetwork({ ...twoNodes({ nodes: NODES }), ...more });
  return result.ok ? [] : (result.error.details ?? []).map(({ pointer, message }) => [pointer, message]);
}

test("clients and users of served sites are taken", () => {
  const kms_clients = [
    client({ grants: ["client_credentials", "refresh_token"], node: "tn-1" }),
    client({ id: "other" }),
  ];
  expect(faultsOf({ kms_clients, kms_users: [user(), user({ id: "bob", clients: ["app", "other"] })] })).toEqual([]);
});

test("a site has an id that no other site or node has", () => {
  const nodes = [
    { id: "tn-1", kms_site_id: "B" },
    { id: "tn-2", kms_site_id: "B" },
    { id: "tn-3", kms_site_id: "tn-1" },
  ];
  expect(faultsOf({ nodes })).toEqual([
    ["/nodes/1/kms_site_id", "the same kms_site_id as /nodes/0"],
    ["/nodes/2/kms_site_id", "the same as the id of /nodes/0"],
  ]);
  expect(faultsOf({ nodes: [{ id: "tn-1", kms_site_id: "tn-1" }, { id: "tn-2" }] })).toEqual([]);
});

test("a site's SAE is one of its node's, here or elsewhere", () => {
  const nodes = [
    { id: "tn-1", kms_sae: "c" },
    { id: "tn-2", kms_sae: "none" },
    { ...remoteNode("far", { saes: ["r"] }), kms_sae: "r" },
    { ...remoteNode("farther", { ed25519: `${"B".repeat(42)}A=`, saes: [] }), kms_sae: "a" },
  ];
  const saes = [saeAt("a", "tn-1"), saeAt("c", "tn-2")];
  const kms = faultsOf({ nodes, saes }).filter(([pointer]) => JSON.stringify(pointer).includes("kms_sae"));
  expect(kms).toEqual([
    ["/nodes/0/kms_sae", "no SAE at tn-1 has the id c"],
    ["/nodes/1/kms_sae", "no SAE at tn-2 has the id none"],
    ["/nodes/3/kms_sae", "no SAE at farther has the id a"],
  ]);
});

test("accounts have ids of their own, and places where they can get keys", () => {
  const nodes = [...NODES, { ...remoteNode("far", { saes: ["r"] }), kms_sae: "r" }];
  const kms_clients = [
    client({ id: "ann" }),
    client({ id: "x", grants: ["client_credentials"] }),
    client({ id: "y", node: "tn-1" }),
    client({ id: "z", grants: ["client_credentials"], node: "nowhere" }),
    client({ id: "z" }),
  ];
  const kms_users = [
    user(),
    user({ id: "bob", node: "tn-2" }),
    user({ id: "bob", node: "far", clients: ["x", "none"] }),
    user({ id: "eve", node: "nowhere" }),
  ];
  expect(faultsOf({ nodes, kms_clients, kms_users })).toEqual([
    ["/kms_clients/4/id", "the same id as /kms_clients/3"],
    ["/kms_users/2/id", "the same id as /kms_users/1"],
    ["/kms_users/0/id", "the same as the id of /kms_clients/0"],
    ["/kms_clients/1/node", "missing: the grant client_credentials needs it"],
    ["/kms_clients/2/node", "is for the grant client_credentials"],
    ["/kms_clients/3/node", "no node has the id nowhere"],
    ["/kms_users/1/node", "tn-2 has no kms_sae"],
    ["/kms_users/2/node", "far is hosted elsewhere"],
    ["/kms_users/3/node", "no node has the id nowhere"],
    ["/kms_users/2/clients/1", "no client of the KMS API has the id none"],
  ]);
});

test("a secret stands there as a slow hash or not at all, and is never quoted", () => {
  const faults = faultsOf({
    kms_clients: [client({ secret: "password" })],
    kms_users: [user({ password: `${HASH}x` })],
  });
  expect(faults.map(([pointer]) => pointer)).toEqual(["/kms_clients/0/secret", "/kms_users/0/password"]);
  expect(JSON.stringify(faults)).not.toContain('"password"');
});
