/** Agents as logs and alarms name them. */
import { principalName } from "../../shared/auth/principal.ts";
import type { Member } from "./attachment.ts";
import { audit, type Detail, type HubParts } from "./parts.ts";

export type Who = Pick<Member, "agent" | "site" | "instance">;

export const subjectOf = ({ agent, instance }: Pick<Who, "agent" | "instance">): string => `${agent}/${instance}`;

/** In the name of an agent that has proved itself. */
export function auditMember(parts: HubParts, act: string, { agent, site, instance }: Who, detail: Detail): void {
  const name = principalName({ role: "agent", id: agent, site, by: "token" });
  audit(parts, act, name, { site, instance, ...detail });
}
