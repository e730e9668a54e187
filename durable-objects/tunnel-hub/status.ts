/** What a hub tells of itself. */
import type { EnrolledAgent, TunnelStatus } from "../../shared/tunnel/types.ts";
import type { HubParts, ServiceTable } from "./parts.ts";

export function statusOf(parts: HubParts, services: ServiceTable, streams: number): TunnelStatus {
  const { site, store, alarms, gauges, connections } = parts;
  const waitingBytes = connections.members.reduce((sum, { window }) => sum + window.waitingBytes, 0);
  return {
    site,
    agents: store.instances().map(({ agent, instance, enrolledMs }) => ({
      agent,
      instance,
      enrolledMs,
      ...stateOf(parts, instance),
    })),
    services: [...services.byName(connections.owner?.member?.id ?? null).values()],
    peers: connections.peers
      .flatMap(({ member }) => (member === null ? [] : [member]))
      .map(({ slot, site: from, agent, sinceMs }) => ({ slot, site: from, agent, connectedMs: sinceMs })),
    gauges: { ...gauges, waitingBytes, streams },
    alarms: alarms.list(),
  };
}

function stateOf({ connections }: HubParts, instance: string): Pick<EnrolledAgent, "state" | "connectedMs"> {
  const { owner, standbys } = connections;
  if (owner?.member?.instance === instance) return { state: "active", connectedMs: owner.member.sinceMs };
  const waiting = standbys.find(({ member }) => member?.instance === instance);
  return waiting?.member == null
    ? { state: "absent", connectedMs: null }
    : { state: "standby", connectedMs: waiting.member.sinceMs };
}
