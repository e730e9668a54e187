/** A KME that answers as it is told, over mutual TLS on one port, with the certificate that it is told to show. */
import { constants } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, isIPv6, type Socket } from "node:net";
import { Readable } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { readBounded } from "../../../shared/bytes/read-bounded.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { parsed } from "../etsi004/reach.ts";
import type { Asked, Reply } from "./answers.ts";
import type { Certificates, ServerName } from "./certificates.ts";

/** What it does with requests and with handshakes that fail. */
export interface Visits {
  asked(asked: Asked): Reply;
  /** Both as they went over the wire. */
  answered(sent: string, received: string): void;
  refused(reason: string): void;
}

const NOBODY: Visits = {
  asked: () => ({ status: 503 }),
  answered: () => undefined,
  refused: () => undefined,
};

/** Of a KME that clients call. */
export interface FakeKmeOptions {
  readonly certificates: Certificates;
  /** Where it listens. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** PEM: authorities of clients' certificates besides. */
  readonly clientCas?: readonly string[];
  /** When a request comes. */
  readonly nowMs?: () => number;
}

export class FakeKme {
  readonly url: string;
  readonly #server: Server;
  readonly #options: FakeKmeOptions;
  /** Those that have not come to a handshake, too. */
  readonly #connections = new Set<Socket>();
  #visits: Visits = NOBODY;

  private constructor(server: Server, url: string, options: FakeKmeOptions) {
    this.url = url;
    this.#server = server;
    this.#options = options;
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    server.on("request", (request, response) => void this.#answer(request, response));
    server.on("tlsClientError", (error) => this.#visits.refused(error.message));
  }

  /** @throws what the port cannot be had for */
  static async start(options: FakeKmeOptions): Promise<FakeKme> {
    const { host, port } = options;
    const server = createServer({ ...contextOf(options, "right"), requestCert: true, rejectUnauthorized: true });
    server.listen(port, host);
    await once(server, "listening");
    const { port: taken } = server.address() as AddressInfo;
    return new FakeKme(server, `https://${isIPv6(host) ? `[${host}]` : host}:${taken}`, options);
  }

  /** From here on it shows that certificate, on new connections only. */
  begin(name: ServerName, visits: Visits): void {
    this.#hangUp();
    this.#server.setSecureContext(contextOf(this.#options, name));
    this.#visits = visits;
  }

  end(): void {
    this.#visits = NOBODY;
    this.#hangUp();
  }

  #hangUp(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  async stop(): Promise<void> {
    this.end();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const visits = this.#visits;
    const atMs = (this.#options.nowMs ?? monotonicMs)();
    const stream = Readable.toWeb(request) as ReadableStream<Uint8Array>;
    const body = await readBounded(stream, LIMITS.doctorClientBodyBytes);
    const text = typeof body === "string" ? "" : Buffer.from(body).toString("utf8");
    const { method = "", url = "" } = request;
    const { path, query } = pathOf(url);
    const contentType = request.headers["content-type"] ?? "";
    const reply =
      typeof body === "string"
        ? { status: 413, body: { message: `the body is ${body}` } }
        : visits.asked({ method, path, query, contentType, body: parsed(text), atMs });
    const { body: said = "" } = reply;
    const answer = typeof said === "string" ? said : JSON.stringify(said);
    response.on("error", () => undefined);
    response.writeHead(reply.status, { "Content-Type": "application/json", ...reply.headers }).end(answer);
    const type = contentType === "" ? "" : `\nContent-Type: ${contentType}`;
    const later = reply.headers?.["Retry-After"];
    visits.answered(
      `${method} ${url}${type}${text === "" ? "" : `\n\n${text}`}`,
      `HTTP ${reply.status}${later === undefined ? "" : `\nRetry-After: ${later}`}${answer === "" ? "" : `\n\n${answer}`}`,
    );
  }
}

const monotonicMs = (): number => performance.now();

const contextOf = ({ certificates, clientCas = [] }: FakeKmeOptions, name: ServerName): SecureContextOptions => ({
  ...certificates.servers[name],
  ca: [certificates.ca, ...clientCas],
  minVersion: "TLSv1.2",
  // A session that is resumed would show no certificate.
  secureOptions: constants.SSL_OP_NO_TICKET,
});

/** As it came: what parses URLs would change it. */
function pathOf(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const [path = "", query = ""] = url.split(/\?(.*)/s);
  return { path, query: new URLSearchParams(query) };
}
