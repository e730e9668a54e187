/** Pools of links for tests of relay: numbered bytes, each drawn once, and what became of them. */
import { copyOf } from "../../shared/bytes/copy.ts";
import { toHex } from "../../shared/bytes/hex.ts";
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { type NodeId, pairName, pairOf } from "../../shared/ids.ts";
import { drawnBytesOf } from "../../shared/relay/hop.ts";
import type { LinkDraw, RelayId, RelayTerms } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";

export type Drawn = Result<{ readonly draw: LinkDraw; readonly bytes: Uint8Array }, Fault>;

/** Bytes of a link that were given out: to whom, where they lie, and the array that the node has got. */
export interface HandedOut {
  readonly to: NodeId;
  readonly terms: RelayTerms;
  readonly link: string;
  readonly record: number;
  readonly bytes: Uint8Array;
}

interface Hop {
  readonly by: NodeId;
  readonly terms: RelayTerms;
  readonly draw: LinkDraw;
  readonly from: number;
  readonly material: Uint8Array;
  state: "pending" | "spent" | "expired";
}

/** One link's pool, as both its nodes see it. */
export class LinkModel {
  readonly name: string;
  readonly hops: Hop[] = [];
  readonly handedOut: HandedOut[] = [];
  readonly #random: () => number;
  #drawnBytes = 0;
  #budgetBytes: number;

  constructor(a: NodeId, b: NodeId, random: () => number, budgetBytes = Number.POSITIVE_INFINITY) {
    this.name = pairName(pairOf(a, b));
    this.#random = random;
    this.#budgetBytes = budgetBytes;
  }

  get drawnBytes(): number {
    return this.#drawnBytes;
  }

  draw(by: NodeId, terms: RelayTerms): Drawn {
    const length = drawnBytesOf(terms);
    if (this.#budgetBytes < length) return fail("link-budget", "relays may take no more");
    this.#budgetBytes -= length;
    const material = this.#bytes(length);
    const draw = { shard: 0, record: this.hops.length, nonce: toHex(this.#bytes(8)) };
    this.hops.push({ by, terms, draw, from: this.#drawnBytes, material, state: "pending" });
    this.#drawnBytes += length;
    return ok({ draw, bytes: this.#handOut(by, terms, draw.record, material) });
  }

  /** Once, by the other node, for the same relay. */
  take(by: NodeId, { relay, share }: RelayTerms, draw: LinkDraw, nowMs = 0): Result<Uint8Array, Fault> {
    const hop = this.hops[draw.record];
    const isThere = hop !== undefined && hop.draw.nonce === draw.nonce && hop.by !== by && hop.state === "pending";
    if (!isThere || !isOf(hop.terms, relay, share[0]) || hop.terms.expiresMs <= nowMs) {
      return fail("key-not-found", "there are no such bits");
    }
    hop.state = "spent";
    return ok(this.#handOut(by, hop.terms, draw.record, hop.material));
  }

  expire(nowMs: number): void {
    for (const hop of this.hops) if (hop.state === "pending" && hop.terms.expiresMs <= nowMs) hop.state = "expired";
  }

  #handOut(to: NodeId, terms: RelayTerms, record: number, material: Uint8Array): Uint8Array {
    const bytes = copyOf(material);
    this.handedOut.push({ to, terms, link: this.name, record, bytes });
    return bytes;
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.#random() * 256));
  }
}

const isOf = (terms: RelayTerms, relay: RelayId, share: number): boolean =>
  terms.relay === relay && terms.share[0] === share;

/** The links of a network, by their nodes. */
export class LinkModels {
  readonly links = new Map<string, LinkModel>();

  add(link: LinkModel): void {
    this.links.set(link.name, link);
  }

  between(a: NodeId, b: NodeId): LinkModel {
    const link = this.links.get(pairName(pairOf(a, b)));
    if (link === undefined) throw new Error(`no link joins ${a} and ${b}`);
    return link;
  }

  get handedOut(): HandedOut[] {
    return [...this.links.values()].flatMap(({ handedOut }) => handedOut);
  }
}
