/** One keep-alive connection: to a KME over mutual TLS, or to the edge with a bearer token. */
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";

export interface Endpoint {
  /** Origin and what stands before `/enc_keys` or `/dec_keys`. */
  readonly url: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}
export interface EdgeEndpoint {
  /** Origin, and what all paths begin with. */
  readonly url: string;
  readonly token: string;
}
export interface Answer {
  readonly status: number;
  readonly body: string;
}
export interface Connection {
  request(method: "GET" | "POST", path: string, body?: string): Promise<Answer>;
  close(): void;
}

/** The connection is made with the first request. */
export function connect({ url, cert, key, ca }: Endpoint): Connection {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, cert, key, ca, servername: "" });
  return over(url, agent, {}, https.request);
}

export function connectToEdge({ url, token }: EdgeEndpoint): Connection {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
  return over(url, agent, { authorization: `Bearer ${token}` }, http.request);
}

type Ask = (options: https.RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;

function over(url: string, agent: http.Agent, common: Readonly<Record<string, string>>, ask: Ask): Connection {
  const { hostname, port, pathname } = new URL(url);
  const before = pathname === "/" ? "" : pathname;
  return {
    request: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers: Record<string, string | number> =
          body === undefined
            ? common
            : { ...common, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
        const request = ask({ agent, hostname, port, method, path: before + path, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, body: whole.toString("latin1") });
          });
        });
        request.on("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}
