/**
 * What this agent serves to applications on local ports, as its configuration has them: the bindings of ETSI GS QKD 004, and
 * the KMS API of Open-QKD-Network.
 */
import { LIMITS } from "../../shared/limits.ts";
import { type Log, type LogFields, throttled } from "../log.ts";
import { binaryProtocol } from "../services/etsi004-binary/service.ts";
import { jsonProtocol } from "../services/etsi004-json/service.ts";
import { type Ask, askAs, askAsCaller, tellingRefusals } from "../services/etsi004/as-agent.ts";
import { type Etsi004Config, isInsecure, placeOf } from "../services/etsi004/config.ts";
import { edgeStreams } from "../services/etsi004/edge-streams.ts";
import type { HybridOpener } from "../services/hybrid/engine-types.ts";
import { streamsFor } from "../services/hybrid/streams.ts";
import type { LocalService } from "../services/etsi004/listen-at.ts";
import { startTcpService } from "../services/etsi004/tcp-service.ts";
import { KMS_PORTS, type OpenQkdNetworkConfig, placeOfKms } from "../services/open-qkd-network/config.ts";
import { startOpenQkdNetwork } from "../services/open-qkd-network/service.ts";
import { startQkdModule } from "../services/qkd-module/service.ts";
import type { AgentSettings } from "./config/command-line.ts";
import { Edge } from "./link/edge.ts";
import type { Link } from "./link/link.ts";
import { raiseAlarms } from "./standing-alarms.ts";

export interface LocalServicesOptions {
  readonly settings: Pick<AgentSettings, "edge" | "ca" | "etsi004" | "open_qkd_network">;
  /** To the own site's hub, which gives the token for the edge. */
  readonly owner: Pick<Link, "whenUp">;
  /** Null: hybrid streams are the edge's. */
  readonly hybrid: HybridOpener | null;
  readonly log: Log;
}

export class LocalServices {
  readonly services: readonly LocalService[];
  readonly #endAlarms: () => void;
  readonly #edge: Edge;

  /** All or none. @throws AgentFailure where a port cannot be had, or a certificate cannot be used */
  static async start({ settings, owner, hybrid, log }: LocalServicesOptions): Promise<LocalServices> {
    // Connections of their own: calls that wait for key shall not keep the agent's other requests waiting.
    const edge = new Edge(settings, LIMITS.localEdgeConnections);
    const services: LocalService[] = [];
    try {
      for (const config of settings.etsi004) services.push(await startOne(config, { edge, owner, hybrid, log }));
      for (const config of settings.open_qkd_network)
        services.push(...(await startOpenQkdNetwork({ config, ask: askAsCaller(edge), log })));
    } catch (thrown) {
      for (const service of services) service.close();
      edge.close();
      throw thrown;
    }
    return new LocalServices(services, edge, alarmsOf(settings), log);
  }

  private constructor(services: readonly LocalService[], edge: Edge, alarms: readonly LogFields[], log: Log) {
    this.services = services;
    this.#edge = edge;
    this.#endAlarms = raiseAlarms(alarms, log);
  }

  stop(): void {
    for (const service of this.services) service.stop();
  }

  close(): void {
    this.#endAlarms();
    for (const service of this.services) service.close();
    this.#edge.close();
  }
}

const alarmsOf = ({ etsi004, open_qkd_network: kms }: LocalServicesOptions["settings"]): readonly LogFields[] => [
  ...etsi004
    .filter(isInsecure)
    .map((config) => ({ code: "insecure-lan", etsi004: placeOf(config), meaning: INSECURE })),
  ...kms.filter(isInsecure).map((config) => ({
    code: "insecure-lan",
    openQkdNetwork: placesOf(config),
    meaning: config.sign_in === undefined ? INSECURE_KMS : INSECURE_SIGN_IN,
  })),
];

const placesOf = (config: OpenQkdNetworkConfig): string =>
  `${config.node}: ${config.address} ports ${KMS_PORTS.map((which) => placeOfKms(config, which).port).join(" and ")}`;

const INSECURE =
  "whoever is allowed to connect is given key of this SAE, in clear text, and shows no proof of who it is";
const INSECURE_KMS = "passwords, tokens and keys of applications cross the local network in clear text";
const INSECURE_SIGN_IN = "whoever is allowed to connect is given keys, in clear text, and shows no proof of who it is";

interface Around {
  readonly ask: Ask;
  readonly hybrid: HybridOpener | null;
  readonly log: Log;
}

const streamsOf = ({ ask, log }: Pick<Around, "ask" | "log">, binding: "json-tcp" | "binary") =>
  edgeStreams({ ask, binding, log: throttled(log, LIMITS.localLogMs) });

type Starts = {
  readonly [K in Etsi004Config["kind"]]: (
    config: Extract<Etsi004Config, { readonly kind: K }>,
    around: Around,
  ) => Promise<LocalService>;
};

const STARTS: Starts = {
  "json-tcp": (config, { hybrid, ...around }) => {
    const own = hybrid === null ? null : streamsFor(hybrid, config);
    const protocol = jsonProtocol(streamsOf(around, config.kind), own, config.index_zero_is_next);
    return startTcpService({ config, protocol, log: around.log });
  },
  binary: (config, around) =>
    startTcpService({ config, protocol: binaryProtocol(streamsOf(around, config.kind)), log: around.log }),
  "qkd-module": (config, around) => startQkdModule({ config, ...around }),
};

interface Surroundings extends Pick<LocalServicesOptions, "owner" | "hybrid" | "log"> {
  readonly edge: Edge;
}

function startOne(config: Etsi004Config, { edge, owner, hybrid, log }: Surroundings): Promise<LocalService> {
  const own: Log = (level, event, fields = {}) => log(level, event, { etsi004: config.kind, ...fields });
  const start = STARTS[config.kind] as (config: Etsi004Config, around: Around) => Promise<LocalService>;
  return start(config, { ask: tellingRefusals(askAs(edge, owner, config), config, own), hybrid, log: own });
}
