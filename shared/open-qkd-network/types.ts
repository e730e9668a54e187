/** What a TokenIssuer object, named by the id of an OAuth client, promises to Workers. Types only. */
import type { Result } from "../result.ts";
import type { OAuthError } from "./oauth-errors.ts";
import type { Grant, Wish } from "./token-request.ts";

/** What stands of a client in the network document. */
export interface ClientAccount {
  readonly id: string;
  /** As in `password-hash.ts`. */
  readonly secret: string;
  readonly grants: readonly Grant[];
  /** For whose site it gets tokens of its own (client_credentials). */
  readonly node?: string | undefined;
}

export interface UserAccount {
  readonly id: string;
  readonly password: string;
  readonly node: string;
  /** The clients by which the user may sign in; absent: all. */
  readonly clients?: readonly string[] | undefined;
}

/** How much of an audit outbox that is full stops requests: the network's policy. */
type AuditOverflow = "refuse" | "drop";

export interface IssueCall {
  readonly client: ClientAccount;
  readonly clientSecret: string;
  readonly wish: Wish;
  /** By its name, or of the refresh token; null: the network has no such user, or its principal is revoked. */
  readonly user: UserAccount | null;
  /** A hash to be computed for names of nobody, so that they take as long. */
  readonly decoy: string;
  readonly auditOverflow: AuditOverflow;
}

export interface RevokeCall {
  readonly client: ClientAccount;
  readonly clientSecret: string;
  readonly tokenSha256: string;
  readonly auditOverflow: AuditOverflow;
}

export interface IssuedTokens {
  readonly accessToken: string;
  /** Null: the client may not refresh, or has no user. */
  readonly refreshToken: string | null;
  readonly expiresInSeconds: number;
}

/** For whom a token was given. */
export interface TokenHolder {
  readonly kind: "access" | "refresh";
  readonly client: string;
  /** Null: for the client itself. */
  readonly user: string | null;
  /** See `stampOf`. */
  readonly stamp: string;
  readonly expiresMs: number;
}

export interface TokenIssuerRpc {
  issue(call: IssueCall): Promise<Result<IssuedTokens, OAuthError>>;
  /** Null: nobody, or nobody any more. */
  holderOf(tokenSha256: string): Promise<TokenHolder | null>;
  /** RFC 7009: a token that is unknown, or another client's, is as good as revoked. */
  revoke(call: RevokeCall): Promise<Result<null, OAuthError>>;
}
