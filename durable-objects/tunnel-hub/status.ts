/** What a hub tells of itself. */
import type { EnrolledAgent, TunnelStatus } from "../../shared/tunnel/types.ts";
import type { Connection } from "./connection.ts";
import type { HubParts, ServiceTable } from "./parts.ts";

/** @param pingedMs when the runtime has answered the last ping of a socket; null: none has come yet */
export function statusOf(
  parts: HubParts,
  services: ServiceTable,
  streams: number,
  pingedMs: (socket: WebSocket) => number | null,
): TunnelStatus {
  const { site, store, alarms, gauges, connections } = parts;
  const waitingBytes = connections.members.reduce((sum, { window }) => sum + window.waitingBytes, 0);
  return {
    site,
    servedMs: store.servedMs,
    agents: store.instances().map(({ agent, instance, enrolledMs }) => ({
      agent,
      instance,
      enrolledMs,
      ...stateOf(parts, instance, pingedMs),
    })),
    services: [...services.byName(connections.owner?.member?.id ?? null).values()],
    peers: connections.peers
      .flatMap(({ member }) => (member === null ? [] : [member]))
      .map(({ slot, site: from, agent, sinceMs }) => ({ slot, site: from, agent, connectedMs: sinceMs })),
    gauges: { ...gauges, waitingBytes, streams },
    alarms: alarms.list(),
  };
}

type State = Omit<EnrolledAgent, "agent" | "instance" | "enrolledMs">;

function stateOf({ connections }: HubParts, instance: string, pingedMs: (socket: WebSocket) => number | null): State {
  const isIts = ({ member }: Connection): boolean => member?.instance === instance;
  const { owner } = connections;
  const connection = owner !== null && isIts(owner) ? owner : connections.standbys.find(isIts);
  if (connection?.member == null) return { state: "absent", connectedMs: null };
  const { sinceMs, clockAheadMs, certificates } = connection.member;
  return {
    state: connection === owner ? "active" : "standby",
    connectedMs: sinceMs,
    heardMs: Math.max(sinceMs, pingedMs(connection.socket) ?? 0),
    ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
    ...(certificates === undefined ? {} : { certificates }),
  };
}
