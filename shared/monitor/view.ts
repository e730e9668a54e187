/** The deployment at one glance, from what its objects have answered last. Alarms and operations are added by others. */
import type { MonitorAudit, MonitorView } from "../api/monitor-schemas.ts";
import type { AuditRecord } from "../audit/event.ts";
import { instant } from "../instant.ts";
import { nodeView, siteView } from "./place-views.ts";
import { linkView, pairView } from "./pool-views.ts";
import type { Seen } from "./seen.ts";
import { relayViews, streamViews } from "./traffic-views.ts";

export function viewOf(seen: Seen): MonitorView {
  const { network, pairs, audit, nowMs, periodMs } = seen;
  const links = network.links.map((link) => linkView(link, seen));
  const ends = links.flatMap((link) => link.nodes.map((node) => ({ node, link })));
  const byNode = Map.groupBy(ends, ({ node }) => node);
  return {
    at: instant(nowMs),
    sequence: network.sequence,
    document_version: network.documentVersion,
    name: network.name,
    period_ms: periodMs,
    nodes: network.nodes.map((node) => {
      const own = (byNode.get(node.id) ?? []).map(({ link }) => link);
      return nodeView(node, own, seen);
    }),
    links,
    pairs: pairs.map((pair) => pairView(pair, seen)),
    sites: network.sites.map((site) => siteView(site, seen)),
    relays: relayViews(seen),
    streams: streamViews(seen),
    alarms: [],
    operations: [],
    audit: audit.map(auditView),
  };
}

const auditView = ({ node, index, atMs, act, who, detail }: AuditRecord): MonitorAudit => ({
  id: `${node}/${index}`,
  node,
  index,
  at: instant(atMs),
  act,
  who,
  detail: { ...detail },
});
