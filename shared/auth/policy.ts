/**
 * What a principal may do: one table, role x action. Where an action concerns a node or link, `servesNode` and
 * `servesLink` narrow it further for agents and nodes.
 */
import type { LinkEntry, NodeEntry } from "../network/document.ts";
import type { AuthenticatedBy, Principal, Role } from "./principal.ts";

/** Every action with the roles that may do it. Token scopes name these actions too. */
export const ROLES_BY_ACTION = {
  "keys.status": ["sae", "kms-user"],
  "keys.enc": ["sae", "kms-user"],
  "keys.dec": ["sae", "kms-user"],
  /** Open-QKD-Network's newkey and getkey. */
  "kms.use": ["kms-user"],
  /** ETSI GS QKD 004 in every binding: the three calls. */
  "streams.use": ["sae"],
  /** To meet another SAE, and send it what the two have sealed. */
  "rooms.use": ["sae"],
  /** Questions of a neighbour that runs qkd-trusted-node. */
  "legacy.ask": ["legacy"],
  /** ETSI GS QKD 020: to hand over keys, and take them back. */
  "kmapi.use": ["kms"],
  /** To name the SAE behind a site agent: whose mTLS it ended on-prem, or whose client shows no credentials. */
  "saes.assert": ["agent"],
  "network.read": ["operator"],
  "network.write": ["operator"],
  /** What nodes hear of each other, how they would relay, and what they suffer. */
  "nodes.read": ["operator"],
  "revocations.read": ["operator"],
  "revocations.write": ["operator"],
  "links.read": ["operator", "agent", "node", "controller"],
  "links.prefill": ["operator"],
  /** The deployment at one glance, its figures of late and its alarms. */
  "monitor.read": ["operator"],
  /** A token with this scope alone is all that Prometheus needs. */
  "metrics.read": ["operator"],
  "alarms.clear": ["operator"],
  /** To note that one has seen an alarm of the deployment: it goes on standing. */
  "alarms.acknowledge": ["operator"],
  /** To make an installation of an agent known, with a token made for that. */
  "agents.enrol": ["agent"],
  "agents.expel": ["operator"],
  "sites.read": ["operator", "agent"],
  /** To tell the audit log and the site's alarms what an agent has seen: of its own site only. */
  "sites.report": ["agent"],
  /** HTTP to what a site's agent exposes. */
  "services.use": ["operator", "agent"],
  "blocks.push": ["operator", "agent", "node"],
  /** SPD and SAD entries of a node's IPsec host: agents of their own site's nodes only. */
  "ipsec.write": ["controller", "operator", "agent"],
  "ipsec.read": ["controller", "operator", "agent"],
  /** What the IPsec host told its agent. */
  "ipsec.notify": ["agent"],
  "audit.read": ["operator"],
  "epochs.read": ["operator"],
  "epochs.write": ["operator"],
} as const satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof ROLES_BY_ACTION;

/** Is this text, such as a token's scope, the name of an action? */
export const isAction = (text: string): text is Action => Object.hasOwn(ROLES_BY_ACTION, text);

/** Is it something that operators do? */
export const isOperators = (action: string | null): boolean =>
  action !== null && isAction(action) && (ROLES_BY_ACTION[action] as readonly Role[]).includes("operator");

/** Who shows the bootstrap secret. The network document may hold no operator of this id. */
export const BOOTSTRAP_OPERATOR = { role: "operator", id: "bootstrap", by: "bootstrap" } as const satisfies Principal;
/**
 * Who started the engine on this machine, by the unix socket that only its owner reaches: it has to know which nodes
 * want a KME front, and its gateway which sites expose what, whatever became of the operators' tokens. The network document may hold no operator of this id.
 */
export const STARTER_OPERATOR = { role: "operator", id: "starter", by: "starter" } as const satisfies Principal;
/** Proofs that are good for some actions only: the bootstrap secret exists to write the first network document. */
const ACTIONS_BY_PROOF: Readonly<Partial<Record<AuthenticatedBy, readonly Action[]>>> = {
  bootstrap: ["network.read", "network.write"],
  starter: ["network.read", "links.read", "sites.read"],
};
/** What an agent may do by the token that came with its connection: all but to enrol others. */
export const ACCESS_SCOPES: readonly Action[] = (Object.keys(ROLES_BY_ACTION) as Action[]).filter(
  (action) => action !== "agents.enrol" && (ROLES_BY_ACTION[action] as readonly Role[]).includes("agent"),
);
/** What an SAE that was moved or removed may still do until its drain ends. */
const DRAINED_ACTIONS: readonly Action[] = ["keys.dec"];

export interface Grant {
  readonly principal: Principal;
  /** Actions its token is limited to; null: all its role may do. */
  readonly scopes: readonly string[] | null;
  /** The SAE is draining where it calls: it may fetch pending keys, nothing more. */
  readonly drained: boolean;
}

/** May this caller do this at all? */
export function allows(grant: Grant, action: Action): boolean {
  const roles: readonly Role[] = ROLES_BY_ACTION[action];
  return (
    roles.includes(grant.principal.role) &&
    (ACTIONS_BY_PROOF[grant.principal.by]?.includes(action) ?? true) &&
    (!grant.drained || DRAINED_ACTIONS.includes(action)) &&
    (grant.scopes === null || grant.scopes.includes(action))
  );
}

/** The site whose agent serves a node. */
export const siteOf = (node: Pick<NodeEntry, "id" | "site">): string => node.site ?? node.id;

/** May this caller act for this node (push its blocks, say)? Operators for all, agents for their site's, a node for itself. */
export function servesNode(principal: Principal, node: Pick<NodeEntry, "id" | "site">): boolean {
  switch (principal.role) {
    case "operator":
      return true;
    case "agent":
      return principal.site === siteOf(node);
    case "node":
      return principal.id === node.id;
    default:
      return false;
  }
}

/** May this caller see this link? Controllers see all; others as `servesNode` of either end. */
export function servesLink(
  principal: Principal,
  link: Pick<LinkEntry, "nodes">,
  nodeOf: (id: string) => Pick<NodeEntry, "id" | "site"> | undefined,
): boolean {
  if (principal.role === "controller") return true;
  return link.nodes.some((id) => {
    const node = nodeOf(id);
    return node !== undefined && servesNode(principal, node);
  });
}
