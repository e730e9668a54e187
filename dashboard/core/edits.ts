/** Changes of a network document, as functions of it: what was drawn up on one version can be tried on a later one. */
import type { LinkEntry, NetworkDocument, SaeEntry } from "../../shared/network/document.ts";
import { pairOfLink } from "../../shared/network/lookup.ts";

export interface Edit {
  /** What it does, for a title: "Cut link tn-1-tn-2". */
  readonly title: string;
  readonly change: (document: NetworkDocument) => NetworkDocument;
}

/** Puts an entry in place of the one with that id, or at the end where there is none. */
function put<T extends { readonly id: string }>(entries: readonly T[], entry: T): T[] {
  return entries.some(({ id }) => id === entry.id)
    ? entries.map((each) => (each.id === entry.id ? entry : each))
    : [...entries, entry];
}

/** At the end. Where its id is taken the document's rules say so: what is there stays as it is. */
export const addLink = (link: LinkEntry): Edit => ({
  title: `Add link ${link.id}`,
  change: (document) => ({ ...document, links: [...document.links, link] }),
});

export const putLink = (link: LinkEntry, title: string): Edit => ({
  title,
  change: (document) => ({ ...document, links: put(document.links, link) }),
});

/** @param verb "Cut" where it is to come back, "Remove" else: the document is the same */
export const removeLink = (id: string, verb: "Cut" | "Remove"): Edit => ({
  title: `${verb} link ${id}`,
  change: (document) => ({ ...document, links: document.links.filter((link) => link.id !== id) }),
});

/** As {@link addLink}. */
export const addSae = (sae: SaeEntry): Edit => ({
  title: `Add SAE ${sae.id}`,
  change: (document) => ({ ...document, saes: [...document.saes, sae] }),
});

export const putSae = (sae: SaeEntry, title: string): Edit => ({
  title,
  change: (document) => ({ ...document, saes: put(document.saes, sae) }),
});

export const removeSae = (id: string): Edit => ({
  title: `Remove SAE ${id}`,
  change: (document) => ({ ...document, saes: document.saes.filter((sae) => sae.id !== id) }),
});

/** How much of the pulses somebody on a simulated line intercepts. */
export const eavesdrop = (id: string, share: number): Edit => ({
  title: share === 0 ? `Eavesdropper off link ${id}` : `Eavesdropper on link ${id}`,
  change: (document) => ({
    ...document,
    links: document.links.map((link) =>
      link.id === id && link.module !== undefined ? { ...link, module: { ...link.module, eve_share: share } } : link,
    ),
  }),
});

/** Links that earlier versions had and this one has not, though both their nodes are there: they could be put back. */
export function cutLinks(earlier: readonly NetworkDocument[], document: NetworkDocument): readonly LinkEntry[] {
  const nodes = new Set(document.nodes.map(({ id }) => id));
  const taken = new Set(document.links.flatMap((link) => [link.id, pairOfLink(link)]));
  const cut = new Map<string, LinkEntry>();
  for (const link of earlier.flatMap(({ links }) => links)) {
    const fits = link.nodes.every((node) => nodes.has(node));
    if (fits && !taken.has(link.id) && !taken.has(pairOfLink(link))) cut.set(pairOfLink(link), link);
  }
  return [...cut.values()];
}
