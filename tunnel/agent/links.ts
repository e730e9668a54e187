/** Which hubs an agent keeps links with, and how it connects to one. */
import { IPSEC_SERVICE } from "../../shared/ipsec/errand.ts";
import { err, type Result } from "../../shared/result.ts";
import type { AgentCertificate } from "../../shared/tunnel/types.ts";
import type { Claims } from "../../shared/tunnel/messages.ts";
import { ALLOW_WORDS, type Service } from "../../shared/tunnel/services.ts";
import type { Log } from "../log.ts";
import { HYBRID_SERVICE, sitesOf } from "../services/hybrid/config.ts";
import type { MakeEngine } from "../services/hybrid/engine-types.ts";
import type { AgentSettings } from "./config/command-line.ts";
import { announced } from "./config/schema.ts";
import { noteLinks } from "./health.ts";
import type { Enrolment, EnrolmentFailure } from "./identity/enrolment.ts";
import type { Identity } from "./identity/identity.ts";
import { byHello } from "./link/by-hello.ts";
import type { Edge } from "./link/edge.ts";
import { Link, type LinkOptions } from "./link/link.ts";
import type { SessionEnd } from "./link/end.ts";
import { Session, type SessionOptions } from "./link/session.ts";
import { LINK_TIMES, type LinkTimes } from "./link/times.ts";
import type { Exposed } from "./services/expose.ts";
import type { InnerTls } from "./services/inner-tls.ts";

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly log: Log;
  readonly times?: LinkTimes;
  /** Of hybrid keys. */
  readonly makeEngine?: MakeEngine;
  /** Every link has been up once, but for those to peers of hybrid keys: they may be away. */
  readonly onReady?: () => void;
  readonly onRefused?: (reason: string) => void;
}

/** What an agent is made of, besides its links. */
export interface Parts {
  readonly options: AgentOptions;
  readonly edge: Edge;
  readonly identity: Identity;
  readonly enrolment: Enrolment;
  readonly tls: InnerTls | undefined;
  readonly exposed: Exposed;
  /** Those in use. */
  readonly certificates: readonly AgentCertificate[];
  /** This instance serves the site. */
  readonly active: PromiseWithResolvers<void>;
}

type Role = Claims["role"];

/** The own site's hub where there is something to serve (or to ask in the agent's name), and one for each site that is reached. */
export function makeLinks(parts: Parts): readonly Link[] {
  const { settings, log, times = LINK_TIMES, onReady, onRefused } = parts.options;
  const targets = targetsOf(settings);
  const missing = new Set(targets.filter(({ needed }) => needed).map(nameOf));
  const note = (): void => noteLinks(settings.state, links, log);
  const links = targets.map(({ role, site, needed }) => {
    const options: LinkOptions = {
      site,
      role,
      log,
      times,
      connect: (signal) => connect(parts, role, site, signal),
      onDown: note,
      onUp: () => {
        note();
        if (missing.delete(nameOf({ role, site })) && missing.size === 0) onReady?.();
      },
      ...(onRefused === undefined || !needed ? {} : { onRefused }),
    };
    return new Link(options);
  });
  // What an agent left that was killed is not to be taken for this one's: in a container both have the same process id.
  note();
  return links;
}

interface Target {
  readonly role: Role;
  readonly site: string;
  /** Else the agent is of use without it. */
  readonly needed: boolean;
}
const nameOf = ({ role, site }: Pick<Target, "role" | "site">): string => `${role} ${site}`;

function targetsOf(settings: AgentSettings): readonly Target[] {
  const { site: own, service: services, feed: feeds, etsi004, listen: listens, hybrid, ipsec } = settings;
  const { open_qkd_network: kms } = settings;
  const served = [services, feeds, etsi004, kms, ipsec];
  const owns = served.some(({ length }) => length > 0) || hybrid !== undefined;
  const listened = new Set(listens.map(({ site }) => site));
  const peers = hybrid === undefined ? [] : sitesOf(hybrid, own).filter((site) => !listened.has(site));
  return [
    ...(owns ? [{ role: "owner", site: own, needed: true } as const] : []),
    ...[...listened].map((site) => ({ role: "peer", site, needed: true }) as const),
    ...peers.map((site) => ({ role: "peer", site, needed: false }) as const),
  ];
}

/** What the hub is told that this agent exposes. */
function exposedBy({ site, service: services, hybrid, ipsec }: AgentSettings): readonly Service[] {
  const sites = hybrid === undefined ? [] : sitesOf(hybrid, site);
  const ofHybrid = { name: HYBRID_SERVICE, allow: [...sites], tls: true, port: null };
  const ofIpsec = { name: IPSEC_SERVICE, allow: [ALLOW_WORDS.edge], tls: false, port: null };
  return [
    ...services.map(announced),
    ...(sites.length === 0 ? [] : [ofHybrid]),
    ...(ipsec.length === 0 ? [] : [ofIpsec]),
  ];
}

async function connect(
  { options, edge, identity, enrolment, exposed, certificates, active }: Parts,
  role: Role,
  target: string,
  signal: AbortSignal,
): Promise<Result<Session, SessionEnd>> {
  const enrolled = await Promise.race([enrolment.ensure(), toldToEnd(signal)]);
  if (!enrolled.ok) {
    const { reason, refused, retryAfterMs } = enrolled.error;
    return err({ reason, refusal: refused ? "not-enrolled" : null, retryAfterMs, replaced: false });
  }
  const { settings } = options;
  const { site, standby } = settings;
  const claims: Claims = {
    version: 1,
    agent: enrolled.value,
    site,
    instance: identity.instance,
    role,
    standby,
  };
  const session: SessionOptions = {
    ...byHello({
      edge,
      site: target,
      identity,
      claims,
      services: role === "owner" ? exposedBy(settings) : [],
      certificates: role === "owner" ? certificates : [],
    }),
    times: options.times ?? LINK_TIMES,
    onOpen: (open, peer) => exposed.answer(open, peer),
    onActive: () => {
      if (role !== "owner") return;
      options.log("info", "this instance serves the site", { site });
      active.resolve();
    },
  };
  const opened = await Session.connect(session, signal);
  if (!opened.ok && opened.error.refusal === "not-enrolled") await enrolment.forget();
  return opened;
}

/** Enrolment is shared by links, so that none of them may break it off; but none has to wait for it either. */
async function toldToEnd(signal: AbortSignal): Promise<Result<never, EnrolmentFailure>> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  return err({ reason: "told to end", refused: false, retryAfterMs: null });
}
