/** What became of the caller's proofs: for people who set up a client, and for KME fronts (their connections). */
import { ok } from "../../shared/result.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export async function getWhoami({ caller }: AuthenticatedCall): Reply {
  const { principal, scopes, drained } = caller.grant;
  const { role, id, by } = principal;
  const where =
    role === "sae" || role === "kms-user" ? { node: principal.node } : role === "agent" ? { site: principal.site } : {};
  const answer = { role, id, ...where, by, scopes, draining: drained, sequence: caller.lookup.sequence };
  return await Promise.resolve(ok(respondJson(answer)));
}
