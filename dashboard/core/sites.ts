import type { MonitorSite } from "../../shared/api/monitor-schemas.ts";

/** Is the site's tunnel there? Null: it has no agent that it could have. */
export function agentWord({ agents }: MonitorSite): string | null {
  if (agents === null) return "agent not known";
  if (agents.length === 0) return null;
  if (agents.some(({ state }) => state === "active")) return "agent up";
  return agents.some(({ state }) => state === "standby") ? "agent standing by" : "agent absent";
}
