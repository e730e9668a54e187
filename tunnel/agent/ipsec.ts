/** IPsec hosts of this site: the edge's errands, their notifications, and the ports of controllers that know no edge. */
import { IPSEC_SERVICE } from "../../shared/ipsec/errand.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isLoopback } from "../config-values.ts";
import type { Send } from "../feeds/edge.ts";
import type { Log, LogFields } from "../log.ts";
import { placeOf } from "../place.ts";
import { askAsAgent } from "../services/etsi004/as-agent.ts";
import { isInsecure } from "../services/etsi004/config.ts";
import type { Listening } from "../services/etsi004/listen-at.ts";
import type { HybridOpener } from "../services/hybrid/engine-types.ts";
import type { IpsecConfig } from "../services/ipsec/config.ts";
import { answerErrands } from "../services/ipsec/errand-http.ts";
import { Errands } from "../services/ipsec/errands.ts";
import { Installer } from "../services/ipsec/installer.ts";
import { type FetchKey, keysOfEngine } from "../services/ipsec/keys.ts";
import { startLocalPort } from "../services/ipsec/local-port.ts";
import { keysOfModule } from "../services/ipsec/module-keys.ts";
import { Notifications } from "../services/ipsec/notifications.ts";
import { HostWork } from "../services/ipsec/operations.ts";
import { makeNetconfHost } from "../services/netconf/make-netconf-host.ts";
import type { NetconfHost } from "../services/netconf/netconf-host.ts";
import { sendBy } from "./feeds.ts";
import { Edge } from "./link/edge.ts";
import type { Link } from "./link/link.ts";
import type { Parts } from "./links.ts";
import { raiseAlarms } from "./standing-alarms.ts";

/** What one host's part of the agent is made of. */
interface Served {
  readonly node: string;
  readonly host: NetconfHost;
  readonly work: HostWork;
  /** Of the instance that serves the site only: the edge shall hear them once. */
  readonly listen: () => Notifications;
}

export class Ipsec {
  readonly ports: readonly Listening[];
  readonly #served: readonly Served[];
  readonly #edge: Edge;
  readonly #ended: AbortController;
  readonly #endAlarms: () => void;
  #listening: readonly Notifications[] = [];

  /** Before the links run. @throws AgentFailure where a port cannot be had */
  static async start(
    configs: readonly IpsecConfig[],
    parts: Parts,
    links: readonly Link[],
    hybrid: HybridOpener | null,
  ): Promise<Ipsec> {
    const { options, exposed } = parts;
    const owner = links.find(({ role }) => role === "owner");
    if (owner === undefined) throw new Error("[[ipsec]] without a link to the own hub");
    // Connections of their own: calls that wait for hosts shall not keep the agent's other requests waiting.
    const edge = new Edge(options.settings, LIMITS.localEdgeConnections);
    const ports: Listening[] = [];
    try {
      const ask = askAsAgent(edge, owner);
      for (const { node, listen: config } of configs) {
        const log = logOf(node, options.log);
        if (config !== undefined) ports.push(await startLocalPort({ node, config, ask, log }));
      }
    } catch (thrown) {
      for (const port of ports) port.close();
      edge.close();
      throw thrown;
    }
    const ended = new AbortController();
    const around = { send: sendBy(edge, owner), hybrid, log: options.log, signal: ended.signal };
    const served = configs.map((config) => serve(config, around));
    const errands = new Errands({ hosts: new Map(served.map(({ node, work }) => [node, work])), log: options.log });
    exposed.serveHttp(IPSEC_SERVICE, { answer: answerErrands(errands), bodyBytes: LIMITS.ipsecErrandBytes });
    const endAlarms = raiseAlarms(configs.flatMap(alarmsOf), options.log);
    const ipsec = new Ipsec({ ports, served, edge, ended, endAlarms });
    void parts.active.promise.then(() => ipsec.#listen());
    return ipsec;
  }

  private constructor(parts: {
    readonly ports: readonly Listening[];
    readonly served: readonly Served[];
    readonly edge: Edge;
    readonly ended: AbortController;
    readonly endAlarms: () => void;
  }) {
    this.ports = parts.ports;
    this.#served = parts.served;
    this.#edge = parts.edge;
    this.#ended = parts.ended;
    this.#endAlarms = parts.endAlarms;
  }

  get gauges(): readonly LogFields[] {
    return this.#served.map(({ node, host, work }) => {
      const { state, connects, rpcs, lastRpcMs } = host.status();
      return { ipsec: node, netconf: state, connects, rpcs, rpcMs: lastRpcMs, keysHeld: work.held.size };
    });
  }

  #listen(): void {
    if (!this.#ended.signal.aborted) this.#listening = this.#served.map(({ listen }) => listen());
  }

  /** Keys that are waited for are given up; what is on its way to a host arrives. */
  stop(): void {
    for (const port of this.ports) port.stop();
    this.#ended.abort();
  }

  /** Resolves once the hosts' connections are closed. */
  async close(): Promise<void> {
    this.stop();
    this.#endAlarms();
    for (const port of this.ports) port.close();
    for (const notifications of this.#listening) notifications.close();
    for (const { work } of this.#served) work.close();
    await Promise.all(this.#served.map(({ host }) => host.close()));
    this.#edge.close();
  }
}

interface Around {
  readonly send: Send;
  readonly hybrid: HybridOpener | null;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const logOf =
  (node: string, log: Log): Log =>
  (level, event, fields = {}) =>
    log(level, event, { ipsec: node, ...fields });

const nowMs = (): number => performance.now();

function serve(config: IpsecConfig, { send, hybrid, log: all, signal }: Around): Served {
  const { node, netconf, controller_callback: callback = null } = config;
  const log = logOf(node, all);
  const host = makeNetconfHost(netconf);
  const work = new HostWork({ fetchKey: keysOf(config, hybrid), installer: new Installer(host), nowMs, signal });
  return { node, host, work, listen: () => new Notifications({ node, host, send, callback, log }) };
}

/** The configuration has been checked to have one of the two. */
function keysOf({ node, sae, hybrid_module: module }: IpsecConfig, hybrid: HybridOpener | null): FetchKey {
  const place = module === undefined ? null : placeOf(module);
  if (place !== null) return keysOfModule(place);
  if (hybrid === null || sae === undefined) throw new Error("[[ipsec]] without a source of keys");
  return keysOfEngine(hybrid, { sae, node });
}

function alarmsOf({ node, listen, hybrid_module: module }: IpsecConfig): readonly LogFields[] {
  const code = "insecure-lan";
  const isFar = module !== undefined && !isLoopback(placeOf(module)?.host ?? "");
  return [
    ...(listen !== undefined && isInsecure(listen) ? [{ code, ipsec: node, meaning: INSECURE_PORT }] : []),
    ...(isFar ? [{ code, ipsec: node, meaning: INSECURE_MODULE }] : []),
  ];
}

const INSECURE_PORT = "whoever is allowed to connect can set up IPsec at this host, and shows no proof of who it is";
const INSECURE_MODULE = "keys of IPsec come from the hybrid module over the local network in clear text";
