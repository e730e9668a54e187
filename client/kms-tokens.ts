/** One user's tokens at the OAuth 2.0 token service of a KMS (RFC 6749): in memory only, renewed before they end. */
import { CLIENT } from "../shared/limits-client.ts";
import { toBase64 } from "../shared/bytes/base64.ts";
import { unlessAborted } from "./deadline.ts";
import { OAuthError, RefusedError } from "./errors.ts";
import { exchange, FORM_TYPE, type HttpAnswer } from "./exchange.ts";
import { oauthRefusal, readToken, type TokenGiven } from "./kms-answers.ts";
import { readSecret, type RequestOptions, type Secret } from "./options.ts";

/** How a token is asked for. */
export type KmsGrant =
  | { readonly type: "password"; readonly username: string; readonly password: Secret }
  | { readonly type: "client_credentials" }
  /** One that was given before, elsewhere; each is good once. */
  | { readonly type: "refresh_token"; readonly refreshToken: Secret };

export interface KmsTokenOptions extends RequestOptions {
  /** The application's own id and secret, which the operator has given it. */
  readonly client: { readonly id: string; readonly secret: Secret };
  readonly grant: KmsGrant;
  /** Is told each refresh token that comes: the one before is worth nothing any more. For those who keep it themselves. */
  readonly onRefreshToken?: (refreshToken: string) => void;
}

interface AccessToken {
  readonly text: string;
  /** By this machine's clock. */
  readonly renewAtMs: number;
}

type Parameters = Readonly<Record<string, string>>;

export class KmsTokens {
  readonly #url: string;
  readonly #options: KmsTokenOptions;
  #access: AccessToken | null = null;
  #refreshToken: string | null = null;
  #renewal: Promise<AccessToken> | null = null;

  constructor(url: string, options: KmsTokenOptions) {
    this.#url = url;
    this.#options = options;
  }

  /**
   * A token that should be good. Who asks while one is being fetched waits for the same.
   * @throws OAuthError, RefusedError, AnswerError, UnreachableError, and the signal's reason
   */
  async accessToken(signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted();
    if (this.#access !== null && Date.now() < this.#access.renewAtMs) return this.#access.text;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return (await unlessAborted(this.#renewal, signal)).text;
  }

  /** The KMS does not take this one any more, whatever its time. */
  reject(accessToken: string): void {
    if (this.#access?.text === accessToken) this.#access = null;
  }

  /** Forgets the tokens, those that are on their way too. @returns what there was to forget */
  async forget(): Promise<readonly string[]> {
    await this.#renewal?.catch(() => undefined);
    const tokens = [this.#refreshToken, this.#access?.text ?? null].filter((token) => token !== null);
    this.#access = null;
    this.#refreshToken = null;
    return tokens;
  }

  /** RFC 7009. @throws OAuthError, RefusedError, UnreachableError, and the signal's reason */
  async revoke(url: string, token: string, signal: AbortSignal | undefined): Promise<void> {
    const answer = await this.#post(url, { token }, signal);
    if (answer.status !== 200) throw oauthRefusal(answer);
  }

  /** Not ended by the signal of one of those who wait. */
  async #renew(): Promise<AccessToken> {
    const given = (await this.#refresh()) ?? (await this.#signIn());
    if (given.refreshToken !== null && given.refreshToken !== this.#refreshToken) {
      this.#options.onRefreshToken?.(given.refreshToken);
    }
    this.#refreshToken = given.refreshToken;
    this.#access = { text: given.accessToken, renewAtMs: renewAtMs(given.expiresInSeconds) };
    return this.#access;
  }

  /** @returns null where there is no refresh token that is good, and another way in */
  async #refresh(): Promise<TokenGiven | null> {
    const { grant } = this.#options;
    const isOnlyWay = grant.type === "refresh_token";
    const refreshToken = this.#refreshToken ?? (isOnlyWay ? await readSecret(grant.refreshToken) : null);
    if (refreshToken === null) return null;
    try {
      const given = await this.#ask({ grant_type: "refresh_token", refresh_token: refreshToken });
      return { ...given, refreshToken: given.refreshToken ?? refreshToken };
    } catch (error) {
      const isOver = error instanceof OAuthError && error.code === "invalid_grant";
      // It is good once: were the answer lost, to use it again would look like theft.
      if (!isOnlyWay && (isOver || !(error instanceof RefusedError))) this.#refreshToken = null;
      if (isOver && !isOnlyWay) return null;
      throw error;
    }
  }

  async #signIn(): Promise<TokenGiven> {
    const { grant } = this.#options;
    if (grant.type !== "password") return await this.#ask({ grant_type: "client_credentials" });
    const { username, password } = grant;
    return await this.#ask({ grant_type: "password", username, password: await readSecret(password) });
  }

  async #ask(parameters: Parameters): Promise<TokenGiven> {
    return readToken(await this.#post(this.#url, parameters, undefined));
  }

  async #post(url: string, parameters: Parameters, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    const { client } = this.#options;
    const headers = {
      Authorization: `Basic ${basic(client.id, await readSecret(client.secret))}`,
      "Content-Type": FORM_TYPE,
    };
    const body = new URLSearchParams(parameters).toString();
    return await exchange(() => ({ url, headers, body }), this.#options, signal);
  }
}

/** RFC 7617, as clients of the original send it: without the form encoding that RFC 6749 clause 2.3.1 adds. */
const basic = (id: string, secret: string): string => toBase64(new TextEncoder().encode(`${id}:${secret}`));

function renewAtMs(expiresInSeconds: number | null): number {
  if (expiresInSeconds === null) return Infinity;
  const lifeMs = expiresInSeconds * 1000;
  return Date.now() + Math.max(lifeMs * 0.9, lifeMs - CLIENT.clientRenewalMs);
}
