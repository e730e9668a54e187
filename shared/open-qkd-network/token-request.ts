/**
 * What is asked of the token endpoint (RFC 6749 clauses 2.3.1, 4.3.2, 4.4.2 and 6) and of the one that revokes (RFC 7009
 * clause 2.1). A client shows its secret by Basic, or in the form; where it does both, as the original's do, Basic counts.
 */
import { fromBase64 } from "../bytes/base64.ts";
import { decodeUtf8 } from "../bytes/json.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { parameter, requiredParameter } from "./form.ts";
import { type OAuthError, oauthError } from "./oauth-errors.ts";

export const GRANTS = ["password", "client_credentials", "refresh_token"] as const;
export type Grant = (typeof GRANTS)[number];

/** The only scope there is, as of the original: what its clients ask for, and are told they have. */
export const SCOPE = "openid";

export interface ShownSecret {
  readonly id: string;
  readonly secret: string;
}

export type Wish =
  | { readonly grant: "password"; readonly username: string; readonly password: string }
  | { readonly grant: "client_credentials" }
  | { readonly grant: "refresh_token"; readonly token: string };

export interface TokenRequest {
  readonly client: ShownSecret;
  readonly wish: Wish;
}

/** @param authorization the header. @returns `invalid_client`, and what clause 5.2 has for the rest */
export function readTokenRequest(
  authorization: string | null,
  form: URLSearchParams,
): Result<TokenRequest, OAuthError> {
  const client = readClient(authorization, form);
  if (!client.ok) return client;
  const wish = readWish(form);
  if (!wish.ok) return wish;
  const scope = asInvalid(parameter(form, "scope"));
  if (!scope.ok) return scope;
  if (scope.value !== null && scope.value.split(" ").some((each) => each !== SCOPE)) {
    return err(oauthError("invalid_scope", `the only scope there is is ${SCOPE}`));
  }
  return ok({ client: client.value, wish: wish.value });
}

/** @returns the token that shall be good for nothing any more */
export function readRevocation(
  authorization: string | null,
  form: URLSearchParams,
): Result<{ readonly client: ShownSecret; readonly token: string }, OAuthError> {
  const client = readClient(authorization, form);
  if (!client.ok) return client;
  const token = asInvalid(requiredParameter(form, "token"));
  return token.ok ? ok({ client: client.value, token: token.value }) : token;
}

function readWish(form: URLSearchParams): Result<Wish, OAuthError> {
  const grant = asInvalid(requiredParameter(form, "grant_type"));
  if (!grant.ok) return grant;
  switch (grant.value) {
    case "password": {
      const username = asInvalid(requiredParameter(form, "username"));
      if (!username.ok) return username;
      const password = asInvalid(requiredParameter(form, "password"));
      if (!password.ok) return password;
      return ok({ grant: "password", username: username.value, password: password.value });
    }
    case "client_credentials":
      return ok({ grant: "client_credentials" });
    case "refresh_token": {
      const token = asInvalid(requiredParameter(form, "refresh_token"));
      return token.ok ? ok({ grant: "refresh_token", token: token.value }) : token;
    }
    default:
      return err(oauthError("unsupported_grant_type", `grant_type: shall be one of ${GRANTS.join(", ")}`));
  }
}

const NOT_SHOWN = oauthError(
  "invalid_client",
  "the client has not shown who it is: HTTP Basic, or client_id and client_secret",
);

function readClient(authorization: string | null, form: URLSearchParams): Result<ShownSecret, OAuthError> {
  if (authorization !== null) {
    const shown = basicOf(authorization);
    return shown === null ? err(NOT_SHOWN) : ok(shown);
  }
  const id = asInvalid(parameter(form, "client_id"));
  if (!id.ok) return id;
  const secret = asInvalid(parameter(form, "client_secret"));
  if (!secret.ok) return secret;
  return id.value === null || secret.value === null ? err(NOT_SHOWN) : ok({ id: id.value, secret: secret.value });
}

/** RFC 7617. Id and secret are taken as they stand, as the original does, not percent-decoded first. */
function basicOf(authorization: string): ShownSecret | null {
  if (authorization.length > LIMITS.authorizationChars) return null;
  const encoded = /^basic +(?<encoded>\S+)$/i.exec(authorization.trim())?.groups?.["encoded"];
  const bytes = encoded === undefined ? null : fromBase64(encoded);
  const text = bytes === null ? null : decodeUtf8(bytes);
  if (text === null || !text.ok) return null;
  const colon = text.value.indexOf(":");
  return colon === -1 ? null : { id: text.value.slice(0, colon), secret: text.value.slice(colon + 1) };
}

const asInvalid = <T>(result: Result<T, { readonly message: string }>): Result<T, OAuthError> =>
  result.ok ? result : err(oauthError("invalid_request", result.error.message));
