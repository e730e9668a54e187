/** The KMS API of Open-QKD-Network, as qTox and the TLS demo use it: a token, a new key, the same key at the other site. */
import { bearer } from "./bearer.ts";
import { unlessAborted } from "./deadline.ts";
import { exchange, FORM_TYPE, type HttpAnswer } from "./exchange.ts";
import { type KmsKey, readKey } from "./kms-answers.ts";
import { KmsTokens, type KmsTokenOptions } from "./kms-tokens.ts";
import type { KmsUrls } from "./kms-urls.ts";
import type { CallOptions } from "./options.ts";
import { safeUrl } from "./urls.ts";

export interface KmsOptions extends KmsTokenOptions {
  /** `kmsUrls("https://edge.example.org")`, or of a `kms.conf`: `readKmsConf(text).urls`. */
  readonly urls: KmsUrls;
}

const UNAUTHORIZED = 401;

/**
 * One user's way to the KMS of its site.
 *
 * It signs in when it needs to, and renews its token in time. Answers 503 are asked for again with growing pauses; no other is.
 * @example
 * const kms = new KmsClient({
 *   urls: kmsUrls("https://edge.example.org"),
 *   client: { id: "html5", secret },
 *   grant: { type: "password", username: "alice", password },
 * });
 * const { blockId, index, key } = await kms.newKey("B");
 */
export class KmsClient {
  readonly #urls: KmsUrls;
  readonly #options: KmsOptions;
  readonly #tokens: KmsTokens;

  /** @throws TypeError for a URL that is none, or over which keys and passwords would go in clear text */
  constructor(options: KmsOptions) {
    const { urls, fetch } = options;
    this.#urls = {
      token: safeUrl(urls.token, fetch),
      newKey: safeUrl(urls.newKey, fetch),
      getKey: safeUrl(urls.getKey, fetch),
      ...(urls.revoke === undefined ? {} : { revoke: safeUrl(urls.revoke, fetch) }),
    };
    this.#options = options;
    this.#tokens = new KmsTokens(this.#urls.token, options);
  }

  /**
   * A key for this site and that one, which has to be told its block and index.
   * @throws NoKeyError, OAuthError, RefusedError, AnswerError, UnreachableError
   */
  async newKey(siteId: string, { signal }: CallOptions = {}): Promise<KmsKey> {
    return readKey(await this.#call(this.#urls.newKey, { siteid: siteId }, signal), null);
  }

  /**
   * The key that that site was given for this one. At qkd-edge it is given once.
   * @throws as `newKey`
   */
  async getKey(siteId: string, blockId: string, index: number, { signal }: CallOptions = {}): Promise<KmsKey> {
    const parameters = { siteid: siteId, index: String(index), blockid: blockId };
    return readKey(await this.#call(this.#urls.getKey, parameters, signal), { blockId, index });
  }

  /**
   * Forgets the tokens, and has them revoked where the KMS can. The next call signs in anew.
   * @throws OAuthError, RefusedError, UnreachableError: then they are forgotten, but good until they expire
   */
  async signOut({ signal }: CallOptions = {}): Promise<void> {
    const tokens = await unlessAborted(this.#tokens.forget(), signal);
    const { revoke } = this.#urls;
    if (revoke === undefined) return;
    for (const token of tokens) await unlessAborted(this.#tokens.revoke(revoke, token, signal), signal);
  }

  /** Nothing is consumed by a 401: it is worth one more token, revoked or forgotten as the one before may be. */
  async #call(
    url: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    // By POST: what a URL holds stands in logs.
    const body = new URLSearchParams(parameters).toString();
    const attempt = async (token: string): Promise<HttpAnswer> => {
      const headers = { ...bearer(token), "Content-Type": FORM_TYPE };
      return await exchange(() => ({ url, headers, body }), this.#options, signal);
    };
    const token = await this.#tokens.accessToken(signal);
    const answer = await attempt(token);
    if (answer.status !== UNAUTHORIZED) return answer;
    this.#tokens.reject(token);
    return await attempt(await this.#tokens.accessToken(signal));
  }
}
