/** The token endpoint of the Open-QKD-Network KMS API (RFC 6749), and the one that revokes (RFC 7009). */
import { logFailure } from "../../../durable-objects/log-failure.ts";
import { tokenSha256 } from "../../../shared/auth/token.ts";
import type { Fault } from "../../../shared/errors/errors.ts";
import { revocationKey, type Lookup } from "../../../shared/network/lookup.ts";
import {
  CLIENT_CHALLENGE,
  oauthBody,
  oauthError,
  type OAuthError,
  oauthStatus,
} from "../../../shared/open-qkd-network/oauth-errors.ts";
import { clientOfKmsToken } from "../../../shared/open-qkd-network/token.ts";
import {
  readRevocation,
  readTokenRequest,
  SCOPE,
  type ShownSecret,
  type Wish,
} from "../../../shared/open-qkd-network/token-request.ts";
import type { ClientAccount, IssuedTokens, TokenIssuerRpc } from "../../../shared/open-qkd-network/types.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { directoryCache, snapshotSourceOf } from "../../clients/directory.ts";
import { issuerOf, kmsTokenWords } from "../../clients/token-issuer.ts";
import { type Answer, respondJson } from "../../middleware/respond.ts";
import type { Call, Reply } from "../handler.ts";
import { readForm } from "./form-body.ts";

/** RFC 6749 clause 5.1; `Cache-Control` every answer has. */
const NO_CACHE = { Pragma: "no-cache" };
const UNKNOWN_CLIENT = oauthError("invalid_client", "Bad client credentials");
const NO_ANSWER = oauthError("temporarily_unavailable", "the part that gives tokens does not answer, try again");

export async function postToken(call: Call): Reply {
  return await byClient(call, readTokenRequest, async ({ lookup, client, issuer }, { client: shown, wish }) => {
    const name = await userOf(issuer, client, wish);
    const user = name === null ? undefined : lookup.kmsUsersById.get(name);
    const issued = await issuer.issue({
      // One whose principal is revoked gets none for itself; what it is to its users is another matter.
      client: isOut(lookup, client.id) ? { ...client, node: undefined } : client,
      clientSecret: shown.secret,
      wish,
      user: user === undefined || isOut(lookup, user.id) ? null : user,
      decoy: lookup.snapshot.document.kms_users?.[0]?.password ?? client.secret,
      auditOverflow: lookup.policy.audit_overflow,
    });
    return issued.ok ? ok(respondTokens(issued.value)) : issued;
  });
}

/** An unknown token is as good as revoked (RFC 7009 clause 2.2). */
export async function postTokenRevocation(call: Call): Reply {
  return await byClient(call, readRevocation, async ({ lookup, client, issuer }, { client: shown, token }) => {
    const sha256 = tokenSha256(token);
    const auditOverflow = lookup.policy.audit_overflow;
    const revoked = await issuer.revoke({ client, clientSecret: shown.secret, tokenSha256: sha256, auditOverflow });
    kmsTokenWords.forget(sha256);
    return revoked.ok ? ok(respondJson({}, 200, NO_CACHE)) : revoked;
  });
}

/** The client that calls, in the network it is seen in. It has still to show its secret to its issuer. */
interface Caller {
  readonly lookup: Lookup;
  readonly client: ClientAccount;
  readonly issuer: TokenIssuerRpc;
}

/** A request with a form in its body, and there only: what stands in a URL ends up in logs. */
async function byClient<Request extends { readonly client: ShownSecret; readonly wish?: Wish }>(
  call: Call,
  read: (authorization: string | null, form: URLSearchParams) => Result<Request, OAuthError>,
  serve: (caller: Caller, request: Request) => Promise<Result<Answer, OAuthError>>,
): Reply {
  const form = await readForm(call.request, call.maxBodyBytes);
  if (!form.ok) {
    return form.error.code === "bad-request" ? ok(refusal(oauthError("invalid_request", form.error.message))) : form;
  }
  const request = read(call.request.headers.get("Authorization"), form.value);
  if (!request.ok) return ok(refusal(request.error));
  const { client: shown, wish } = request.value;
  const network = await networkWith(call, shown.id, wish?.grant === "password" ? wish.username : null);
  if (!network.ok) return network;
  const client = network.value.kmsClientsById.get(shown.id);
  if (client === undefined) return ok(refusal(UNKNOWN_CLIENT));
  const caller = { lookup: network.value, client, issuer: issuerOf(call.env, client.id) };
  try {
    const answer = await serve(caller, request.value);
    return ok(answer.ok ? answer.value : refusal(answer.error));
  } catch (error) {
    logFailure("a token issuer did not answer", error);
    return ok(refusal(NO_ANSWER));
  }
}

/** The network as this isolate knows it, or a newer one where it does not know the client, or the user. */
async function networkWith(call: Call, client: string, user: string | null): Promise<Result<Lookup, Fault>> {
  const source = snapshotSourceOf(call.env);
  const view = await directoryCache.lookup(source, call.context);
  if (!view.ok) return view;
  const { kmsClientsById: clients, kmsUsersById: users } = view.value;
  const isKnown = clients.has(client) && (user === null || users.has(user));
  return isKnown ? view : ok((await directoryCache.afterMiss(source, view.value)) ?? view.value);
}

/** Who is to get tokens; null: nobody, or the client itself. */
async function userOf(issuer: TokenIssuerRpc, client: ClientAccount, wish: Wish): Promise<string | null> {
  if (wish.grant === "password") return wish.username;
  if (wish.grant === "client_credentials" || clientOfKmsToken(wish.token) !== client.id) return null;
  return (await issuer.holderOf(tokenSha256(wish.token)))?.user ?? null;
}

const isOut = ({ revoked }: Lookup, id: string): boolean => revoked.has(revocationKey("principal", `kms-user:${id}`));

function respondTokens({ accessToken, refreshToken, expiresInSeconds }: IssuedTokens): Answer {
  const refresh = refreshToken === null ? {} : { refresh_token: refreshToken };
  const tokens = { access_token: accessToken, token_type: "bearer", ...refresh };
  return respondJson({ ...tokens, expires_in: expiresInSeconds, scope: SCOPE }, 200, NO_CACHE);
}

function refusal(error: OAuthError): Answer {
  const challenge = error.code === "invalid_client" ? { "WWW-Authenticate": CLIENT_CHALLENGE } : {};
  const retry = error.retryAfterSeconds === undefined ? {} : { "Retry-After": String(error.retryAfterSeconds) };
  const body = oauthBody(error.code, error.description);
  return respondJson(body, oauthStatus(error), { ...NO_CACHE, ...challenge, ...retry });
}
