/** Operators sign in, and out, with a browser. */
import { csrfToken, sessionId, sessionOfCookies, setSessionCookie } from "../../shared/auth/session.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { fail } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import { monitorOf } from "../clients/monitor.ts";
import { sessionsOf, sessionWords } from "../clients/operator-sessions.ts";
import type { Session } from "../middleware/authenticate.ts";
import { readBearer } from "../middleware/bearer.ts";
import { isPageMeant } from "../middleware/browsers.ts";
import { type Answer, type HeaderTable, respond, respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));

/** Only the token of an operator begins one: it is what the session stands for. */
export async function postSession({ request, env, caller }: AuthenticatedCall): Reply {
  const { grant, lookup } = caller;
  const bearer = readBearer(request);
  const token = bearer.ok ? bearer.value : null;
  const { role, by, id: operator } = grant.principal;
  if (token === null || by !== "token" || role !== "operator")
    return fail("forbidden", "only an operator's token begins a session");
  if (!isPageMeant(request, env)) return fail("forbidden", "a page of another host sent the request");
  const sha256 = tokenSha256(token);
  const nowMs = Date.now();
  const tokenEndsMs = Date.parse(lookup.tokens.get(sha256)?.expires ?? "") || Infinity;
  const session = { id: sessionId(random()), expiresMs: Math.min(nowMs + LIMITS.sessionMs, tokenEndsMs) };
  const before = sessionOfCookies(request.headers.get("Cookie")) ?? null;
  const call = {
    sessionSha256: tokenSha256(session.id),
    operator,
    tokenSha256: sha256,
    expiresMs: session.expiresMs,
    replacesSha256: before === null ? null : tokenSha256(before),
    auditOverflow: lookup.policy.audit_overflow,
  };
  try {
    const begun = await sessionsOf(env).begin(call);
    if (!begun.ok) return begun;
  } catch {
    return UNAVAILABLE;
  }
  if (call.replacesSha256 !== null) sessionWords.forget(call.replacesSha256);
  const seconds = Math.floor((session.expiresMs - nowMs) / 1000);
  return ok(answer(caller, session, { "Set-Cookie": setSessionCookie(session.id, seconds) }));
}

const UNAVAILABLE = fail("unavailable", "the object of sessions does not answer, try again");

export async function getSession({ caller }: AuthenticatedCall): Reply {
  return await Promise.resolve(caller.session === null ? NO_SESSION : ok(answer(caller, caller.session)));
}

export async function deleteSession({ env, context, caller }: AuthenticatedCall): Reply {
  if (caller.session === null) return NO_SESSION;
  const sha256 = tokenSha256(caller.session.id);
  try {
    await sessionsOf(env).end(sha256);
  } catch {
    return UNAVAILABLE;
  }
  sessionWords.forget(sha256);
  // So do the sockets that it has opened; they would with its end at the latest.
  context.waitUntil(
    monitorOf(env)
      .endSession(sha256)
      .catch(() => undefined),
  );
  return ok(respond(null, "application/json", 204, { "Set-Cookie": setSessionCookie("", 0) }));
}

const NO_SESSION = fail("not-found", "the caller is not known by a session");

function answer({ grant }: AuthenticatedCall["caller"], { id, expiresMs }: Session, headers: HeaderTable = {}): Answer {
  const { principal, scopes } = grant;
  const csrf = csrfToken(id, random());
  const expires = new Date(expiresMs).toISOString();
  return respondJson({ principal: principalName(principal), scopes, csrf, expires }, 200, headers);
}
