/** The demo's chain, tn-1 - tn-2 - tn-3 - tn-4, hosted by one deployment or by two, for the tests that hold for both. */
import type { Deployments } from "./deployments.ts";

export const CHAIN = ["tn-1", "tn-2", "tn-3", "tn-4"] as const;
export const CHAIN_LINKS = [
  ["tn-1", "tn-2"],
  ["tn-2", "tn-3"],
  ["tn-3", "tn-4"],
] as const;

/** SAEs of the tests, by their nodes. */
export const SAE_NODES: Readonly<Record<string, string>> = {
  "sae-a": "tn-1",
  "sae-a2": "tn-1",
  "sae-c": "tn-2",
  "sae-c2": "tn-2",
  "sae-d": "tn-3",
  "sae-b": "tn-4",
};
export const nodeOfSae = (sae: string): string => SAE_NODES[sae] ?? "";

export interface ChainRig {
  readonly network: Deployments;
  /** As `status` says it of keys between the two ends. */
  readonly custody: "within-deployment" | "between";
  /** Ends all its processes. @returns all that they have printed */
  end(): Promise<string>;
}
