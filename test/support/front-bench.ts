/** A KME front on a free port before a stand-in for the engine, with certificates of an authority of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { type Authority, createAuthority, issue, type Issued, type LeafRequest } from "../../pki/authority.ts";
import { type Batch, readBatch, writePart } from "../../shared/batch/batch.ts";
import type { Log, LogFields } from "../../tunnel/log.ts";
import { type Carrier, createCarrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import type { CarrierConfig, FrontConfig } from "../../tunnel/services/etsi014-tls/config.ts";
import { type Front, startFront } from "../../tunnel/services/etsi014-tls/front.ts";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly bodyBytes: number;
  readonly batched?: true;
}

interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
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
  /** What a client's TLS needs: who it is, and whom it believes. */
  tlsOf(client: Issued): ClientTls;
  /** Of a request on a connection of its own, as that client. */
  as(client: Issued, more?: https.RequestOptions): https.RequestOptions;
  stop(): Promise<void>;
}

/** Answers every request with what it saw of it, those of a batch each by itself. */
function echoEngine(): http.Server {
  return http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(chunks);
      if (isBatch(req)) {
        res.end(echoBatch(readBatch(body.toString())));
        return;
      }
      const seen: Seen = { method: req.method ?? "", url: req.url ?? "", headers: req.headers, bodyBytes: body.length };
      res.writeHead(200, JSON_HEADERS);
      res.end(JSON.stringify(seen));
    });
  });
}

const isBatch = ({ headers }: http.IncomingMessage): boolean =>
  headers["x-cf-blob"] === JSON.stringify({ qkd: { batch: true } });
const JSON_HEADERS = { "content-type": "application/json" };

const echoBatch = ({ callers, requests }: Batch<unknown>): string =>
  writePart(
    requests.map(({ caller, method, target, body }, request) => {
      const headers = { "x-cf-blob": JSON.stringify(callers[caller]) };
      const seen: Seen = { method, url: target, headers, bodyBytes: Buffer.byteLength(body ?? ""), batched: true };
      return { request, status: 200, headers: JSON_HEADERS, body: JSON.stringify(seen) };
    }),
  );

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
  const ca = authority.certificate.toString("pem");
  const file = (name: string): string => join(directory, name);
  await writeFile(file("ca.crt"), ca);
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
  const tlsOf = ({ certificate: cert, key }: Issued): ClientTls => ({ ca, cert, key });
  return {
    directory,
    authority,
    config,
    front,
    engine,
    logged,
    client: (commonName, more = {}) => issue(authority, { commonName, usage: "client", ...more }),
    tlsOf,
    as: (client, more = {}) => ({ ...tlsOf(client), agent: false, ...more }),
    stop: async () => {
      await front.close();
      carrier.close();
      engine.closeAllConnections();
      await new Promise((resolve) => engine.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

/** Sends text as it is on a TLS connection of its own; resolves with all that came when the other side has closed. */
export function tlsExchange(url: string, options: ConnectionOptions, text: string | Buffer): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connectTls({ host, port: Number(port), ...options }, () => socket.write(text));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
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
