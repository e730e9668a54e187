/** The edge as the agent reaches it: its addresses, and one HTTP exchange with it. */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { LIMITS } from "../../../shared/limits.ts";
import { parseRetryAfter } from "../../../shared/retry.ts";
import { tunnelPath } from "../../../shared/tunnel/paths.ts";
import { isLoopback } from "../../config-values.ts";
import { readBounded } from "../../http/read-bounded.ts";
import { messageOf } from "../../log.ts";
import { AgentFailure } from "../failure.ts";
import type { AgentConfig } from "../config/schema.ts";
import { reasonOf } from "../reason.ts";

export interface EdgeRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly token?: string;
  /** Besides those that follow from the rest. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string };
  /** The most that the answer may have; absent: as of most. */
  readonly answerBytes?: number;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed body; null where it is empty or no JSON. */
  readonly json: unknown;
}

export interface EdgeBytes extends Pick<EdgeAnswer, "status" | "headers"> {
  readonly bytes: Buffer;
}

/** The edge was not reached at all: whatever was asked has had no effect. */
export class Unreached extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause });
    this.name = "Unreached";
  }
}

export class Edge {
  /** http: or https:, ending in a slash. */
  readonly url: URL;
  /** PEM; undefined: those that Node trusts. */
  readonly ca: string | undefined;
  /** Nobody between agent and edge reads or caches the bytes: TLS, or one machine. */
  readonly isPrivate: boolean;
  readonly #agent: http.Agent;

  /** @param connections at most at once. @throws AgentFailure where the authority's file cannot be read */
  constructor({ edge, ca }: Pick<AgentConfig, "edge" | "ca">, connections: number = LIMITS.agentHttpConnections) {
    const url = new URL(edge.replace(/^ws/, "http"));
    url.pathname = url.pathname.replace(/\/*$/, "/");
    this.url = url;
    this.ca = ca === undefined ? undefined : readPem(ca);
    this.isPrivate = url.protocol === "https:" || isLoopback(url.hostname);
    const options = { keepAlive: true, timeout: LIMITS.agentHttpIdleMs, maxSockets: connections, noDelay: true };
    this.#agent =
      url.protocol === "https:"
        ? new https.Agent({ ...options, minVersion: "TLSv1.2", ...(this.ca === undefined ? {} : { ca: this.ca }) })
        : new http.Agent(options);
  }

  /** Where a site's hub takes WebSockets. */
  tunnelUrl(site: string): URL {
    const url = new URL(tunnelPath(site).slice(1), this.url);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }

  /** Rejects where the edge cannot be reached, answers more than it should, or not before `signal`. */
  async request(request: EdgeRequest, signal: AbortSignal): Promise<EdgeAnswer> {
    return answerOf(await this.exchange(request, signal));
  }

  /** The same with the body as it came; rejects with Unreached where there was no connection to send anything on. */
  exchange(request: EdgeRequest, signal: AbortSignal): Promise<EdgeBytes> {
    const { method, path, token, headers: more, body, answerBytes } = request;
    const { promise, resolve, reject } = Promise.withResolvers<EdgeBytes>();
    const url = new URL(path.slice(1), this.url);
    const headers = {
      accept: "application/json",
      ...more,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": body.contentType, "content-length": body.bytes.length }),
    };
    const { request: open } = url.protocol === "https:" ? https : http;
    const sent = open(url, { agent: this.#agent, method, headers, signal });
    let connected = false;
    sent.once("socket", (socket) => {
      connected = !socket.connecting;
      if (socket.connecting) socket.once("connect", () => (connected = true));
    });
    sent.once("error", (error) => reject(connected || signal.aborted ? error : new Unreached(error)));
    sent.once("response", (response) => void readBytes(response, answerBytes).then(resolve, reject));
    sent.end(body?.bytes);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Rejects where it is more than it should be. */
export const readAnswer = async (response: http.IncomingMessage): Promise<EdgeAnswer> =>
  answerOf(await readBytes(response));

const readBytes = async (
  response: http.IncomingMessage,
  mostBytes: number = LIMITS.agentAnswerBytes,
): Promise<EdgeBytes> => ({
  bytes: await readBounded(response, mostBytes, "the edge answers more than it should"),
  status: response.statusCode ?? 0,
  headers: response.headers,
});

function answerOf({ bytes, status, headers }: EdgeBytes): EdgeAnswer {
  try {
    return { status, headers, json: JSON.parse(bytes.toString("utf8")) as unknown };
  } catch {
    return { status, headers, json: null };
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new AgentFailure(`ca: ${messageOf(thrown)}`);
  }
}

/** When the edge says that asking again makes sense (RFC 9110 10.2.3, in seconds): within bounds, null where it does not. */
export function retryAfterMs(headers: http.IncomingHttpHeaders): number | null {
  const seconds = parseRetryAfter(headers["retry-after"] ?? null);
  return seconds === null ? null : Math.min(seconds * 1000, LIMITS.agentRetryAfterMs);
}

/** Why a request failed; a time that was over says so by no more than its name. */
export const failureOf = (thrown: unknown): string =>
  thrown instanceof Error && thrown.name === "TimeoutError" ? "the edge does not answer" : reasonOf(thrown);
