/** Nodes as the edge tells the CLI of them; pure. */
import type { HostedNode, ListedNode } from "../../cli/lib/nodes.ts";

export const listedNode = (node: string, more: Partial<ListedNode> = {}): ListedNode => ({
  node,
  hosted: true,
  url: null,
  saes: 0,
  neighbours: [],
  ...more,
});

/** One at rest, that has heard of nobody. */
export const hostedNode = (node: string, more: Partial<HostedNode> = {}): HostedNode => ({
  node,
  hosted: true,
  url: null,
  relay_enabled: true,
  links: [],
  heard: [],
  not_heard: [],
  avoided: [],
  relays: {
    since: "2026-01-01T00:00:00.000Z",
    keys: { begun: 0, done: 0, failed: {} },
    troubles: {},
    steps: { begun: 0, done: 0, failed: {} },
  },
  alarms: [],
  ...more,
});
