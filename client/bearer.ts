/** Bearer tokens on their way (RFC 6750). */

import { OAuthError } from "./errors.ts";

/** RFC 6750 clause 2.1, b64token. */
export const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * As a file has it, perhaps with a line's end.
 * @throws OAuthError, as whoever is asked would refuse it, for what no header can hold: `fetch` would quote it in its error
 */
export function tokenIn(text: string): string {
  const token = text.trim();
  if (!BEARER_TOKEN.test(token))
    throw new OAuthError("invalid_token", "not sent: no bearer token looks like this one", { status: 401 });
  return token;
}

/** @param token null: another way shows who asks */
export const bearer = (token: string | null): Record<string, string> =>
  token === null ? {} : { Authorization: `Bearer ${token}` };
