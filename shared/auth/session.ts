/**
 * Sessions of operators in browsers: a cookie that no script reads stands for the token that was shown at sign-in. It is
 * worth what that token is worth, and nothing where keys are handed out.
 *
 * Another page can make a browser send the cookie, but not the header beside it: that is derived from the session's id
 * (an HMAC, FIPS 198-1), which pages do not have, and told to the edge's own pages only. Nothing has to be kept for it, and
 * any number of tabs have theirs.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../bytes/hex.ts";
import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";
import { constantTimeEqual } from "./token.ts";

/** `__Host-`: browsers take it from this host alone, over TLS or from the machine they run on, and for all its paths. */
export const SESSION_COOKIE = "__Host-qkd-session";
export const CSRF_HEADER = "QKD-CSRF";

const SESSION_ID = /^[0-9a-f]{64}$/;
const CSRF = /^(?<salt>[0-9a-f]{64})[0-9a-f]{64}$/;

/** @param random 32 bytes */
export const sessionId = (random: Uint8Array): string => toHex(random);

/**
 * The session of a `Cookie` header (RFC 6265 section 4.2).
 * @returns null where there is none; undefined where there are several, or one that is none of ours
 */
export function sessionOfCookies(header: string | null): string | null | undefined {
  if (header === null) return null;
  const [cookie, ...more] = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`));
  if (cookie === undefined) return null;
  const id = cookie.slice(SESSION_COOKIE.length + 1);
  return more.length === 0 && SESSION_ID.test(id) ? id : undefined;
}

/** @param seconds how long browsers keep it; 0: they drop it at once */
export const setSessionCookie = (id: string, seconds: number): string =>
  `${SESSION_COOKIE}=${id}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Strict`;

/** @param random 32 bytes */
export const csrfToken = (session: string, random: Uint8Array): string => tokenOf(session, toHex(random));

/** Is it one of this session's? */
export function isCsrfToken(session: string, token: string): boolean {
  const salt = CSRF.exec(token)?.groups?.["salt"];
  return salt !== undefined && constantTimeEqual(tokenOf(session, salt), token);
}

const tokenOf = (session: string, salt: string): string =>
  salt + toHex(hmac(sha256, utf8(session), utf8(`qkd-edge csrf ${salt}`)));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a session stands for. */
export interface SessionHolder {
  readonly operator: string;
  /** Of the token shown at sign-in. */
  readonly tokenSha256: string;
  readonly expiresMs: number;
}

/** How much of an audit outbox that is full stops requests: the network's policy. */
type AuditOverflow = "refuse" | "drop";

export interface BeginSession extends SessionHolder {
  readonly sessionSha256: string;
  /** The one that the same browser had before; it ends. */
  readonly replacesSha256: string | null;
  readonly auditOverflow: AuditOverflow;
}

/** What the OperatorSessions object, one a deployment, promises to Workers. */
export interface OperatorSessionsRpc {
  /** Those that this operator began first make room, then those of anybody. @returns `audit-full` */
  begin(call: BeginSession): Promise<Result<null, Fault>>;
  /** Null: there is no such session any more. */
  holderOf(sessionSha256: string): Promise<SessionHolder | null>;
  end(sessionSha256: string): Promise<void>;
}
