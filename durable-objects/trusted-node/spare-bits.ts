/**
 * What relays may take of each link, by the word of its own two nodes: the less of what they say. A node of another
 * deployment may say what it likes of links that are not its own, and nobody listens.
 */
import { type LinkEnds, nameOfLink } from "../../shared/routing/links-of.ts";
import type { Path } from "../../shared/routing/types.ts";
import type { Word } from "./documented-words.ts";
import { UNKNOWN_BITS } from "./own-links.ts";

export class SpareBits {
  readonly #bits = new Map<string, number>();

  constructor(words: readonly Word[]) {
    for (const { node, links } of words) {
      for (const { link, peer, availableBits } of links) {
        const name = nameOfLink({ link, nodes: [node, peer] });
        this.#bits.set(name, Math.min(this.#bits.get(name) ?? UNKNOWN_BITS, availableBits));
      }
    }
  }

  /** Of a link that nobody has spoken of it is not known. */
  of(link: LinkEnds): number {
    return this.#bits.get(nameOfLink(link)) ?? UNKNOWN_BITS;
  }

  /** Of the link of these paths that has the least. */
  least(paths: readonly Path[]): number {
    const bits = paths.flatMap(({ nodes, links }) =>
      links.flatMap((link, i) => {
        const [from, to] = [nodes[i], nodes[i + 1]];
        return from === undefined || to === undefined ? [] : [this.of({ link, nodes: [from, to] })];
      }),
    );
    return Math.min(UNKNOWN_BITS, ...bits);
  }
}
