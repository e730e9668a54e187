/**
 * Which links nodes hosted here have, the network document says and not they: a node may not have been woken up, or not been
 * heard since a link came or went. How much key a link has that they have not spoken of is found out by trying.
 */
import type { NodeId } from "../../shared/ids.ts";
import type { LinkEnds } from "../../shared/routing/links-of.ts";
import type { Advertisement, LinkState } from "../../shared/routing/types.ts";
import { UNKNOWN_BITS } from "./own-links.ts";

export type Word = Pick<Advertisement, "node" | "links">;

/** @param words of hosted nodes and others @returns theirs, those of hosted nodes completed: one of each */
export function withDocumented(
  words: readonly Word[],
  hosted: readonly NodeId[],
  documented: readonly LinkEnds[],
): readonly Word[] {
  const own = linksByNode(documented);
  const unspoken = new Set(hosted);
  const completed = words.map((word) =>
    unspoken.delete(word.node) ? completedBy(word, own.get(word.node) ?? []) : word,
  );
  return [...completed, ...[...unspoken].map((node) => ({ node, links: own.get(node) ?? [] }))];
}

function linksByNode(documented: readonly LinkEnds[]): ReadonlyMap<NodeId, readonly LinkState[]> {
  const own = new Map<NodeId, LinkState[]>();
  const add = (node: NodeId, { link }: LinkEnds, peer: NodeId): void => {
    const state = { link, peer, availableBits: UNKNOWN_BITS, keyRateBps: 0, qber: null };
    const known = own.get(node);
    if (known === undefined) own.set(node, [state]);
    else known.push(state);
  };
  for (const link of documented) {
    const [a, b] = link.nodes;
    add(a, link, b);
    add(b, link, a);
  }
  return own;
}

function completedBy(word: Word, own: readonly LinkState[]): Word {
  const said = new Map(word.links.map((state) => [state.link, state]));
  return { ...word, links: own.map((link) => said.get(link.link) ?? link) };
}
