/** Tokens, for who shows the right secrets. Nothing here waits: between a check and its write there is no other call. */
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { mayUse, stampOf } from "../../shared/open-qkd-network/accounts.ts";
import { type OAuthError, oauthError, throttled } from "../../shared/open-qkd-network/oauth-errors.ts";
import { kmsToken } from "../../shared/open-qkd-network/token.ts";
import type { Grant, Wish } from "../../shared/open-qkd-network/token-request.ts";
import type { IssueCall, IssuedTokens, RevokeCall, UserAccount } from "../../shared/open-qkd-network/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { RefusalCounter } from "../key-pool/refusal-counter.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import { oneMore, pauseMs } from "./back-off.ts";
import { Ration, Rations } from "./ration.ts";
import { Secrets } from "./secrets.ts";
import type { KeptToken, NewTokens, TokenStore } from "./store.ts";

interface Parts {
  readonly store: TokenStore;
  readonly outbox: AuditOutbox;
  readonly nowMs: () => number;
  /** Slow hashes of all issuers of the isolate. */
  readonly hashes: Ration;
}

type Wished<Of extends Grant> = Extract<Wish, { grant: Of }>;
/** What a client shows of itself with every call. */
type ClientCall = Pick<IssueCall, "client" | "clientSecret" | "auditOverflow">;

const AUDIT_FULL = oauthError("temporarily_unavailable", "the audit log cannot take what is to be written down");
/** Of a wrong name as of a wrong password. The words are the original's. */
const BAD_CREDENTIALS = oauthError("invalid_grant", "Bad credentials");
const BAD_TOKEN = oauthError("invalid_grant", "Invalid refresh token");
const BAD_CLIENT = oauthError("invalid_client", "Bad client credentials");

export class Issuing {
  readonly #parts: Parts;
  /** The client's, and its users': who does not know the former takes nothing of the latter's ration. */
  readonly #clientSecrets: Secrets;
  readonly #passwords: Secrets;
  readonly #refusals = new RefusalCounter();
  /** Of tokens. Only who has proved to be somebody takes of what all the client's users share. */
  readonly #tokens: Ration;
  /** And none of them so much that nothing is left for the others. */
  readonly #tokensOfUsers = new Rations(LIMITS.kmsTokensOfUser, LIMITS.kmsUsers);
  /** Of passwords in a pause that are not the one that is remembered. */
  readonly #glances: Ration;

  constructor(parts: Parts) {
    const nowMs = parts.nowMs();
    this.#parts = parts;
    this.#clientSecrets = new Secrets(parts.hashes, nowMs);
    this.#passwords = new Secrets(parts.hashes, nowMs);
    this.#tokens = new Ration(LIMITS.kmsTokens, nowMs);
    this.#glances = new Ration(LIMITS.kmsGlances, nowMs);
  }

  issue(call: IssueCall): Result<IssuedTokens, OAuthError> {
    const nowMs = this.#parts.nowMs();
    const obstacle = this.#obstacle(call, nowMs);
    if (obstacle !== null) return err(obstacle);
    const { client, wish } = call;
    if (!client.grants.includes(wish.grant)) return this.#refuse(call, mayNot(wish.grant), nowMs);
    if (wish.grant === "password") return this.#byPassword(call, wish, nowMs);
    if (wish.grant === "refresh_token") return this.#byToken(call, wish, nowMs);
    return mayUse(client, null) ? this.#signIn(call, null, nowMs) : this.#refuse(call, mayNot(wish.grant), nowMs);
  }

