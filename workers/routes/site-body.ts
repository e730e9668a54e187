/** A site as the API tells it: all of it, or what another site's agent may use. */
import { instant } from "../../shared/instant.ts";
import { ALLOW_WORDS, mayOpen, type Service } from "../../shared/tunnel/services.ts";
import type { TunnelStatus } from "../../shared/tunnel/types.ts";
import type { AddressOf } from "./gateway-address.ts";

/** Who looks: one who may see all, or an agent of another site. */
export type Onlooker =
  | { readonly all: true }
  | { readonly all: false; readonly site: string; readonly linked: boolean };

const serviceBody = (site: string, service: Service, all: boolean, gateway: AddressOf) => {
  const { name, allow, tls, port } = service;
  return {
    service: name,
    address: `${site}/${name}`,
    ...(all ? { allow } : {}),
    tls,
    port,
    gateway: gateway(service),
    path: !tls && allow.includes(ALLOW_WORDS.edge) ? `/api/v1/sites/${site}/services/${name}/` : null,
  };
};

/** Null where the onlooker may see nothing of it. */
export function siteBody(site: string, status: TunnelStatus, onlooker: Onlooker, gateway: AddressOf) {
  const services = status.services
    .filter((service) => onlooker.all || mayOpen(service, onlooker))
    .map((service) => serviceBody(site, service, onlooker.all, gateway));
  const connected = status.agents.some(({ state }) => state === "active");
  if (!onlooker.all) return services.length === 0 ? null : { site, connected, services };
  const { gauges } = status;
  return {
    site,
    connected,
    services,
    agents: status.agents.map(({ agent, instance, enrolledMs, state, connectedMs }) => ({
      agent,
      instance,
      enrolled: instant(enrolledMs),
      state,
      connected: connectedMs === null ? null : instant(connectedMs),
    })),
    peers: status.peers.map(({ connectedMs, ...peer }) => ({ ...peer, connected: instant(connectedMs) })),
    gauges: {
      frames_relayed: gauges.framesRelayed,
      bytes_relayed: gauges.bytesRelayed,
      waiting_bytes: gauges.waitingBytes,
      culprits_closed: gauges.culpritsClosed,
      connects: gauges.connects,
      streams: gauges.streams,
    },
    alarms: status.alarms.map(({ firstMs, lastMs, ...alarm }) => ({
      ...alarm,
      first: instant(firstMs),
      last: instant(lastMs),
    })),
  };
}
