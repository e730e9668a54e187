/** What the load tool is told to do, and what it answers. Each job by its name: what it takes, what it gives. */
import type { KemName } from "../../../shared/kem/registry.ts";
import type { LatencySummary } from "../../statistics.ts";

/** Where the two sites' agents serve JSON over TCP. */
export interface Ports {
  readonly initiator: number;
  readonly responder: number;
}

export interface Rate extends LatencySummary {
  readonly perS: number;
}

export interface KemRates {
  readonly generatePerS: number;
  readonly encapsulatePerS: number;
  readonly decapsulatePerS: number;
}

/** How long answers took that cost nothing to give. */
export interface Stall {
  readonly answers: number;
  readonly p50Ms: number;
  readonly longestMs: number;
}
/** By what was asked. */
export type Stalls = Readonly<Record<string, Stall>>;

interface Load {
  readonly ports: Ports;
  readonly kems: readonly KemName[];
  /** Pairs of applications. */
  readonly pairs: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface Jobs {
  /** One operation after the other, in the way of an agent. */
  kem: { takes: { readonly name: KemName; readonly forMs: number }; gives: KemRates };
  /** One session a pair, one index after the other; timed until both ends have it. */
  "get-key": { takes: Load; gives: Rate & { readonly checkedKeys: number } };
  /** OPEN_CONNECT, GET_KEY, CLOSE by both ends at once, on kept connections. */
  sessions: {
    takes: Load;
    gives: Rate & {
      readonly open: LatencySummary;
      readonly getKey: LatencySummary;
      readonly close: LatencySummary;
      readonly checkedKeys: number;
    };
  };
  /** So many sessions, one after the other. */
  few: {
    takes: Pick<Load, "ports" | "kems"> & { readonly count: number };
    gives: { readonly checkedKeys: number };
  };
  /** Key pair, encapsulation and decapsulation in the engine, one operation a request, one request after the other. */
  "edge-kem": { takes: { readonly url: string; readonly name: KemName; readonly exchanges: number }; gives: null };
  /** Asks again and again until `stop-probe`: the engine for its health, agents for a command that none knows. */
  "start-probe": { takes: { readonly url: string; readonly agents: Readonly<Record<string, number>> }; gives: null };
  "stop-probe": { takes: object; gives: Stalls };
}
