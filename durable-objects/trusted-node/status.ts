/** What a node tells its operators, from all that it knows at this moment. */
import type { NodeId } from "../../shared/ids.ts";
import type { OwnRelayView } from "../../shared/network/relay-view.ts";
import type { LinkProblem, NodeStatus, OwnLinkStatus } from "../../shared/relay/node-status.ts";
import { reasonOf } from "../../shared/routing/cut.ts";
import type { NetworkLinks, UnusableLink } from "../../shared/routing/links-of.ts";
import type { Advertisement, LinkState } from "../../shared/routing/types.ts";
import { UNKNOWN_BITS } from "./own-links.ts";

export interface Known extends Pick<NodeStatus, "node" | "avoided" | "relays" | "recent" | "alarms"> {
  readonly view: OwnRelayView;
  readonly judged: NetworkLinks;
  /** The newest of each node, of this one too. */
  readonly words: readonly Advertisement[];
}

export function nodeStatus(known: Known): NodeStatus {
  const { node, view, words, avoided, relays, recent, alarms } = known;
  const heard = new Map(words.map((word) => [word.node, word]));
  const others = view.nodes.filter(({ id }) => id !== node);
  return {
    node,
    isRelayEnabled: view.policy.relay.enabled,
    links: ownLinks(known, heard.get(node)?.links ?? []),
    heard: others.flatMap(({ id, remote }) => {
      const word = heard.get(id);
      if (word === undefined) return [];
      const { sequence, ageMs, links, saes, signature } = word;
      const [isHosted, isSigned] = [remote === null, signature !== null];
      return [{ node: id, isHosted, sequence, ageMs, links: links.length, saes: saes.length, isSigned }];
    }),
    unheard: others.flatMap(({ id, remote }) => (heard.has(id) ? [] : [{ node: id, isHosted: remote === null }])),
    avoided,
    relays,
    ...(recent === undefined ? {} : { recent }),
    alarms,
  };
}

function ownLinks({ node, view, judged }: Known, told: readonly LinkState[]): readonly OwnLinkStatus[] {
  const states = new Map(told.map((state) => [state.link, state]));
  const problems = problemsOf(judged);
  return view.links
    .filter(({ nodes }) => nodes.includes(node))
    .map(({ id, nodes: [a, b] }) => ({
      link: id,
      peer: a === node ? b : a,
      state: stateOf(states.get(id)),
      problem: problems.get(id) ?? null,
    }));
}

function problemsOf({ unusable, mute }: NetworkLinks): ReadonlyMap<string, LinkProblem> {
  const unheard = new Set<NodeId>(mute);
  const problemOf = (link: UnusableLink): LinkProblem =>
    // Whatever else it lacks, it cannot come back before that node does.
    link.silent.some((end) => unheard.has(end)) ? "peer-not-heard" : (reasonOf(link, unheard) ?? "peer-not-heard");
  return new Map(unusable.map((link) => [link.link, problemOf(link)]));
}

function stateOf(told: LinkState | undefined): OwnLinkStatus["state"] {
  if (told === undefined || told.availableBits === UNKNOWN_BITS) return null;
  const { availableBits, keyRateBps, qber } = told;
  return { availableBits, keyRateBps, qber };
}
