/** What a TunnelHub (one Durable Object a site) promises to Workers, other hubs and the Directory. Types only. */
import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";
import type { Enrolment, PublicKeys } from "./messages.ts";
import type { Service } from "./services.ts";

export interface EnrolCall {
  readonly site: string;
  readonly agent: string;
  readonly enrolment: Enrolment;
  /** Of the token shown: it enrols one instance, once. */
  readonly tokenSha256: string;
  readonly principal: string;
}

/** An agent's installation whose keys the hub of its site knows. */
export interface EnrolledAgent {
  readonly agent: string;
  readonly instance: string;
  readonly enrolledMs: number;
  readonly state: "active" | "standby" | "absent";
  readonly connectedMs: number | null;
}

export type TunnelAlarmCode = "other-instance" | "too-much" | "bad-signature";

export interface TunnelStatus {
  readonly site: string;
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
  }[];
}

/** Who holds an access token that a hub gave out with a welcome. */
export interface AccessHolder {
  readonly agent: string;
  readonly site: string;
  readonly expiresMs: number;
}

export interface TunnelHubRpc {
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
  expelled(call: { readonly instance: string }): Promise<void>;
  accessOf(tokenSha256: string): Promise<AccessHolder | null>;
  status(): Promise<TunnelStatus>;
  /** The network changed: every connection is looked at again. */
  refresh(): Promise<void>;
}
