/** Errors as OAuth 2.0 tells them (RFC 6749 clause 5.2), with the statuses of Spring's, which the original is made with. */
import * as v from "valibot";
import { type Fault, HTTP_STATUS } from "../errors/errors.ts";

/** error -> HTTP status */
export const OAUTH_STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  /** Of the token endpoint: too many of one client's requests. The name is that of clause 4.1.2.1. */
  temporarily_unavailable: 503,
  server_error: 500,
} as const satisfies Record<string, number>;
export type OAuthCode = keyof typeof OAUTH_STATUS;

export interface OAuthError {
  readonly code: OAuthCode;
  readonly description: string;
  /** Of who has to wait: the answer is a 429. */
  readonly retryAfterSeconds?: number;
}

export const OAuthErrorSchema = v.looseObject({ error: v.string(), error_description: v.optional(v.string()) });

export const oauthError = (code: OAuthCode, description: string): OAuthError => ({ code, description });

/** @param waitMs until it makes sense to try again */
export const throttled = (description: string, waitMs: number): OAuthError => ({
  code: "temporarily_unavailable",
  description,
  retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
});

export const oauthStatus = ({ code, retryAfterSeconds }: OAuthError): number =>
  retryAfterSeconds === undefined ? OAUTH_STATUS[code] : HTTP_STATUS["rate-limited"];

export const oauthBody = (error: string, description: string) => ({ error, error_description: description });

/** A fault of the edge's own at the token endpoint. Its HTTP status stays. */
export function oauthFaultBody({ code, message }: Fault): object {
  const status = HTTP_STATUS[code];
  if (status >= 500) return oauthBody(status === 503 ? "temporarily_unavailable" : "server_error", message);
  return oauthBody("invalid_request", message);
}

/** Of a request that shows no access token, or none that counts (RFC 6750 clause 3.1). Why not is nobody's business. */
export const INVALID_TOKEN = oauthBody("invalid_token", "no access token that is valid at present");
export const INVALID_TOKEN_CHALLENGE = 'Bearer realm="qkd-edge", error="invalid_token"';
/** Of one whose client has not shown its secret (RFC 6749 clause 5.2). */
export const CLIENT_CHALLENGE = 'Basic realm="qkd-edge"';
