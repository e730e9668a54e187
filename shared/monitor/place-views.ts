/** Nodes and sites: what their objects have answered. */
import type { MonitorLink, MonitorNode, MonitorSite } from "../api/monitor-schemas.ts";
import { instant } from "../instant.ts";
import { judge, NODE_LINES, SITE_LINES } from "./health.ts";
import type { WatchedNode, WatchedSite } from "./network.ts";
import type { Seen } from "./seen.ts";

/** @param links its own */
export function nodeView(node: WatchedNode, links: readonly MonitorLink[], { answers, network }: Seen): MonitorNode {
  const isHosted = node.url === null;
  const status = answers.nodes.get(node.id) ?? null;
  const ipsec = answers.ipsec.get(node.id) ?? null;
  const view = {
    id: node.id,
    hosted: isHosted,
    url: node.url,
    site: node.site,
    saes: node.saes,
    relay_enabled: network.isRelayEnabled,
    neighbours: [...node.neighbours],
    ipsec: ipsec === null ? null : { entries: ipsec.entries, failed: ipsec.failed, rekeys: ipsec.rekeys },
    relays: status === null ? null : relayCounts(status.relays.keys),
  };
  const missing = [
    ...(isHosted && status === null ? ["the node"] : []),
    ...(node.hasIpsecHost && ipsec === null ? ["its IPsec host's object"] : []),
  ];
  const facts = { node: view, missing, links: links.map(({ health }) => health) };
  return { ...view, ...judge(NODE_LINES, facts), alarms: 0 };
}

const relayCounts = ({
  begun,
  done,
  failed,
}: {
  readonly begun: number;
  readonly done: number;
  readonly failed: Readonly<Partial<Record<string, number>>>;
}) => ({ begun, done, failed: Object.values(failed).reduce<number>((sum, count) => sum + (count ?? 0), 0) });

export function siteView({ id, nodes }: WatchedSite, { answers }: Seen): MonitorSite {
  const status = answers.hubs.get(id) ?? null;
  const view = {
    id,
    nodes: [...nodes],
    agents:
      status?.agents.map(({ agent, state, connectedMs }) => ({
        agent,
        state,
        connected_since: connectedMs === null ? null : instant(connectedMs),
      })) ?? null,
    services: status?.services.map(({ name }) => name) ?? null,
    streams: status?.gauges.streams ?? null,
    waiting_bytes: status?.gauges.waitingBytes ?? null,
  };
  return { ...view, ...judge(SITE_LINES, { site: view, missing: status === null ? ["its hub"] : [] }), alarms: 0 };
}
