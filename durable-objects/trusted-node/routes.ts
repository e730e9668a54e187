/** Which way to another node: over what the network document has and what the nodes say of their links at present. */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { RelayRoute } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { alternatives } from "../../shared/routing/alternatives.ts";
import { cutBetween, cutWords } from "../../shared/routing/cut.ts";
import { countDisjointPaths, disjointPaths } from "../../shared/routing/disjoint-paths.ts";
import { buildGraph, type Graph, type Question } from "../../shared/routing/graph.ts";
import { type LinkEnds, linksOf, type NetworkLinks } from "../../shared/routing/links-of.ts";
import { REAL_TO_TOLD } from "../../shared/routing/flood/levels.ts";
import { shortestPath } from "../../shared/routing/shortest-path.ts";
import type { Path, RouteLink } from "../../shared/routing/types.ts";
import type { Avoided } from "./avoided.ts";
import type { NodeNetwork } from "./node-network.ts";
import { withDocumented, type Word } from "./documented-words.ts";
import { SpareBits } from "./spare-bits.ts";

export interface RouteWish {
  readonly target: NodeId;
  readonly disjointPaths: number;
  readonly maxHops?: number;
  /**
   * Over links and nodes that failed a moment ago, where there is no other way: a link may have some key again, or enough
   * for less, and a node may have been started anew meanwhile.
   */
  readonly orAvoided?: boolean;
  /** What each link is to give: by those that tell of less, what the links before them have given would be lost. */
  readonly bytes?: number;
}

/** The network as a graph; made anew once anything it is made of has changed. */
interface Known {
  readonly sequence: number;
  readonly version: number;
  readonly nodes: readonly NodeId[];
  readonly links: NetworkLinks;
  readonly spare: SpareBits;
  readonly graph: Graph;
}

export class Routes {
  readonly #node: NodeId;
  readonly #network: NodeNetwork;
  readonly #avoided: Avoided;
  readonly #words: () => { readonly version: number; readonly words: readonly Word[] };
  readonly #nowMs: () => number;
  #known: Known | null = null;

  /** @param words what nodes say of their links, and a number that changes with it */
  constructor(parts: {
    readonly node: NodeId;
    readonly network: NodeNetwork;
    readonly avoided: Avoided;
    readonly words: () => { readonly version: number; readonly words: readonly Word[] };
    readonly nowMs: () => number;
  }) {
    this.#node = parts.node;
    this.#network = parts.network;
    this.#avoided = parts.avoided;
    this.#words = parts.words;
    this.#nowMs = parts.nowMs;
  }

  /** The paths for one relay, one a share, around what has just failed. A pair's own link is no relay, but may be a share. */
  forRelay(wish: RouteWish): Result<readonly Path[], Fault> {
    const around = this.#around(wish, true);
    if (around.ok || wish.orAvoided !== true) return around;
    return this.#around(wish, false);
  }

