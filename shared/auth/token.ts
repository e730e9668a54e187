/** Bearer tokens (RFC 6750): 256 random bits of which the system stores and compares only the SHA-256. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";

/** RFC 6750 section 2.1: the scheme in any case, blanks, `b64token`. */
const BEARER = /^bearer +(?<token>[A-Za-z0-9._~+/-]+=*)$/iu;

/** The token of an `Authorization` header; null when it is of another scheme, malformed or longer than the bound. */
export function bearerToken(header: string): string | null {
  if (header.length > LIMITS.authorizationChars) return null;
  return BEARER.exec(header.trim())?.groups?.["token"] ?? null;
}

/** Could it be a token at all? Visible ASCII only: a header takes nothing else. */
export const isTokenText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

/** SHA-256 of the token's text, 64 lower-case hex digits: what the network document holds. */
export const tokenSha256 = (token: string): string => toHex(sha256(new TextEncoder().encode(token)));

/** Are two texts equal? Takes equally long whatever their first difference; lengths are no secret. */
export function constantTimeEqual(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
