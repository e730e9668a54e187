/** What of a network document concerns a node's neighbours that run qkd-trusted-node. */
import { siteOf } from "../auth/policy.ts";
import type { LegacyView } from "../qkd-trusted-node/rpc.ts";
import type { LegacyNodeEntry } from "./document.ts";
import type { Lookup } from "./lookup.ts";

const MS_PER_S = 1000;

/** By which the neighbour knows the node that it is at. */
export const ownIdOf = ({ own_id: own, node }: Pick<LegacyNodeEntry, "own_id" | "node">): string => own ?? node;

/** Null where the node has no such neighbour, or is not hosted here. */
export function legacyViewOf(lookup: Lookup, node: string): LegacyView | null {
  const entry = lookup.nodesById.get(node);
  const entries = (lookup.snapshot.document.legacy_nodes ?? []).filter((legacy) => legacy.node === node);
  const [first] = entries;
  if (entry === undefined || entry.remote !== undefined || first === undefined) return null;
  return {
    node,
    site: siteOf(entry),
    ownId: ownIdOf(first),
    saes: (lookup.saesByNode.get(node) ?? []).map(({ id }) => id),
    neighbours: entries.map(({ id, service, link, saes, key_in_clear: keyInClear }) => ({
      id,
      service,
      kmeService: link.service,
      kmeId: link.kme_id,
      peerKmeId: link.peer_kme_id,
      saes,
      keyInClear,
    })),
    keyTtlMs: lookup.policy.key_ttl_s * MS_PER_S,
    dropsAudit: lookup.policy.audit_overflow === "drop",
  };
}
