/** An operator's session as a request shows it: a cookie that the browser adds by itself, and so has to be meant. */
import {
  CSRF_HEADER,
  isCsrfToken,
  SESSION_COOKIE,
  type SessionHolder,
  sessionOfCookies,
} from "../../shared/auth/session.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Lookup } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { isOfOwnPage } from "./browsers.ts";
import type { Incoming } from "./incoming.ts";
import { ofNetworkToken } from "./network-token.ts";
import { type Outcome, refused, unknown } from "./outcome.ts";
import { isUpgrade } from "./sockets.ts";

/** RFC 9110 9.2.1: these change nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * @returns its id, null where there is none; `unauthorised` for one that is not well-formed or sent by another page's
 * doing, `forbidden` where it lacks the header that only the edge's own pages can send
 */
export function readSession(request: Incoming, env: Env): Result<string | null, Fault> {
  const { headers, method } = request;
  const id = sessionOfCookies(headers.get("Cookie"));
  if (id === null) return ok(null);
  if (id === undefined) return fail("unauthorised", `unreadable cookie ${SESSION_COOKIE}, or several of them`);
  // A WebSocket is not held to its own origin by browsers: `Origin` is all that tells of the page.
  const isMeant = isOfOwnPage(request, env) && (!isUpgrade(request) || headers.get("Origin") !== null);
  if (!isMeant) return fail("unauthorised", "a session's cookie, and not by a page of this edge");
  if (SAFE_METHODS.has(method)) return ok(id);
  const isShown = isCsrfToken(id, headers.get(CSRF_HEADER) ?? "");
  return isShown ? ok(id) : fail("forbidden", `header ${CSRF_HEADER}: shall be one that GET /api/v1/session gave`);
}

/** The operator, as the token that began the session is worth it now. */
export function ofSession(holder: SessionHolder | null, lookup: Lookup, nowMs: number): Outcome {
  if (holder === null || holder.expiresMs <= nowMs) return refused("a session that is over");
  if (lookup.revoked.has(`token:${holder.tokenSha256}`)) return refused("token revoked");
  const byToken = ofNetworkToken(holder.tokenSha256, lookup, nowMs);
  if (!byToken.ok) return byToken;
  const { principal } = byToken.value;
  if (principal.role !== "operator" || principal.id !== holder.operator)
    return unknown("a session by a token that is somebody else's now");
  return ok({ ...byToken.value, principal: { ...principal, by: "session" } });
}
