/** A way from the client to the device. */
import type { HttpEndpoint } from "../load/jobs.ts";

/** In the order of the report; what is measured is the last. */
export const PATHS = ["direct", "ssh", "sshTerminal", "sites"] as const;
export type PathName = (typeof PATHS)[number];

/** Ports of loopback at which the client finds the device's services. */
export interface Endpoints {
  readonly bulk: number;
  readonly echo: number;
  readonly h2c: number;
  readonly http: HttpEndpoint;
}
export interface Path {
  readonly name: PathName;
  readonly endpoints: Endpoints;
  /** What its programs have printed lately, for whoever has to find out what went wrong. */
  diagnosis(): string;
  stop(): Promise<void>;
}

/** Those of the device itself. */
export interface DevicePorts {
  readonly bulk: number;
  readonly echo: number;
  readonly h2c: number;
  readonly http: number;
}
