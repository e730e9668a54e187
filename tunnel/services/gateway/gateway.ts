/**
 * TCP ports of the self-hosted edge whose connections are streams to sites' services: what `ssh -R` opens on the machine
 * it dials. Which service a port is for, the agents say; which ports there are, who runs the edge.
 */
import { LIMITS } from "../../../shared/limits.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, type Result } from "../../../shared/result.ts";
import { Link } from "../../agent/link/link.ts";
import { Session } from "../../agent/link/session.ts";
import { LINK_TIMES } from "../../agent/link/times.ts";
import { Listener } from "../../agent/services/listen.ts";
import { openStream } from "../../agent/services/open-stream.ts";
import { pump } from "../../agent/services/pump.ts";
import { type Log, messageOf } from "../../log.ts";
import type { GatewayConfig } from "./config.ts";
import { dialHub, listSites } from "./engine.ts";
import { type ListedSite, serviceOfPort, sitesOfPorts } from "./service-of-port.ts";

interface RunningLink {
  readonly link: Link;
  readonly end: AbortController;
}

interface Listed {
  readonly atMs: number;
  readonly sites: Promise<readonly ListedSite[]>;
}

export class Gateway {
  readonly #socketPath: string;
  readonly #ports: readonly number[];
  readonly #log: Log;
  readonly #links = new Map<string, RunningLink>();
  readonly #listeners: Listener[] = [];
  #listed: Listed | null = null;

  /** All ports or none. @param socketPath of the engine. @throws where a port cannot be had */
  static async start({ bind, ports }: GatewayConfig, socketPath: string, log: Log): Promise<Gateway> {
    const gateway = new Gateway(ports, socketPath, log);
    try {
      for (const port of ports) {
        const listener = await Listener.start({
          bind,
          port,
          subject: { gateway: port },
          log,
          open: (signal, used) => gateway.#open(port, signal, used),
          carry: pump,
        });
        gateway.#listeners.push(listener);
      }
    } catch (thrown) {
      gateway.close();
      throw thrown;
    }
    return gateway;
  }

  private constructor(ports: readonly number[], socketPath: string, log: Log) {
    this.#ports = ports;
    this.#socketPath = socketPath;
    this.#log = log;
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#endLinks(new Set());
  }

  async #open(port: number, signal: AbortSignal, used: Promise<void>): Promise<Result<MuxStream, string>> {
    let sites: readonly ListedSite[];
    try {
      sites = await this.#sites();
    } catch (thrown) {
      return err(`the sites cannot be listed: ${messageOf(thrown)}`);
    }
    if (signal.aborted) return err("nobody waits any more");
    const found = serviceOfPort(sites, port);
    if (!found.ok) return found;
    const { site, service } = found.value;
    return await openStream({ link: this.#linkTo(site), service, waitMs: LIMITS.gatewayWaitMs }, signal, used);
  }

  /** As they were a moment ago: who connects in a loop does not ask the edge as often. */
  async #sites(): Promise<readonly ListedSite[]> {
    const nowMs = performance.now();
    if (this.#listed === null || nowMs - this.#listed.atMs >= LIMITS.gatewaySitesMs) {
      this.#listed = { atMs: nowMs, sites: listSites(this.#socketPath) };
    }
    const sites = await this.#listed.sites;
    this.#endLinks(sitesOfPorts(sites, this.#ports));
    return sites;
  }

  /** A site that exposes nothing here any more has no streams either. */
  #endLinks(wanted: ReadonlySet<string>): void {
    for (const [site, { end }] of this.#links) {
      if (wanted.has(site)) continue;
      end.abort();
      this.#links.delete(site);
    }
  }

  #linkTo(site: string): Link {
    const known = this.#links.get(site);
    if (known !== undefined) return known.link;
    const end = new AbortController();
    const link = new Link({
      site,
      role: "peer",
      log: this.#log,
      connect: (signal) =>
        Session.connect(
          {
            role: "peer",
            services: [],
            dial: (handshakeMs) => dialHub(this.#socketPath, site, handshakeMs),
            hello: null,
            times: LINK_TIMES,
            onOpen: (open) => open.refuse("unknown-service"),
            onActive: () => undefined,
          },
          signal,
        ),
    });
    this.#links.set(site, { link, end });
    void link.run(end.signal);
    return link;
  }
}
