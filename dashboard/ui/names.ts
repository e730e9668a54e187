import type { Single } from "../core/route.ts";

/** Of pages, in the order they are offered in. */
export const NAMES: Readonly<Record<Single, string>> = {
  network: "Network",
  alarms: "Alarms",
  audit: "Audit",
  traffic: "Traffic",
  configuration: "Configure",
};
