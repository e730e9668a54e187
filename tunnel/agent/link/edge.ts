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
  readonly method: "GET" | "POST" | "PUT";
  /** With its query. */
  readonly path: string;
  readonly token?: string;
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string };
}

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed body; null where it is empty or no JSON. */
  readonly json: unknown;
}

export class Edge {
  /** http: or https:, ending in a slash. */
  readonly url: URL;
  /** PEM; undefined: those that Node trusts. */
  readonly ca: string | undefined;
  /** Nobody between agent and edge reads or caches the bytes: TLS, or one machine. */
  readonly isPrivate: boolean;
  readonly #agent: http.Agent;

  /** @throws AgentFailure where the authority's file cannot be read */
  constructor({ edge, ca }: Pick<AgentConfig, "edge" | "ca">) {
    const url = new URL(edge.replace(/^ws/, "http"));
    url.pathname = url.pathname.replace(/\/*$/, "/");
    this.url = url;
    this.ca = ca === undefined ? undefined : readPem(ca);
    this.isPrivate = url.protocol === "https:" || isLoopback(url.hostname);
    const options = { keepAlive: true, timeout: LIMITS.agentHttpIdleMs, maxSockets: LIMITS.agentHttpConnections };
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
  request(request: EdgeRequest, signal: AbortSignal): Promise<EdgeAnswer> {
    const { method, path, token, body } = request;
    const { promise, resolve, reject } = Promise.withResolvers<EdgeAnswer>();
    const url = new URL(path.slice(1), this.url);
    const headers = {
      accept: "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": body.contentType, "content-length": body.bytes.length }),
    };
    const { request: open } = url.protocol === "https:" ? https : http;
    const sent = open(url, { agent: this.#agent, method, headers, signal });
    sent.once("error", reject);
    sent.once("response", (response) => void readAnswer(response).then(resolve, reject));
    sent.end(body?.bytes);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Rejects where it is more than it should be. */
export const readAnswer = async (response: http.IncomingMessage): Promise<EdgeAnswer> => ({
  json: await readBody(response),
  status: response.statusCode ?? 0,
  headers: response.headers,
});

async function readBody(response: http.IncomingMessage): Promise<unknown> {
  const body = await readBounded(response, LIMITS.agentAnswerBytes, "the edge answers more than it should");
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
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
