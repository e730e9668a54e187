/** What every client here is told. */

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface RequestOptions {
  /** In place of the global one: with a client certificate, over a service binding, through a proxy ... */
  readonly fetch?: Fetch;
  /** Of one request. An OPEN_CONNECT may wait for as long as its QOS.Timeout says. */
  readonly timeoutMs?: number;
  /** How often a request is sent at most, where it is answered 503 and nothing was consumed; 1: never again. */
  readonly attempts?: number;
  /** Waits between attempts; rejects once the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** A secret, or what reads it where it is kept: asked for each time that one is needed. */
export type Secret = string | (() => string | Promise<string>);

export interface ClientOptions extends RequestOptions {
  /** Where the key management entity is: `https://kme.example.org:9000`, perhaps with a path before `/api`. */
  readonly baseUrl: string;
  /** Bearer token. None where `fetch` shows a certificate. */
  readonly token?: Secret;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export const readSecret = async (secret: Secret): Promise<string> =>
  typeof secret === "string" ? secret : await secret();
