/** Rules of a network document about clients and users of the Open-QKD-Network KMS API, and the sites they get keys for. */
import type { PointerFault } from "./directory-types.ts";
import { type Entry, repeated, type Sections, unknownNode } from "./rule-parts.ts";

export const kmsUserRules = [
  siteIds,
  siteSaes,
  (s: Sections) => repeated(s.kmsClients, "id", ({ id }) => id),
  (s: Sections) => repeated(s.kmsUsers, "id", ({ id }) => id),
  accountNames,
  clientNodes,
  (s: Sections) => s.kmsUsers.flatMap(({ pointer, value }) => unservedNode(pointer, value.node, s)),
  userClients,
] as const;

/** A site is called by its id or by its node's: no two by the same. */
function siteIds({ nodes }: Sections): PointerFault[] {
  const byId = new Map(nodes.map(({ pointer, value }) => [value.id, pointer]));
  const others = nodes.flatMap(({ pointer, value: { kms_site_id: siteId } }): PointerFault[] => {
    const owner = byId.get(siteId ?? "") ?? pointer;
    const message = `the same as the id of ${owner}`;
    return owner === pointer ? [] : [{ pointer: `${pointer}/kms_site_id`, message }];
  });
  return [...repeated(nodes, "kms_site_id", ({ kms_site_id: siteId }) => siteId), ...others];
}

/** In its name keys of the site are given: it is attached to that very node, here or, of a remote node, there. */
function siteSaes({ nodes, saes, saeIds }: Sections): PointerFault[] {
  const nodeOf = new Map(saes.map(({ value }) => [value.id, value.node]));
  return nodes.flatMap(({ pointer, value: { id, kms_sae: sae, remote } }) => {
    if (sae === undefined || saeIds === null) return [];
    // Of an SAE whose entry is at fault no more is known than that there is one.
    const isThere =
      remote === undefined ? (nodeOf.get(sae) ?? id) === id && saeIds.has(sae) : remote.saes.includes(sae);
    return isThere ? [] : [{ pointer: `${pointer}/kms_sae`, message: `no SAE at ${id} has the id ${sae}` }];
  });
}

/** Both are `kms-user:<id>` to revocations and to the audit log. */
function accountNames({ kmsClients, kmsUsers }: Sections): PointerFault[] {
  const clients = new Map(kmsClients.map(({ pointer, value }) => [value.id, pointer]));
  return kmsUsers.flatMap(({ pointer, value }) => {
    const client = clients.get(value.id);
    return client === undefined ? [] : [{ pointer: `${pointer}/id`, message: `the same as the id of ${client}` }];
  });
}

function clientNodes(sections: Sections): PointerFault[] {
  return sections.kmsClients.flatMap(({ pointer, value: { grants, node } }) => {
    const isOwn = grants.includes("client_credentials");
    if (node !== undefined && isOwn) return unservedNode(pointer, node, sections);
    if (node === undefined && !isOwn) return [];
    const message = isOwn ? "missing: the grant client_credentials needs it" : "is for the grant client_credentials";
    return [{ pointer: `${pointer}/node`, message }];
  });
}

/** Whoever gets keys there needs an SAE there to get them as. */
function unservedNode(pointer: string, id: string, sections: Sections): PointerFault[] {
  const unknown = unknownNode(pointer, "node", id, sections);
  if (unknown.length > 0) return unknown;
  const node = sections.nodes.find(({ value }) => value.id === id);
  const problem = node === undefined ? null : problemOf(node);
  return problem === null ? [] : [{ pointer: `${pointer}/node`, message: problem }];
}

function problemOf({ value: { id, remote, kms_sae: sae } }: Entry<Sections["nodes"][number]["value"]>): string | null {
  if (remote !== undefined) return `${id} is hosted elsewhere`;
  return sae === undefined ? `${id} has no kms_sae` : null;
}

function userClients({ kmsClients, kmsUsers }: Sections): PointerFault[] {
  const known = new Set(kmsClients.map(({ value }) => value.id));
  return kmsUsers.flatMap(({ pointer, value }) =>
    (value.clients ?? []).flatMap((client, index) =>
      known.has(client)
        ? []
        : [{ pointer: `${pointer}/clients/${index}`, message: `no client of the KMS API has the id ${client}` }],
    ),
  );
}
