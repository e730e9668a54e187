/**
 * Why there is no path: what would have to come back. Links that cannot be used, and nodes of which nothing is heard, are
 * put back at a price that outweighs any number of hops; the cheapest path is then the *way* with the fewest of them. Two
 * links in a row have to come back both, of two side by side one is enough: so further ways are told too, each without what
 * the ones before it need.
 */
import type { LinkId, NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { buildGraph, COST_STEP, type Question } from "./graph.ts";
import { nameOfLink, type NetworkLinks, type UnusableLink } from "./links-of.ts";
import { shortestPath } from "./shortest-path.ts";
import type { Path, RouteLink } from "./types.ts";

/** `not-announced`: by neither of its nodes. `one-sided`: by one of them only. `no-key`: none that relays may take. */
export type UnusableReason = "not-announced" | "one-sided" | "no-key";

export type Missing =
  | { readonly link: LinkId; readonly reason: UnusableReason }
  /** Nothing is heard of it. */
  | { readonly node: NodeId };

export type Cut =
  /** Any one of these ways is enough, once all on it is back; the one that takes the least first. */
  | { readonly kind: "broken"; readonly ways: readonly (readonly Missing[])[] }
  /** Even with all links back, a path would have so many hops, more than `maxHops`. */
  | { readonly kind: "too-long"; readonly hops: number; readonly maxHops: number }
  /** No links lead from one to the other, good or bad. */
  | { readonly kind: "apart" };

/** Of each link, beside what is missing: so the shorter of two ways that miss as much is told. */
const HOP_COST = COST_STEP;
/** Of what is missing. A path passes a node by two links, and each bears half. */
const MISSING_COST = 2 * LIMITS.relayHops * HOP_COST;

/** A node of which nothing is heard is missing itself, and its silence is no fault of its links. Null: nor is anything else. */
export function reasonOf({ silent, isDry }: UnusableLink, mute: ReadonlySet<NodeId>): UnusableReason | null {
  const faults = silent.filter((node) => !mute.has(node)).length;
  if (faults === 0) return isDry ? "no-key" : null;
  return faults === 1 ? "one-sided" : "not-announced";
}

class Ways {
  readonly #mute: ReadonlySet<NodeId>;
  readonly #missing: ReadonlyMap<string, Missing>;
  readonly #links: readonly RouteLink[];

  constructor({ usable, unusable, mute }: NetworkLinks) {
    this.#mute = new Set(mute);
    this.#missing = new Map(
      unusable.flatMap((link) => {
        const reason = reasonOf(link, this.#mute);
        return reason === null ? [] : [[nameOfLink(link), { link: link.link, reason }] as const];
      }),
    );
    this.#links = [...usable, ...unusable].map((link) => ({ ...link, cost: this.#costOf(link) }));
  }

  #costOf(link: Pick<RouteLink, "link" | "nodes">): number {
    const muteEnds = link.nodes.filter((node) => this.#mute.has(node)).length;
    return HOP_COST + (muteEnds / 2 + (this.#missing.has(nameOfLink(link)) ? 1 : 0)) * MISSING_COST;
  }

  /** The way with the least missing, without what is in `given`; among those the shortest. */
  find(nodes: readonly NodeId[], question: Question, given: ReadonlySet<string>): Path | null {
    const links = this.#links.filter((link) => !given.has(nameOfLink(link)));
    return shortestPath(
      buildGraph(
        nodes.filter((node) => !given.has(node)),
        links,
      ),
      question,
    );
  }

  /** What is missing on a path, in its order; and the names that `find` knows it by. */
  missingOn({ nodes, links }: Path): readonly { readonly what: Missing; readonly name: string }[] {
    return nodes.flatMap((node, i) => {
      const [before, link] = [nodes[i - 1], links[i - 1]];
      const name = before === undefined || link === undefined ? "" : nameOfLink({ link, nodes: [before, node] });
      const found = this.#missing.get(name);
      return [
        ...(found === undefined ? [] : [{ what: found, name }]),
        ...(this.#mute.has(node) ? [{ what: { node }, name: node }] : []),
      ];
    });
  }
}

/**
 * Asked where there is no path within `maxHops`; LIMITS.cutWays at most. It builds graphs: some milliseconds in a large
 * network, so ask once per change. The same for the same network.
 *
 * @returns null: nothing separates them, or they are not two nodes of the network
 */
export function cutBetween(nodes: readonly NodeId[], links: NetworkLinks, question: Question): Cut | null {
  const { from, to } = question;
  if (from === to || !nodes.includes(from) || !nodes.includes(to)) return null;
  const search = new Ways(links);
  const near = { from, to, maxHops: Math.min(question.maxHops, LIMITS.relayHops) };
  const given = new Set<string>();
  const ways: (readonly Missing[])[] = [];
  while (ways.length < LIMITS.cutWays) {
    const path = search.find(nodes, near, given);
    if (path === null) break;
    const missing = search.missingOn(path);
    if (missing.length === 0) return null;
    ways.push(missing.map(({ what }) => what));
    for (const { name } of missing) given.add(name);
  }
  if (ways.length > 0) return { kind: "broken", ways };
  const hopsOnly = [...links.usable, ...links.unusable].map((link) => ({ ...link, cost: 1 }));
  const far = shortestPath(buildGraph(nodes, hopsOnly), { from, to, maxHops: nodes.length });
  return far === null ? { kind: "apart" } : { kind: "too-long", hops: far.links.length, maxHops: near.maxHops };
}

const REASONS: Readonly<Record<UnusableReason, string>> = {
  "not-announced": "announced by neither of its nodes",
  "one-sided": "announced by one of its nodes only",
  "no-key": "no key for relays",
};

const wordsOf = (missing: Missing): string =>
  "node" in missing ? `node ${missing.node} (not heard of)` : `link ${missing.link} (${REASONS[missing.reason]})`;

function wayWords(way: readonly Missing[]): string {
  const more = way.length - LIMITS.cutNames;
  const named = way.slice(0, LIMITS.cutNames).map(wordsOf).join(" and ");
  return more > 0 ? `${named} and ${more} more` : named;
}

/**
 * For a message or `status`: one text a way.
 * @param bound who says how many hops a path may have
 */
export function cutWords(cut: Cut, bound = "policy.relay.max_hops"): readonly string[] {
  if (cut.kind === "broken") return cut.ways.map(wayWords);
  if (cut.kind === "apart") return ["no links between them"];
  return [`the shortest path has ${cut.hops} hops, ${bound} is ${cut.maxHops}`];
}
