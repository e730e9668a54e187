/** The part of the network that a hub works from. */
import { siteOf } from "../auth/policy.ts";
import { principalName } from "../auth/principal.ts";
import type { NetworkDocument } from "../network/document.ts";
import { revocationKey } from "../network/lookup.ts";
import type { TunnelView } from "./types.ts";

/** Sites that have a QKD link with this one; itself, where a link joins two of its nodes. */
export function linkedSites({ nodes, links }: Pick<NetworkDocument, "nodes" | "links">, site: string): Set<string> {
  const siteById = new Map(nodes.map((node) => [node.id, siteOf(node)]));
  const linked = new Set<string>();
  for (const link of links) {
    const [one, other] = link.nodes.map((id) => siteById.get(id));
    if (one === site && other !== undefined) linked.add(other);
    if (other === site && one !== undefined) linked.add(one);
  }
  return linked;
}

/** @param revoked `revocationKey` of all that is revoked */
export function tunnelView(
  network: { readonly sequence: number; readonly document: NetworkDocument },
  revoked: ReadonlySet<string>,
  hub: string,
): TunnelView {
  const { sequence, document } = network;
  const trusted = document.agents.filter(
    ({ id, site }) => !revoked.has(revocationKey("principal", principalName({ role: "agent", id, site, by: "token" }))),
  );
  return {
    sequence,
    agents: Object.fromEntries(trusted.map(({ id, site }) => [id, site])),
    linkedSites: [...linkedSites(document, hub)],
  };
}