  /** RFC 7009. */
  revoke(call: RevokeCall): Result<null, OAuthError> {
    const nowMs = this.#parts.nowMs();
    const obstacle = this.#obstacle(call, nowMs);
    if (obstacle !== null) return err(obstacle);
    const { store } = this.#parts;
    const token = store.token(call.tokenSha256);
    if (token === undefined) return ok(null);
    store.transaction(() => {
      if (token.kind === "access") store.dropToken(call.tokenSha256);
      else store.end(token.signIn);
      this.#audit(nowMs, "kms-token.revoke", whoOf(call.client.id, token.user), DEPLOYMENT_LOG, {
        client: call.client.id,
        kind: token.kind,
      });
    });
    return ok(null);
  }

  /** Why the client gets nowhere. */
  #obstacle(call: ClientCall, nowMs: number): OAuthError | null {
    if (this.#parts.outbox.full() && call.auditOverflow === "refuse") return AUDIT_FULL;
    const shown = this.#clientSecrets.check(call.client.secret, call.clientSecret, nowMs);
    if (shown.is === "right") return null;
    return this.#noted(call, shown.is === "throttled" ? tooManySecrets(shown.waitMs) : BAD_CLIENT, nowMs);
  }

  #byPassword(call: IssueCall, wish: Wished<"password">, nowMs: number): Result<IssuedTokens, OAuthError> {
    const { store } = this.#parts;
    // One of other clients' users is nobody here, whatever the password.
    const user = call.user !== null && mayUse(call.client, call.user) ? call.user : null;
    const name = wish.username.slice(0, LIMITS.kmsSecretChars);
    const failures = store.failures(name);
    const waitMs = pauseMs(failures, nowMs);
    if (waitMs > 0 && !this.#isRemembered(user, wish.password, nowMs))
      return this.#refuse(call, throttled("too many wrong passwords for this user", waitMs), nowMs);
    const shown =
      user === null
        ? this.#passwords.pretend(call.decoy, wish.password, nowMs)
        : this.#passwords.check(user.password, wish.password, nowMs);
    if (shown.is === "throttled") return this.#refuse(call, tooManySecrets(shown.waitMs), nowMs);
    if (shown.is === "right" && user !== null) return this.#signIn(call, user, nowMs);
    store.transaction(() => store.putFailures(name, oneMore(failures, nowMs), nowMs));
    return this.#refuse(call, BAD_CREDENTIALS, nowMs);
  }

  /** Whoever guesses in a pause is told no without a hash, and so could guess as fast as questions go: not faster than this. */
  #isRemembered(user: UserAccount | null, password: string, nowMs: number): boolean {
    if (user === null || !this.#glances.has(nowMs)) return false;
    const isIt = this.#passwords.knows(user.password, password, nowMs);
    if (!isIt) this.#glances.take(nowMs);
    return isIt;
  }

  #byToken(call: IssueCall, wish: Wished<"refresh_token">, nowMs: number): Result<IssuedTokens, OAuthError> {
    const { store } = this.#parts;
    const { client, user } = call;
    const sha256 = tokenSha256(wish.token);
    const token = store.token(sha256);
    const isLive = token !== undefined && token.kind !== "access" && token.expiresMs > nowMs;
    if (!isLive || user === null || token.user !== user.id || !isOf(token, client, user)) {
      return this.#refuse(call, BAD_TOKEN, nowMs);
    }
    if (token.kind === "used") {
      // Somebody else has a copy, and neither of the two can be told from the other (RFC 6819 clause 5.2.2.3).
      store.transaction(() => {
        store.end(token.signIn);
        this.#audit(nowMs, "kms-token.reused", whoOf(client.id, user.id), user.node, { client: client.id });
      });
      return err(BAD_TOKEN);
    }
    const waitMs = this.#takeTurn(user.id, nowMs);
    if (waitMs > 0) return this.#refuse(call, tooManyTokens(waitMs), nowMs);
    const { tokens, issued } = newTokens(client.id, true, nowMs);
    store.transaction(() => {
      store.refresh(sha256, token, tokens);
      this.#issued(call, user, nowMs);
    });
    return ok(issued);
  }

  /** @param user null: the client itself */
  #signIn(call: IssueCall, user: UserAccount | null, nowMs: number): Result<IssuedTokens, OAuthError> {
    const { store } = this.#parts;
    const { client } = call;
    const waitMs = this.#takeTurn(user?.id ?? client.id, nowMs);
    if (waitMs > 0) return this.#refuse(call, tooManyTokens(waitMs), nowMs);
    const { tokens, issued } = newTokens(client.id, user !== null && client.grants.includes("refresh_token"), nowMs);
    store.transaction(() => {
      store.signIn(user?.id ?? null, stampOf(client, user), tokens);
      if (user !== null) store.forgetFailures(user.id);
      this.#issued(call, user, nowMs);
    });
    return ok(issued);
  }

  /** @param who a user, or the client itself. @returns how long to wait; 0: not */
  #takeTurn(who: string, nowMs: number): number {
    return this.#tokensOfUsers.take(who, nowMs) || this.#tokens.take(nowMs);
  }

  #refuse(call: IssueCall, refusal: OAuthError, nowMs: number): Result<never, OAuthError> {
    return err(this.#noted(call, refusal, nowMs));
  }

  /** Into the audit log now and then, as strangers may be refused as often as they like. */
  #noted(call: ClientCall & Partial<Pick<IssueCall, "user">>, refusal: OAuthError, nowMs: number): OAuthError {
    const claimed = call.user?.id ?? null;
    const refusals = this.#refusals.count(claimed ?? "", refusal.code, nowMs);
    if (refusals > 0) {
      const detail = { client: call.client.id, claimed_user: claimed, code: refusal.code, refusals };
      const node = call.user?.node ?? DEPLOYMENT_LOG;
      this.#parts.store.transaction(() => this.#audit(nowMs, "kms-token.refused", "unknown", node, detail));
    }
    return refusal;
  }

  #issued({ client, wish }: IssueCall, user: UserAccount | null, nowMs: number): void {
    const node = user?.node ?? client.node ?? DEPLOYMENT_LOG;
    const detail = { client: client.id, grant: wish.grant };
    this.#audit(nowMs, "kms-token.issue", whoOf(client.id, user?.id ?? null), node, detail);
  }

  /** Inside the transaction of what it tells of. */
  #audit(atMs: number, act: string, who: string, node: string, detail: AuditEvent["detail"]): void {
    const { outbox } = this.#parts;
    const event = { atMs, act, who, node, detail };
    if (outbox.full()) outbox.drop([event]);
    else outbox.record([event]);
  }
}

