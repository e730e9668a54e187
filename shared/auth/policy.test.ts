import { describe, expect, it } from "vitest";
import type { NodeId, SaeId } from "../ids.ts";
import { allows, isAction, ROLES_BY_ACTION, servesLink, servesNode, type Action, type Grant } from "./policy.ts";
import type { AuthenticatedBy, Principal, Role } from "./principal.ts";

const BY: AuthenticatedBy = "token";
const PRINCIPALS: Record<Role, Principal> = {
  sae: { role: "sae", id: "sae-a" as SaeId, node: "tn-1" as NodeId, by: BY },
  node: { role: "node", id: "tn-1" as NodeId, by: BY },
  agent: { role: "agent", id: "agent-1", site: "site-1", by: BY },
  legacy: { role: "legacy", id: "tn-2-a2b1", node: "tn-1" as NodeId, by: BY },
  kms: { role: "kms", id: "kms-x", node: "tn-1" as NodeId, by: BY },
  "kms-user": { role: "kms-user", id: "pwebb", node: "tn-1" as NodeId, sae: "kms-a" as SaeId, by: "oauth" },
  controller: { role: "controller", id: "sdn", by: BY },
  operator: { role: "operator", id: "alice", by: BY },
};
const ROLES: readonly Role[] = ["sae", "node", "agent", "legacy", "kms", "kms-user", "controller", "operator"];
const grant = (role: Role, more: Partial<Grant> = {}): Grant => ({
  principal: PRINCIPALS[role],
  scopes: null,
  drained: false,
  ...more,
});

/** The table once more, by role and in full: a change must be made twice to go unnoticed. */
const ALLOWED: Record<Role, readonly string[]> = {
  sae: ["keys.status", "keys.enc", "keys.dec", "streams.use", "rooms.use"],
  node: ["links.read", "blocks.push"],
  agent: [
    "saes.assert",
    "links.read",
    "blocks.push",
    "agents.enrol",
    "sites.read",
    "sites.report",
    "services.use",
    "ipsec.write",
    "ipsec.read",
    "ipsec.notify",
  ],
  legacy: ["legacy.ask"],
  kms: ["kmapi.use"],
  "kms-user": ["kms.use", "keys.status", "keys.enc", "keys.dec"],
  controller: ["links.read", "ipsec.write", "ipsec.read"],
  operator: [
    "network.read",
    "network.write",
    "nodes.read",
    "revocations.read",
    "revocations.write",
    "links.read",
    "links.prefill",
    "monitor.read",
    "metrics.read",
    "alarms.clear",
    "alarms.acknowledge",
    "agents.expel",
    "sites.read",
    "services.use",
    "blocks.push",
    "ipsec.write",
    "ipsec.read",
    "audit.read",
    "epochs.read",
    "epochs.write",
  ],
};
const ACTIONS = Object.keys(ROLES_BY_ACTION).filter((name) => isAction(name));
const allowed = (g: Grant): Action[] => ACTIONS.filter((action) => allows(g, action));

describe("policy", () => {
  it.each(ROLES)("lets %s do what its row says, and nothing else", (role) => {
    expect(allowed(grant(role)).sort()).toEqual([...ALLOWED[role]].sort());
  });

  it.each(ROLES)("limits %s to the scopes of its token", (role) => {
    expect(allowed(grant(role, { scopes: [] }))).toEqual([]);
    for (const action of ACTIONS) {
      const can = ALLOWED[role].includes(action);
      expect(allowed(grant(role, { scopes: [action, "no.such"] }))).toEqual(can ? [action] : []);
    }
  });

  it("lets the bootstrap operator read and write the network only", () => {
    const bootstrap = grant("operator", { principal: { role: "operator", id: "bootstrap", by: "bootstrap" } });
    expect(allowed(bootstrap)).toEqual(["network.read", "network.write"]);
  });

  it("lets who started the engine look only", () => {
    const starter = grant("operator", { principal: { role: "operator", id: "starter", by: "starter" } });
    expect(allowed(starter)).toEqual(["network.read", "links.read", "sites.read"]);
  });

  it("lets a draining SAE fetch keys only", () => {
    expect(allowed(grant("sae", { drained: true }))).toEqual(["keys.dec"]);
  });

  it("knows no inherited names as actions", () => {
    expect(isAction("constructor")).toBe(false);
    expect(isAction("keys.enc")).toBe(true);
  });
});

describe("whose node is it", () => {
  const nodes = [{ id: "tn-1", site: "site-1" }, { id: "tn-2" }, { id: "site-1" }];
  const served = (principal: Principal) => nodes.filter((node) => servesNode(principal, node)).map((node) => node.id);

  const nodeOf = (id: string) => nodes.find((node) => node.id === id);

  it("operators': all; agents': their site's; nodes': themselves; others': none", () => {
    expect(served(PRINCIPALS.operator)).toEqual(["tn-1", "tn-2", "site-1"]);
    expect(served(PRINCIPALS.agent)).toEqual(["tn-1", "site-1"]);
    expect(served({ role: "agent", id: "a", site: "tn-2", by: BY })).toEqual(["tn-2"]);
    expect(served(PRINCIPALS.node)).toEqual(["tn-1"]);
    expect(served(PRINCIPALS.sae)).toEqual([]);
    expect(served(PRINCIPALS.controller)).toEqual([]);
  });

  it("a link is its ends'", () => {
    const link = { nodes: ["tn-2", "tn-1"] as [string, string] };
    expect(servesLink(PRINCIPALS.agent, link, nodeOf)).toBe(true);
    expect(servesLink(PRINCIPALS.agent, { nodes: ["tn-2", "tn-9"] }, nodeOf)).toBe(false);
    expect(servesLink(PRINCIPALS.controller, link, nodeOf)).toBe(true);
    expect(servesLink(PRINCIPALS.sae, link, nodeOf)).toBe(false);
  });
});
