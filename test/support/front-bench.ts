/** A KME front on a free port before a stand-in for the engine, with certificates of an authority of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority, issue, type Issued, type LeafRequest } from "../../scripts/demo/pki.ts";
import type { Log, LogFields } from "../../tunnel/log.ts";
import { type Carrier, createCarrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import type { CarrierConfig, FrontConfig } from "../../tunnel/services/etsi014-tls/config.ts";
import { type Front, startFront } from "../../tunnel/services/etsi014-tls/front.ts";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly bodyBytes: number;
}

export interface FrontBench {
  readonly directory: string;
  readonly authority: Authority;
  readonly config: FrontConfig;
  readonly front: Front;
  readonly engine: http.Server;
  readonly logged: { readonly event: string; readonly fields: LogFields }[];
  /** Issues a client certificate of the bench's authority. */
  client(commonName: string, more?: Partial<LeafRequest>): Promise<Issued>;
  stop(): Promise<void>;
}

/** Answers every request with what it saw of it. */
function echoEngine(): http.Server {
  return http.createServer((req, res) => {
    let bodyBytes = 0;
    req.on("data", (chunk: Buffer) => (bodyBytes += chunk.length));
    req.on("end", () => {
      const seen: Seen = { method: req.method ?? "", url: req.url ?? "", headers: req.headers, bodyBytes };
      res.writeHead(200, { "content-type": "application/json" });
      res.end(JSON.stringify(seen));
    });
  });
}

export async function startFrontBench(
  carrierOf?: (engineSocket: string, directory: string) => CarrierConfig,
): Promise<FrontBench> {
  const directory = await mkdtemp(join(tmpdir(), "qkd-front-"));
  const authority = await createAuthority("bench CA");
  const server = await issue(authority, {
    commonName: "tn-1",
    usage: "server",
    sans: [{ type: "ip", value: "127.0.0.1" }],
  });
  const file = (name: string): string => join(directory, name);
  await writeFile(file("ca.crt"), authority.certificate.toString("pem"));
  await writeFile(file("tn-1.crt"), server.certificate);
  await writeFile(file("tn-1.key"), server.key);

  const engine = echoEngine();
  const engineSocket = file("engine.sock");
  await new Promise<void>((resolve) => engine.listen(engineSocket, resolve));
  const logged: { event: string; fields: LogFields }[] = [];
  const log: Log = (_level, event, fields = {}) => void logged.push({ event, fields });
  const carrier: Carrier = createCarrier(carrierOf?.(engineSocket, directory) ?? { type: "unix", path: engineSocket });
  const config: FrontConfig = {
    node: "tn-1",
    host: "127.0.0.1",
    port: 0,
    cert: file("tn-1.crt"),
    key: file("tn-1.key"),
    ca: file("ca.crt"),
    crl: file("ca.crl"),
  };
  const front = await startFront(config, carrier, log);
  return {
    directory,
    authority,
    config,
    front,
    engine,
    logged,
    client: (commonName, more = {}) => issue(authority, { commonName, usage: "client", ...more }),
    stop: async () => {
      await front.close();
      carrier.close();
      engine.closeAllConnections();
      await new Promise((resolve) => engine.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

export interface TlsAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One HTTPS request; `agent: false` for a connection of its own. Rejects when the handshake or the connection fails. */
export function httpsRequest(url: string, options: https.RequestOptions, body?: Buffer | string): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}
