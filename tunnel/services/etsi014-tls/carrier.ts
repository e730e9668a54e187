/**
 * How a request gets from a front to the edge together with its caller's identity. Two carriers: the engine's unix
 * socket on the same machine, or HTTPS to an edge elsewhere.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { BATCH_PATH } from "../../../shared/batch/batch.ts";
import { CONTRACT } from "../../../shared/api/contract.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Batches, createBatches } from "./batches.ts";
import type { CarrierConfig } from "./config.ts";
import { hostOf, towardsEdge, UPGRADED } from "./headers.ts";
import type { Caller } from "./identity.ts";
import { createLoad, type Load } from "./load.ts";
import { createWatch, type Watch } from "./watch.ts";
import { readVerdict } from "./whoami.ts";

export interface CarriedRequest {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  /** Said at this hop besides; name, value, name, value ... */
  readonly ownHeaders?: readonly string[];
}

export interface Carrier {
  /** Opens a request to the edge; the caller of this function sends the body. */
  open(request: CarriedRequest, caller: Caller): http.ClientRequest;
  /** Opens a WebSocket to the edge. */
  openSocket(request: CarriedRequest, caller: Caller): http.ClientRequest;
  /** Key requests, many in one; null where the edge is elsewhere. */
  readonly batches: Batches | null;
  /** What all requests to this edge have in hand: its fronts share it as they share the edge. */
  readonly load: Load;
  /** Whose connections still count at this edge. */
  readonly watch: Watch;
  close(): void;
}

/** The way to an edge, whatever the pool of connections (`agent`) taken there. */
interface Way {
  createAgent(maxSockets: number): http.Agent;
  open(agent: http.Agent, request: CarriedRequest, caller: Caller): http.ClientRequest;
  readonly openBatch?: (agent: http.Agent) => http.ClientRequest;
}

/**
 * workerd closes a connection that is idle for 5 s. Letting go earlier keeps a request from being written into a
 * connection that is just being closed: nobody could tell whether it was served.
 */
const IDLE_MS = 4000;
const agentOptions = (maxSockets: number) =>
  ({ keepAlive: true, timeout: IDLE_MS, maxSockets, maxFreeSockets: maxSockets }) as const;

/** Strips nothing itself: workerd removes the blob header before the Worker sees the request. */
const CF_BLOB_HEADER = "X-Cf-Blob";
const BATCH_HEADERS = { Host: "edge", [CF_BLOB_HEADER]: JSON.stringify({ qkd: { batch: true } }) };
const WHOAMI: CarriedRequest = {
  method: CONTRACT.getWhoami.method.toUpperCase(),
  path: CONTRACT.getWhoami.path,
  rawHeaders: ["Host", "edge"],
};

export function createCarrier(config: CarrierConfig): Carrier {
  const way = config.type === "unix" ? unixWay(config.path) : edgeWay(config);
  const requests = way.createAgent(LIMITS.frontRequests);
  // Connections of their own: requests that take all the others shall not keep a revocation from being noticed.
  const asks = way.createAgent(LIMITS.frontAsks);
  // Each is a client's own connection here, too, and bounded as those are.
  const sockets = way.createAgent(LIMITS.frontConnections);
  const watch = createWatch((caller) => readVerdict(way.open(asks, WHOAMI, caller)));
  const stopLooking = watch.keepLooking();
  const { openBatch } = way;
  return {
    open: (request, caller) => way.open(requests, request, caller),
    openSocket: (request, caller) => way.open(sockets, { ...request, ownHeaders: UPGRADED }, caller),
    batches: openBatch === undefined ? null : createBatches(() => openBatch(requests)),
    load: createLoad(),
    watch,
    close() {
      stopLooking();
      requests.destroy();
      asks.destroy();
      sockets.destroy();
    },
  };
}

const unixWay = (socketPath: string): Way => ({
  createAgent: (maxSockets) => new http.Agent(agentOptions(maxSockets)),
  open(agent, { method, path, rawHeaders, ownHeaders = [] }, caller) {
    const headers = towardsEdge(rawHeaders, null);
    headers.push(...ownHeaders, CF_BLOB_HEADER, caller.cfBlob);
    return http.request({ agent, socketPath, method, path, headers, setHost: false });
  },
  openBatch: (agent) =>
    http.request({ agent, socketPath, method: "POST", path: BATCH_PATH, headers: BATCH_HEADERS, setHost: false }),
});

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

function edgeWay(config: Extract<CarrierConfig, { type: "edge" }>): Way {
  const url = new URL(config.url);
  const secure = url.protocol === "https:";
  if (!secure && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    throw new Error(`carrier.url: ${config.url} is neither https nor on this machine`);
  }
  const tls = { minVersion: "TLSv1.2", ...(config.ca === undefined ? {} : { ca: readFileSync(config.ca) }) } as const;
  const authorization = `Bearer ${readFileSync(config.token_file, "utf8").trim()}`;
  const { request } = secure ? https : http;
  return {
    createAgent: (maxSockets) =>
      secure ? new https.Agent({ ...agentOptions(maxSockets), ...tls }) : new http.Agent(agentOptions(maxSockets)),
    open(agent, { method, path, rawHeaders, ownHeaders = [] }, caller) {
      const headers = towardsEdge(rawHeaders, url.host);
      const host = hostOf(rawHeaders);
      headers.push(...ownHeaders, ...(host === null ? [] : ["QKD-Host", host]));
      headers.push("Authorization", authorization, "Client-Cert", caller.clientCert, "QKD-Node", caller.node);
      return request({ agent, host: url.hostname, port: url.port, method, path, headers, setHost: false });
    },
  };
}
