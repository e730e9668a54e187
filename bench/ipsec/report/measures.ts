/** What the parts of the IPsec bench give. Types only. */
import type { LatencySummary } from "../../statistics.ts";

/** CPU time for each SA, at both ends together. */
export interface CpuMs {
  readonly engineMs: number;
  readonly agentsMs: number;
}

export interface OneRound {
  /** From the POST to both proxy agents until both have answered that it is installed. */
  readonly sa: LatencySummary;
  /** The same SA's edit at one host by NETCONF, by itself. */
  readonly netconf: LatencySummary;
  readonly cpu: CpuMs;
  readonly checkedKeys: number;
}

export interface HundredRound {
  readonly tookMs: number;
  /** The same entries' edit at one host by NETCONF, by itself. */
  readonly netconfMs: number;
  readonly cpu: CpuMs;
  readonly checkedKeys: number;
}

export interface IpsecResults {
  one?: readonly OneRound[];
  hundred?: {
    readonly tunnels: number;
    /** With their policies, and of SAs alone. */
    readonly whole: readonly HundredRound[];
    readonly sasOnly: readonly HundredRound[];
  };
}
