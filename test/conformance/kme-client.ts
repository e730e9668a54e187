/**
 * A strict ETSI GS QKD 014 client for tests: mutual TLS with a connection of its own per call unless told otherwise,
 * and the raw answer, so that tests judge it and not a library.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { buffer } from "node:stream/consumers";
import type { SecureContextOptions } from "node:tls";

export interface Identity {
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export interface KmeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The body as JSON, undefined where it is none. */
  readonly json: unknown;
}

export interface KmeCall {
  readonly method?: string;
  /** JSON by `JSON.stringify`; text and bytes go out as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  readonly tls?: Pick<SecureContextOptions, "minVersion" | "maxVersion" | "ciphers">;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const bodyOf = (body: unknown): string | Uint8Array | undefined => {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return body;
  return JSON.stringify(body);
};

/** One SAE's way to one KME. `path` is below `/api/v1/keys`. */
export class KmeClient {
  readonly #kme: () => string;
  readonly #ca: string;
  readonly #identity: Identity;

  /** @param kme the KME's URL, asked for with each request: a restart may change its port */
  constructor(kme: () => string, ca: string, identity: Identity) {
    this.#kme = kme;
    this.#ca = ca;
    this.#identity = identity;
  }

  /** Starts a request; rejects when the connection or handshake fails. */
  async open(path: string, call: KmeCall = {}): Promise<IncomingMessage> {
    const body = bodyOf(call.body);
    const sent = request(`${this.#kme()}/api/v1/keys${path}`, {
      ca: this.#ca,
      ...this.#identity,
      method: call.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(body === undefined
          ? {}
          : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
        ...call.headers,
      },
      agent: call.agent ?? new Agent({ keepAlive: false, maxCachedSessions: 0 }),
      ...call.tls,
    });
    // A server that has answered may stop reading; before the answer, `once` rejects.
    sent.on("error", () => undefined);
    sent.end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return response;
  }

  async call(path: string, call: KmeCall = {}): Promise<KmeAnswer> {
    const response = await this.open(path, call);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await buffer(response));
    return { status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) };
  }
}
