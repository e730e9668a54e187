/** What looking at a caller's proofs comes to. */
import type { Grant } from "../../shared/auth/policy.ts";
import { type AuthenticatedBy, type Principal, principalName } from "../../shared/auth/principal.ts";
import type { Lookup, Owner } from "../../shared/network/lookup.ts";
import { err, ok, type Result } from "../../shared/result.ts";

/** Why not: the reason is for logs only (the response has an empty body). */
export type Outcome = Result<Grant, { readonly reason: string; readonly unknown: boolean }>;

export const refused = (reason: string): Outcome => err({ reason, unknown: false });
/** Not known in this copy of the network: a newer one may know it. */
export const unknown = (reason: string): Outcome => err({ reason, unknown: true });

/** The owner of a proof that is good, unless it is out itself. */
export function granted(
  owner: Owner,
  by: AuthenticatedBy,
  scopes: readonly string[] | null,
  lookup: Lookup,
  nowMs: number,
): Outcome {
  const principal: Principal = { ...owner.subject, by };
  if (lookup.revoked.has(`principal:${principalName(principal)}`)) return refused("principal revoked");
  if (owner.drainedUntilMs !== null && owner.drainedUntilMs <= nowMs) return unknown("principal removed");
  return ok({ principal, scopes, drained: owner.drainedUntilMs !== null });
}
