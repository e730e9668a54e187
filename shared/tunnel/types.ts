/** What a TunnelHub (one Durable Object a site) promises to Workers, other hubs and the Directory. */
import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";
import type { Enrolment, PublicKeys } from "./messages.ts";
import type { SiteReports } from "./reports.ts";
import type { Service } from "./services.ts";

export interface EnrolCall {
  readonly site: string;
  readonly agent: string;
  readonly enrolment: Enrolment;
  /** Of the token shown: it enrols one instance, once. */
  readonly tokenSha256: string;
  readonly principal: string;
}

export interface ReportCall {
  readonly site: string;
  readonly agent: string;
  readonly principal: string;
  readonly reports: SiteReports;
}

/** An agent's installation whose keys the hub of its site knows. */
export interface EnrolledAgent {
  readonly agent: string;
  readonly instance: string;
  readonly enrolledMs: number;
  readonly state: "active" | "standby" | "absent";
  readonly connectedMs: number | null;
  /** When it pinged last, or connected: an agent whose machine has lost its power stays connected for long. */
  readonly heardMs?: number;
  /** Of one that is connected, as it told when it connected; absent where it told nothing. */
  readonly clockAheadMs?: number;
  readonly certificates?: readonly AgentCertificate[];
}

/** A certificate that an agent has for others to see. */
export interface AgentCertificate {
  readonly name: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What a hub wants an operator to look into: code -> what it says. The subject names the agent, and its instance where known. */
export const TUNNEL_ALARMS = {
  "other-instance": "another instance wanted to serve the site while one was connected",
  "too-much": "an agent sent more than the other side had granted, and was closed",
  "bad-signature": "an instance that is enrolled showed signatures that do not hold",
  stuck: "another hub could not be told that an instance is expelled",
  "not-confirmed": "the agent reports hybrid keys that the two ends have not made alike: they were given to nobody",
  "seed-fallback": "the agent reports hybrid keys of one source, combined with bytes that are the same every time",
} as const satisfies Record<string, string>;

export type TunnelAlarmCode = keyof typeof TUNNEL_ALARMS;

export const isTunnelAlarmCode = (text: string): text is TunnelAlarmCode => Object.hasOwn(TUNNEL_ALARMS, text);

export interface TunnelStatus {
  readonly site: string;
  /** When an agent came last to serve the site. Null: none has, as far as is known: its agents only reach others. */
  readonly servedMs?: number | null;
  readonly agents: readonly EnrolledAgent[];
  /** As the active agent exposes them; empty while none is connected. */
  readonly services: readonly Service[];
  readonly peers: readonly {
    readonly slot: number;
    readonly site: string;
    readonly agent: string;
    readonly connectedMs: number;
  }[];
  /** Since the object woke up. */
  readonly gauges: {
    readonly framesRelayed: number;
    readonly bytesRelayed: number;
    readonly waitingBytes: number;
    readonly culpritsClosed: number;
    readonly connects: number;
    readonly streams: number;
  };
  readonly alarms: readonly {
    readonly code: TunnelAlarmCode;
    readonly subject: string;
    readonly firstMs: number;
    readonly lastMs: number;
    readonly count: number;
    readonly detail: string;
  }[];
}

/** What a hub has to know of the network: a small part of it, so that no hub holds a document of megabytes. */
export interface TunnelView {
  /** Of the Directory: grows with every change. */
  readonly sequence: number;
  /** Agent id -> site, of those in the document that are not revoked. */
  readonly agents: Readonly<Record<string, string>>;
  /** Sites that have a QKD link with the hub's. */
  readonly linkedSites: readonly string[];
}

export interface TunnelViewCall {
  /** The hub's site. */
  readonly hub: string;
  readonly knownSequence: number;
  /** Whether it has connections: then it is told of every change. */
  readonly connected: boolean;
}

/** Who holds an access token that a hub gave out with a welcome. */
export interface AccessHolder {
  readonly agent: string;
  readonly site: string;
  readonly expiresMs: number;
}

/** For whom an HTTP request goes through a hub. Beside the request in `HTTP_CALL_HEADER`, from the Worker only. */
export interface HttpCall {
  readonly service: string;
  /** Of an agent: it may use what its site may open. Null: an operator. */
  readonly site: string | null;
}
export const HTTP_CALL_HEADER = "QKD-Tunnel-Call";

/** Of a WebSocket that the platform vouches for as the gateway's: from the Worker only, and there is no hello. */
export const GATEWAY_HEADER = "QKD-Tunnel-Gateway";

/** Bytes to and from a service; each way ends, or breaks, by itself. */
export interface ServiceStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

export interface TunnelHubRpc {
  /**
   * Of HTTP: an agent's WebSocket, with `HELLO_HEADER` (by the address it dialled, which is signed), or a request to a
   * service, with `HTTP_CALL_HEADER`; or the gateway's WebSocket, with `GATEWAY_HEADER`.
   */
  fetch(request: Request): Promise<Response>;
  /**
   * A stream of bytes to a service that allows `@edge`, for other objects of the deployment; NETCONF to a host, say.
   * `unavailable` where no agent is connected or the service cannot be reached, `not-found`, `forbidden`.
   */
  openService(service: string): Promise<Result<ServiceStream, Fault>>;
  /** For one hello, soon. */
  nonce(): Promise<string>;
  /** `conflict`: the token has enrolled another instance already; the same enrolment again is answered as the first. */
  enrol(call: EnrolCall): Promise<Result<null, Fault>>;
  /** Forgets an instance and closes its connections. `not-found` where it is not known. */
  expel(call: {
    readonly site: string;
    readonly instance: string;
    readonly principal: string;
  }): Promise<Result<null, Fault>>;
  /**
   * For the hub of another site, to which this site's agent connects as a peer: from then on that hub is told when the
   * instance is expelled. Null: not enrolled.
   */
  keysOf(call: { readonly agent: string; readonly instance: string; readonly hub: string }): Promise<PublicKeys | null>;
  /** An instance is no longer to be trusted, says the hub of its site. */
  expelled(call: { readonly site: string; readonly instance: string }): Promise<void>;
  accessOf(tokenSha256: string): Promise<AccessHolder | null>;
  status(): Promise<TunnelStatus>;
  clearAlarms(call: {
    readonly code: TunnelAlarmCode;
    readonly principal: string;
  }): Promise<Result<{ readonly cleared: number }, Fault>>;
  /** What an agent of the site has seen, into the audit log and the alarms. `rate-limited`: more often than agents do. */
  report(call: ReportCall): Promise<Result<null, Fault>>;
  /** The network changed: every connection is looked at again. */
  refresh(): Promise<void>;
}
