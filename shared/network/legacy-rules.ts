/** Rules of a network document about neighbours that run qkd-trusted-node. */
import { siteOf } from "../auth/policy.ts";
import type { PointerFault } from "./directory-types.ts";
import type { LegacyNodeEntry } from "./document.ts";
import { ownIdOf } from "./legacy-view.ts";
import { type Entry, repeated, type Sections, unknownNode } from "./rule-parts.ts";

export const legacyRules = [
  (s: Sections) => repeated(s.legacyNodes, "id", ({ id }) => id),
  atHostedNodes,
  ownIds,
  legacySaes,
  links,
] as const;

/** It is our node that its KME and its requests are reached from. */
function atHostedNodes(sections: Sections): PointerFault[] {
  const { nodes, legacyNodes } = sections;
  const elsewhere = new Set(nodes.filter(({ value }) => value.remote !== undefined).map(({ value }) => value.id));
  return legacyNodes.flatMap(({ pointer, value: { id, node } }) => [
    ...unknownNode(pointer, "node", node, sections),
    ...(elsewhere.has(node) ? [{ pointer: `${pointer}/node`, message: `${node} is hosted elsewhere` }] : []),
    ...(sections.nodeIds.has(id) ? [{ pointer: `${pointer}/id`, message: "a node has this id" }] : []),
  ]);
}

/** Neighbours of one node tell each other of it: by one name. Two nodes with one name would be one to them. */
function ownIds({ legacyNodes }: Sections): PointerFault[] {
  const ids = new Set(legacyNodes.map(({ value: { id } }) => id));
  const firstByNode = new Map<string, Entry<LegacyNodeEntry>>();
  const nodeByName = new Map<string, string>();
  return legacyNodes.flatMap((entry) => {
    const { node } = entry.value;
    const [name, at] = [ownIdOf(entry.value), `${entry.pointer}/own_id`];
    const first = firstByNode.get(node) ?? entry;
    firstByNode.set(node, first);
    if (ownIdOf(first.value) !== name)
      return [{ pointer: at, message: `another than of ${first.pointer}, at the same node` }];
    const owner = nodeByName.get(name) ?? node;
    nodeByName.set(name, owner);
    if (owner !== node) return [{ pointer: at, message: `the same as of node ${owner}` }];
    return ids.has(name) ? [{ pointer: at, message: "the id of a neighbour" }] : [];
  });
}

/** Who could speak for an SAE of ours, or of another's, would get its keys. */
function legacySaes({ nodes, saes, kmsPeers, legacyNodes }: Sections): PointerFault[] {
  const listed = [
    ...nodes.map(({ pointer, value }) => ({ pointer: `${pointer}/remote`, saes: value.remote?.saes ?? [] })),
    ...kmsPeers.map(({ pointer, value }) => ({ pointer, saes: value.saes })),
    ...legacyNodes.map(({ pointer, value }) => ({ pointer, saes: value.saes })),
  ];
  const first = new Map(saes.map(({ pointer, value }) => [value.id, pointer]));
  const faults = listed.flatMap(({ pointer, saes: ids }) =>
    ids.flatMap((sae, index) => {
      const at = `${pointer}/saes/${index}`;
      const earlier = first.get(sae);
      if (earlier === undefined) first.set(sae, at);
      return earlier === undefined ? [] : [{ pointer: at, message: `the same SAE as ${earlier}` }];
    }),
  );
  // Of the others their own rules tell.
  return faults.filter(({ pointer }) => pointer.startsWith("/legacy_nodes/"));
}

/** A KME serves one link, and one end of it. */
function links({ nodes, legacyNodes }: Sections): PointerFault[] {
  const sites = new Map(nodes.map(({ value }) => [value.id, siteOf(value)]));
  return [
    ...legacyNodes.flatMap(({ pointer, value: { link } }) =>
      link.kme_id === link.peer_kme_id
        ? [{ pointer: `${pointer}/link/peer_kme_id`, message: "the KME of the other end" }]
        : [],
    ),
    ...legacyNodes.flatMap(({ pointer, value: { service, link } }) =>
      service === link.service
        ? [{ pointer: `${pointer}/link/service`, message: "leads to the neighbour itself" }]
        : [],
    ),
    ...repeated(legacyNodes, "link", ({ link }) => link.kme_id, "the same kme_id"),
    ...repeated(
      legacyNodes,
      "link/service",
      ({ node, link }) => `${sites.get(node) ?? node} ${link.service}`,
      "the same service",
    ),
  ];
}
