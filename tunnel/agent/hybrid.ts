/** Hybrid keys at work: the engine that makes them, the connections to other agents, and the way to the edge. */
import { LIMITS } from "../../shared/limits.ts";
import type { Log } from "../log.ts";
import { askAs, tellingRefusals } from "../services/etsi004/as-agent.ts";
import { Channel } from "../services/hybrid/channel/channel.ts";
import { HYBRID_SERVICE, type HybridConfig, sitesOf } from "../services/hybrid/config.ts";
import type { Engine, MakeEngine } from "../services/hybrid/engine-types.ts";
import { sendBy } from "./feeds.ts";
import { Edge } from "./link/edge.ts";
import type { Link } from "./link/link.ts";
import type { Parts } from "./links.ts";

export class Hybrid {
  readonly engine: Engine;
  readonly #channel: Channel;
  readonly #edge: Edge;

  /** Before the links run, which are those that `[hybrid]` asks for. */
  static start(config: HybridConfig, makeEngine: MakeEngine, parts: Parts, links: readonly Link[]): Hybrid {
    const { options, tls, exposed } = parts;
    const { settings } = options;
    const log: Log = (level, event, fields = {}) => options.log(level, event, { hybrid: true, ...fields });
    const wayTo = (site: string) => links.find((link) => link.role === "peer" && link.site === site);
    const owner = links.find(({ role }) => role === "owner");
    if (owner === undefined) throw new Error("[hybrid] without a link to the own hub");
    // Connections of their own: calls that wait for key shall not keep the agent's other requests waiting.
    const edge = new Edge(settings, LIMITS.localEdgeConnections);
    const { site } = settings;
    const channel: Channel = new Channel({
      site,
      wayTo,
      tls,
      log,
      events: {
        message: (from, message) => engine.message(from, message),
        closed: (connection, reason) => engine.closed(connection, reason),
      },
    });
    const engine: Engine = makeEngine({
      site,
      config,
      channel,
      askFor: (acting) => tellingRefusals(askAs(edge, owner, acting), acting, log),
      send: sendBy(edge, owner),
      log,
    });
    exposed.serve(HYBRID_SERVICE, {
      allow: sitesOf(config, site),
      take: (socket, from) => channel.accept(socket, from),
    });
    return new Hybrid(engine, channel, edge);
  }

  private constructor(engine: Engine, channel: Channel, edge: Edge) {
    this.engine = engine;
    this.#channel = channel;
    this.#edge = edge;
  }

  /** The other agents are told while there is a tunnel: streams that stay open would have the links wait for them. */
  stop(): void {
    this.engine.close();
    this.#channel.close();
  }

  close(): void {
    this.#edge.close();
  }
}