  /** What relays may take of each of the links of these paths, as far as it is known: it was told a second ago or two. */
  spareBytes(paths: readonly Path[]): number {
    return Math.floor(this.#now().spare.least(paths) / 8);
  }

  #around(wish: RouteWish, avoids: boolean): Result<readonly Path[], Fault> {
    const { nodes, links } = this.#now();
    const nowMs = this.#nowMs();
    // Around its two ends there is no way.
    const isBetween = (node: NodeId) => node !== this.#node && node !== wish.target;
    const hasFailed = ({ link, nodes: ends }: LinkEnds) =>
      this.#avoided.hasLink(link, nowMs) || ends.some((node) => isBetween(node) && this.#avoided.hasNode(node, nowMs));
    const isOpen = ({ link, nodes: ends }: RouteLink) =>
      !(avoids && hasFailed({ link, nodes: ends })) &&
      this.#mayGive({ link, nodes: ends }, wish) &&
      (wish.disjointPaths > 1 || !this.#joins(ends, wish.target));
    const graph = buildGraph(nodes, links.usable.filter(isOpen));
    const question = this.#question(wish);
    if (wish.disjointPaths > 1) {
      const found = disjointPaths(graph, { ...question, count: wish.disjointPaths });
      return found === null ? err(this.#noPath(wish)) : ok(found);
    }
    const path = shortestPath(graph, question);
    return path === null ? err(this.#noPath(wish)) : ok([path]);
  }

  #mayGive(link: LinkEnds, { bytes = 0 }: RouteWish): boolean {
    return this.#now().spare.of(link) * REAL_TO_TOLD >= bytes * 8;
  }

  /** The network's links as they are judged at present. */
  links(): NetworkLinks {
    return this.#now().links;
  }

  /** For people, and for wishes of requests: what there is, whether or not it failed a moment ago. */
  describe(wish: RouteWish): RelayRoute {
    const { nodes, links, graph } = this.#now();
    const question = this.#question(wish);
    const paths =
      wish.disjointPaths > 1
        ? (disjointPaths(graph, { ...question, count: wish.disjointPaths }) ?? [])
        : alternatives(graph, { ...question, count: this.#network.view.policy.relay.alternatives });
    const cut = paths.length > 0 ? null : cutBetween(nodes, links, question);
    const tooFew = paths.length > 0 || cut !== null ? null : this.#tooFew(wish);
    const fewer = paths.length > 0 ? null : this.#fewer(wish);
    return {
      paths,
      ...(fewer === null ? {} : { fewer }),
      cut: cut === null ? (tooFew === null ? [] : [tooFew]) : cutWords(cut, this.#boundOf(wish)),
      custody: this.#custodyOf(paths),
    };
  }

  /** Null: there may be as many as are wished for, once the links have key. */
  #fewer(wish: RouteWish): readonly Path[] | null {
    if (wish.disjointPaths === 1) return null;
    const { nodes, links } = this.#now();
    const graph = buildGraph(nodes, [...links.usable, ...links.unusable.map((link) => ({ ...link, cost: 1 }))]);
    const question = this.#question(wish);
    const most = countDisjointPaths(graph, question, wish.disjointPaths);
    return most === 0 || most === wish.disjointPaths ? null : disjointPaths(graph, { ...question, count: most });
  }

  #custodyOf(paths: readonly Path[]): RelayRoute["custody"] {
    const passed = paths.flatMap(({ nodes }) => nodes);
    return passed.some((node) => this.#network.node(node)?.remote != null) ? "between" : "within-deployment";
  }

  #noPath(wish: RouteWish): Fault {
    const { nodes, links } = this.#now();
    const question = this.#question(wish);
    const to = `to ${wish.target}`;
    const tooFew = this.#tooFew(wish);
    if (tooFew !== null) return retried(fault("no-path", `${tooFew} ${to} are there`));
    const { own, others } = this.#withoutOwn(wish, links);
    const cut = cutBetween(nodes, others, question);
    if (cut?.kind === "apart" && own !== null) return retried(fault("no-path", `no way around link ${own}`));
    if (cut === null) {
      const isShort = others.usable.some((link) => !this.#mayGive(link, wish));
      if (isShort)
        return retried(fault("link-budget", `links of all paths ${to} have less key for relays than is wanted`));
      return retried(fault("no-path", `all paths ${to} failed a moment ago`));
    }
    const words = cutWords(cut, this.#boundOf(wish));
    const details = words.map((missing) => ({ missing }));
    return retried(fault("no-path", `no path ${to}: ${words[0] ?? "cut off"}`, details));
  }

  #question({ target, maxHops }: RouteWish): Question {
    const most = this.#network.view.policy.relay.max_hops;
    return { from: this.#node, to: target, maxHops: Math.min(maxHops ?? most, most) };
  }

  /** Null: as many as are wished for join the two, failed or not and however long; or one is. */
  #tooFew(wish: RouteWish): string | null {
    if (wish.disjointPaths === 1) return null;
    const count = countDisjointPaths(this.#now().graph, this.#question(wish), wish.disjointPaths);
    return count === wish.disjointPaths ? null : `${count} of ${wish.disjointPaths} node-disjoint paths`;
  }

  /** A key over one path is relayed: the link that joins the two, should there be one, is no such path. */
  #withoutOwn({ disjointPaths: count, target }: RouteWish, links: NetworkLinks) {
    const isOther = ({ nodes }: LinkEnds) => count > 1 || !this.#joins(nodes, target);
    const own = [...links.usable, ...links.unusable].find((link) => !isOther(link))?.link ?? null;
    const others = { ...links, usable: links.usable.filter(isOther), unusable: links.unusable.filter(isOther) };
    return { own, others };
  }

  #boundOf({ maxHops = Infinity }: RouteWish): string {
    return maxHops < this.#network.view.policy.relay.max_hops ? "qkdedge_max_hops" : "policy.relay.max_hops";
  }

  #joins(ends: readonly NodeId[], target: NodeId): boolean {
    return ends.includes(this.#node) && ends.includes(target);
  }

  #now(): Known {
    const { view } = this.#network;
    const { version, words } = this.#words();
    if (this.#known?.sequence === view.sequence && this.#known.version === version) return this.#known;
    const nodes = view.nodes.map(({ id }) => id);
    const documented = view.links.map(({ id, nodes: ends }) => ({ link: id, nodes: ends }));
    const hosted = view.nodes.flatMap(({ id, remote }) => (remote === null ? [id] : []));
    const links = linksOf({
      nodes,
      documented,
      words: withDocumented(words, hosted, documented),
      cost: view.policy.relay.cost,
    });
    const graph = buildGraph(nodes, links.usable);
    this.#known = { sequence: view.sequence, version, nodes, links, spare: new SpareBits(words), graph };
    return this.#known;
  }
}

const retried = (problem: Fault): Fault => ({ ...problem, retryAfterSeconds: 1 });