const whoOf = (client: string, user: string | null): string => `kms-user:${user ?? client}`;
const mayNot = (grant: Grant): OAuthError =>
  oauthError("unauthorized_client", `the client may not use the grant ${grant}`);
const tooManySecrets = (waitMs: number): OAuthError => throttled("too many secrets were shown for this client", waitMs);
const tooManyTokens = (waitMs: number): OAuthError => throttled("the client asks for too many tokens", waitMs);

/** Do the accounts stand as they stood when it was given? */
const isOf = (token: KeptToken, client: IssueCall["client"], user: UserAccount): boolean =>
  token.stamp === stampOf(client, user) && mayUse(client, user);

function newTokens(
  client: string,
  refreshes: boolean,
  nowMs: number,
): { readonly tokens: NewTokens; readonly issued: IssuedTokens } {
  const draw = (): string => kmsToken(client, crypto.getRandomValues(new Uint8Array(32)));
  const accessToken = draw();
  const refreshToken = refreshes ? draw() : null;
  const kept = (token: string, seconds: number) => ({ sha256: tokenSha256(token), expiresMs: nowMs + seconds * 1000 });
  return {
    tokens: {
      access: kept(accessToken, LIMITS.kmsAccessSeconds),
      refresh: refreshToken === null ? null : kept(refreshToken, LIMITS.kmsRefreshSeconds),
    },
    issued: { accessToken, refreshToken, expiresInSeconds: LIMITS.kmsAccessSeconds },
  };
}
