/** A key management entity's JSON below one base URL, asked with a bearer token or with what `fetch` shows. */
import { bearer, tokenIn } from "./bearer.ts";
import { type Call, exchange, type HttpAnswer } from "./exchange.ts";
import { type CallOptions, type ClientOptions, readSecret } from "./options.ts";
import { safeUrl } from "./urls.ts";
import { pauseAfter } from "./waiting.ts";

export interface HttpCall extends CallOptions {
  /** With its query, percent-encoded. */
  readonly path: string;
  /** Sent as JSON, by POST; without one it is a GET. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isRepeatable?: Call["isRepeatable"];
}

export class Http {
  readonly #base: string;
  readonly #options: ClientOptions;

  /** @throws TypeError for a URL that is none, or over which keys would go in clear text */
  constructor(options: ClientOptions) {
    this.#base = safeUrl(options.baseUrl, options.fetch);
    this.#options = options;
  }

  urlOf(path: string): string {
    return this.#base + path;
  }

  /** Null where `fetch` shows who asks. */
  async token(): Promise<string | null> {
    const { token } = this.#options;
    return token === undefined ? null : tokenIn(await readSecret(token));
  }

  async pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    await pauseAfter(attempt, null, signal, this.#options);
  }

  /** @throws UnreachableError, AnswerError for one that is too large, and the signal's reason */
  async call({ path, body, headers, isRepeatable, signal }: HttpCall): Promise<HttpAnswer> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const type: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
    const callOf = async (): Promise<Call> => ({
      url: this.urlOf(path),
      headers: { ...type, ...headers, ...bearer(await this.token()) },
      ...sent,
      isRepeatable,
    });
    return await exchange(callOf, this.#options, signal);
  }
}
