/** Which hubs an agent keeps links with, and how it connects to one. */
import { err, type Result } from "../../shared/result.ts";
import type { Claims } from "../../shared/tunnel/messages.ts";
import type { Log } from "../log.ts";
import type { AgentSettings } from "./config/command-line.ts";
import { announced } from "./config/schema.ts";
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
  /** Every link has been up once. */
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
  /** This instance serves the site. */
  readonly active: PromiseWithResolvers<void>;
}

type Role = Claims["role"];

/** The own site's hub where there is something to serve (or to ask in the agent's name), and one for each site that is listened for. */
export function makeLinks(parts: Parts): readonly Link[] {
  const { settings, log, times = LINK_TIMES, onReady, onRefused } = parts.options;
  const { site, service: services, feed: feeds, etsi004: local, listen: listens } = settings;
  const targets: readonly (readonly [Role, string])[] = [
    ...(services.length + feeds.length + local.length > 0 ? [["owner", site] as const] : []),
    ...[...new Set(listens.map((listen) => listen.site))].map((target) => ["peer", target] as const),
  ];
  const missing = new Set(targets.map((target) => target.join(" ")));
  return targets.map(([role, target]) => {
    const options: LinkOptions = {
      site: target,
      role,
      log,
      times,
      connect: (signal) => connect(parts, role, target, signal),
      onUp: () => {
        if (missing.delete(`${role} ${target}`) && missing.size === 0) onReady?.();
      },
      ...(onRefused === undefined ? {} : { onRefused }),
    };
    return new Link(options);
  });
}

async function connect(
  { options, edge, identity, enrolment, exposed, active }: Parts,
  role: Role,
  target: string,
  signal: AbortSignal,
): Promise<Result<Session, SessionEnd>> {
  const enrolled = await Promise.race([enrolment.ensure(), toldToEnd(signal)]);
  if (!enrolled.ok) {
    const { reason, refused, retryAfterMs } = enrolled.error;
    return err({ reason, refusal: refused ? "not-enrolled" : null, retryAfterMs, replaced: false });
  }
  const { site, standby, service: services } = options.settings;
  const claims: Claims = {
    version: 1,
    agent: enrolled.value,
    site,
    instance: identity.instance,
    role,
    standby,
  };
  const session: SessionOptions = {
    ...byHello({ edge, site: target, identity, claims, services: role === "owner" ? services.map(announced) : [] }),
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
