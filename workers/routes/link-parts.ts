/** What a call about a link names: the link, an end of it, a block, and the pool that takes in its material. */
import { servesLink, servesNode } from "../../shared/auth/policy.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LinkEntry } from "../../shared/network/document.ts";
import { nodeId, pairOfLink } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import { poolOf } from "../clients/key-pool.ts";
import type { AuthenticatedCall } from "./handler.ts";

/** Shard 0 takes in all material; the others borrow from it. */
const INTAKE_SHARD = 0;

type Pool = ReturnType<typeof poolOf>;

export const intakeOf = (call: AuthenticatedCall, link: LinkEntry): Pool =>
  poolOf(call.env, pairOfLink(link), INTAKE_SHARD);

/** May the caller see this link at all? */
export function sees({ caller }: AuthenticatedCall, link: LinkEntry): boolean {
  return servesLink(caller.grant.principal, link, (id) => caller.lookup.nodesById.get(id));
}

/** The link of the path; one the caller may not see is as one that does not exist. */
export function linkOf(call: AuthenticatedCall): Result<LinkEntry, Fault> {
  const link = call.caller.lookup.linksById.get(call.path["link"] ?? "");
  return link !== undefined && sees(call, link) ? ok(link) : fail("not-found", "no such link");
}

/** An end of a link, as the caller speaks for it. */
export interface PushingEnd {
  /** Called anew for each attempt: it may throw. */
  readonly pool: () => Pool;
  /** What the pool wants to know of who calls. */
  readonly from: { readonly configVersion: number; readonly principal: string; readonly node: NodeId };
}

/** The end of the path's link for which the caller pushes, or asks what to push. */
export function pushingEnd(call: AuthenticatedCall, parameter = "node"): Result<PushingEnd, Fault> {
  const link = linkOf(call);
  if (!link.ok) return link;
  const node = pushingNode(call, link.value, parameter);
  if (!node.ok) return node;
  const { lookup, grant } = call.caller;
  const from = { configVersion: lookup.sequence, principal: principalName(grant.principal), node: node.value };
  return ok({ pool: () => intakeOf(call, link.value), from });
}

function pushingNode(call: AuthenticatedCall, link: LinkEntry, parameter: string): Result<NodeId, Fault> {
  const id = call.query.get(parameter);
  if (id === null) return fail("bad-request", `query ${parameter}: missing; it names the end of the link that pushes`);
  const node = call.caller.lookup.nodesById.get(id);
  if (node === undefined || !link.nodes.includes(id)) {
    return fail("bad-request", `query ${parameter}: shall be an end of the link (${link.nodes.join(" or ")})`);
  }
  if (!servesNode(call.caller.grant.principal, node)) return fail("forbidden", `you may not push for node ${id}`);
  return ok(nodeId(id));
}

const CONTROL_CHARACTER = /\p{Cc}/u;

export function blockIdOf(call: AuthenticatedCall): Result<BlockId, Fault> {
  const id = call.path["block"] ?? "";
  if (id.length > LIMITS.blockIdChars || CONTROL_CHARACTER.test(id)) {
    return fail("bad-request", `path block: shall have 1 to ${LIMITS.blockIdChars} characters, no control characters`);
  }
  return ok(id as BlockId);
}
