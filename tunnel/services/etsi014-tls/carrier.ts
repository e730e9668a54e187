/**
 * How a request gets from a front to the edge together with its caller's identity. Two carriers: the engine's unix
 * socket on the same machine, or HTTPS to an edge elsewhere.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { LIMITS } from "../../../shared/limits.ts";
import type { CarrierConfig } from "./config.ts";
import { towardsEdge } from "./headers.ts";
import type { Caller } from "./identity.ts";
import { createLoad, type Load } from "./load.ts";

export interface Carrier {
  /** Opens a request to the edge; the caller of this function sends the body. */
  open(
    request: { readonly method: string; readonly path: string; readonly rawHeaders: readonly string[] },
    caller: Caller,
  ): http.ClientRequest;
  /** What all requests to this edge have in hand: its fronts share it as they share the edge. */
  readonly load: Load;
  close(): void;
}

/**
 * workerd closes a connection that is idle for 5 s. Letting go earlier keeps a request from being written into a
 * connection that is just being closed: nobody could tell whether it was served.
 */
const IDLE_MS = 4000;
const AGENT = {
  keepAlive: true,
  timeout: IDLE_MS,
  maxSockets: LIMITS.frontRequests,
  maxFreeSockets: LIMITS.frontRequests,
} as const;

/** Strips nothing itself: workerd removes the blob header before the Worker sees the request. */
const CF_BLOB_HEADER = "X-Cf-Blob";

export function createCarrier(config: CarrierConfig): Carrier {
  return { ...(config.type === "unix" ? unixCarrier(config.path) : edgeCarrier(config)), load: createLoad() };
}

function unixCarrier(socketPath: string): Omit<Carrier, "load"> {
  const agent = new http.Agent(AGENT);
  return {
    open({ method, path, rawHeaders }, caller) {
      const headers = towardsEdge(rawHeaders, null);
      headers.push(CF_BLOB_HEADER, caller.cfBlob);
      return http.request({ agent, socketPath, method, path, headers, setHost: false });
    },
    close: () => agent.destroy(),
  };
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

function edgeCarrier(config: Extract<CarrierConfig, { type: "edge" }>): Omit<Carrier, "load"> {
  const url = new URL(config.url);
  const secure = url.protocol === "https:";
  if (!secure && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    throw new Error(`carrier.url: ${config.url} is neither https nor on this machine`);
  }
  const tls = config.ca === undefined ? {} : { ca: readFileSync(config.ca) };
  const agent = secure ? new https.Agent({ ...AGENT, ...tls, minVersion: "TLSv1.2" }) : new http.Agent(AGENT);
  const authorization = `Bearer ${readFileSync(config.token_file, "utf8").trim()}`;
  const { request } = secure ? https : http;
  return {
    open({ method, path, rawHeaders }, caller) {
      const headers = towardsEdge(rawHeaders, url.host);
      headers.push("Authorization", authorization, "Client-Cert", caller.clientCert, "QKD-Node", caller.node);
      return request({ agent, host: url.hostname, port: url.port, method, path, headers, setHost: false });
    },
    close: () => agent.destroy(),
  };
}
