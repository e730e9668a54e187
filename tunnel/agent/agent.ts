/** A site's agent, put together from its configuration: links to hubs, what it exposes, what it listens for, its feeds. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../log.ts";
import { holdFolder } from "../spool/lock.ts";
import { ensureCertificate } from "./certificates/ensure.ts";
import { certificatesOf } from "./certificates/told.ts";
import type { AgentSettings } from "./config/command-line.ts";
import { AgentFailure } from "./failure.ts";
import { Hybrid } from "./hybrid.ts";
import { Feeds, sendBy } from "./feeds.ts";
import { logGauges } from "./gauges.ts";
import { forgetLinks } from "./health.ts";
import { Enrolment } from "./identity/enrolment.ts";
import { Ipsec } from "./ipsec.ts";
import { openIdentity } from "./identity/identity.ts";
import { Edge } from "./link/edge.ts";
import type { Link } from "./link/link.ts";
import { type AgentOptions, makeLinks, type Parts } from "./links.ts";
import { LocalServices } from "./local-services.ts";
import { makeEngine as usualEngine } from "../services/hybrid/make-engine.ts";
import { Exposed } from "./services/expose.ts";
import { InnerTls } from "./services/inner-tls.ts";
import { listenFor, type Listener } from "./services/listen.ts";

export class Agent {
  readonly listeners: readonly Listener[];
  /** Null: none are configured. */
  readonly local: LocalServices | null;
  /** Null: the configuration has no `[hybrid]`. */
  readonly hybrid: Hybrid | null;
  /** Null: the configuration has no `[[ipsec]]`. */
  readonly ipsec: Ipsec | null;
  readonly #links: readonly Link[];
  readonly #parts: Parts;
  readonly #release: () => Promise<void>;
  readonly #feeds: Feeds | null;

  /** Everything that does not need the edge is ready then. @throws AgentFailure with what is wrong here */
  static async start(options: AgentOptions): Promise<Agent> {
    const parts = await makeParts(options);
    const links = makeLinks(parts);
    const release = await holdState(options.settings, links);
    const listeners: Listener[] = [];
    let hybrid: Hybrid | null = null;
    let ipsec: Ipsec | null = null;
    try {
      for (const config of options.settings.listen) {
        const link = links.find(({ role, site }) => role === "peer" && site === config.site);
        if (link !== undefined) listeners.push(await listenFor({ config, link, tls: parts.tls, log: options.log }));
      }
      hybrid = startHybrid(parts, links);
      ipsec = await startIpsec(parts, links, hybrid);
      const local = await startLocal(options, links, hybrid);
      return new Agent(parts, links, { listeners, hybrid, ipsec, local }, release);
    } catch (thrown) {
      await ipsec?.close();
      hybrid?.stop();
      hybrid?.close();
      for (const listener of listeners) listener.close();
      await release();
      throw thrown;
    }
  }

  private constructor(
    parts: Parts,
    links: readonly Link[],
    { listeners, hybrid, ipsec, local }: Pick<Agent, "listeners" | "hybrid" | "ipsec" | "local">,
    release: () => Promise<void>,
  ) {
    this.#parts = parts;
    this.#links = links;
    this.listeners = listeners;
    this.hybrid = hybrid;
    this.ipsec = ipsec;
    this.local = local;
    this.#release = release;
    const { settings, log } = parts.options;
    const owner = links.find(({ role }) => role === "owner");
    const { feed: feeds, state } = settings;
    this.#feeds = owner === undefined ? null : new Feeds({ feeds, state, send: sendBy(parts.edge, owner), log });
  }

  logGauges(level: "debug" | "info"): void {
    logGauges(this.#parts.options.log, level, this.#links, this.#feeds?.running ?? [], this.ipsec?.gauges ?? []);
  }

  /** Until `signal` is aborted and all has ended in order. Rejects with a defect, which ends all of it too. */
  async run(signal: AbortSignal): Promise<void> {
    const defect = new AbortController();
    const until = AbortSignal.any([signal, defect.signal]);
    const stop = (): void => {
      for (const listener of this.listeners) listener.stop();
      this.local?.stop();
      this.ipsec?.stop();
      this.hybrid?.stop();
    };
    until.addEventListener("abort", stop, { once: true });
    const parts = [...this.#links.map((link) => link.run(until)), this.#runFeeds(until)];
    try {
      await Promise.all(parts);
    } finally {
      defect.abort();
      await Promise.allSettled(parts);
      for (const listener of this.listeners) listener.close();
      this.local?.close();
      await this.ipsec?.close();
      this.hybrid?.close();
      this.#parts.exposed.close();
      this.#parts.edge.close();
      forgetLinks(this.#parts.options.settings.state);
      await this.#release();
    }
  }

  /** From the first time that this instance is the one that serves the site. */
  async #runFeeds(signal: AbortSignal): Promise<void> {
    if (this.#feeds === null) return;
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([this.#parts.active.promise, aborted]);
    await this.#feeds.run(signal);
  }
}

function startHybrid(parts: Parts, links: readonly Link[]): Hybrid | null {
  const { settings, makeEngine = usualEngine } = parts.options;
  const { hybrid } = settings;
  return hybrid === undefined ? null : Hybrid.start(hybrid, makeEngine, parts, links);
}

async function startIpsec(parts: Parts, links: readonly Link[], hybrid: Hybrid | null): Promise<Ipsec | null> {
  const { ipsec: configs } = parts.options.settings;
  return configs.length === 0 ? null : await Ipsec.start(configs, parts, links, hybrid?.engine.streams ?? null);
}

async function startLocal(
  { settings, log }: AgentOptions,
  links: readonly Link[],
  hybrid: Hybrid | null,
): Promise<LocalServices | null> {
  const owner = links.find(({ role }) => role === "owner");
  return owner === undefined || settings.etsi004.length + settings.open_qkd_network.length === 0
    ? null
    : await LocalServices.start({ settings, owner, hybrid: hybrid?.engine.streams ?? null, log });
}

async function makeParts(options: AgentOptions): Promise<Parts> {
  const { settings, log } = options;
  const { site, state, token_file: tokenFile, service: services, certificate } = settings;
  const edge = new Edge(settings);
  const identity = await openIdentity(state);
  if (certificate !== undefined) await ensureCertificate(certificate, site, log);
  const tls = certificate === undefined ? undefined : new InnerTls(certificate);
  return {
    options,
    edge,
    identity,
    tls,
    enrolment: new Enrolment({ edge, site, identity, state, tokenFile, log }),
    exposed: new Exposed({ services, tls, log }),
    certificates: certificatesOf(settings),
    active: Promise.withResolvers<void>(),
  };
}

/** Two owners of one state folder are one instance to the hub: each would take the place of the other for ever. */
async function holdState({ state }: AgentSettings, links: readonly Link[]): Promise<() => Promise<void>> {
  if (!links.some(({ role }) => role === "owner")) return () => Promise.resolve();
  const folder = path.join(state, "owner");
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await holdFolder(folder);
  } catch (thrown) {
    throw new AgentFailure(
      `another qkd-agent serves from ${state}: give one process all its services, or this one its own --state (${messageOf(thrown)})`,
    );
  }
}
