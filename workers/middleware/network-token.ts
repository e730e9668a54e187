/** A caller by a bearer token of the network document that is not revoked, or by the bootstrap secret. */
import { BOOTSTRAP_OPERATOR } from "../../shared/auth/policy.ts";
import { constantTimeEqual } from "../../shared/auth/token.ts";
import type { Lookup } from "../../shared/network/lookup.ts";
import { ok } from "../../shared/result.ts";
import { granted, type Outcome, refused, unknown } from "./outcome.ts";

export function ofNetworkToken(sha256: string, lookup: Lookup, nowMs: number, bootstrapSha256?: string): Outcome {
  const owner = lookup.tokens.get(sha256);
  if (owner !== undefined && constantTimeEqual(owner.sha256, sha256)) {
    // An instant that does not parse is NaN, which is later than nothing.
    if (owner.expires !== null && !(Date.parse(owner.expires) > nowMs)) return refused("token expired");
    return granted(owner, "token", owner.scopes, lookup, nowMs);
  }
  if (bootstrapSha256 !== undefined && constantTimeEqual(bootstrapSha256.toLowerCase(), sha256)) {
    if (!lookup.snapshot.bootstrapOpen) return unknown("the bootstrap token is used up or too old");
    return ok({ principal: BOOTSTRAP_OPERATOR, scopes: null, drained: false });
  }
  return unknown("token of nobody known");
}
