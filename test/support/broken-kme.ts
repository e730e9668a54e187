/**
 * A small key management entity of ETSI GS QKD 014, two sites of it over real TLS, that does everything right; and, one
 * by one, everything wrong. What is tried on it is the doctor, not the product.
 */
import { constants } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import type { Certificates } from "./broken-kme-certificates.ts";
import { BrokenKmeRequests, type Reply } from "./broken-kme-requests.ts";
import type { FaultName } from "./broken-kme-faults.ts";
import { BrokenKmeStore } from "./broken-kme-store.ts";

const BODY_BYTES = 64 * 1024;

export class BrokenKme {
  readonly store: BrokenKmeStore;
  readonly #fault: FaultName | undefined;
  readonly #certificates: Pick<Certificates, "ca" | "server">;
  readonly #sites: Site[] = [];

  private constructor(certificates: Pick<Certificates, "ca" | "server">, fault: FaultName | undefined) {
    this.#certificates = certificates;
    this.#fault = fault;
    this.store = new BrokenKmeStore(fault);
  }

  static async start(certificates: Pick<Certificates, "ca" | "server">, fault?: FaultName): Promise<BrokenKme> {
    const kme = new BrokenKme(certificates, fault);
    for (const site of [1, 2]) kme.#sites.push(await kme.#listen(site));
    return kme;
  }

  url(site: 1 | 2): string {
    return `https://127.0.0.1:${this.#sites[site - 1]?.port ?? 0}`;
  }

  /** Site 2, on the same port. */
  async restart(): Promise<void> {
    const site = this.#sites[1] as Site;
    await site.stop();
    this.store.restarted();
    this.#sites[1] = await this.#listen(2, site.port);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sites.map(async (site) => await site.stop()));
  }

  async #listen(number: number, port = 0): Promise<Site> {
    const requests = new BrokenKmeRequests(number, this.store, this.#fault);
    const handler = (request: http.IncomingMessage, response: http.ServerResponse): void =>
      void this.#answer(requests, request, response);
    const anybody = this.#fault === "serves-without-certificate";
    const secure = https.createServer(
      {
        ...this.#certificates.server,
        ca: this.#certificates.ca,
        requestCert: true,
        rejectUnauthorized: !anybody,
        minVersion: this.#fault === "serves-tls-1.1" ? "TLSv1" : "TLSv1.2",
        ...(this.#fault === "serves-tls-1.1" ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
        // A resumed session would bring along the certificate of who began it.
        ...(this.#fault === "resumes-sessions" ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
      },
      handler,
    );
    if (this.#fault !== "serves-plain-http") return await Site.listen(port, secure);
    const plain = http.createServer(handler);
    const front = createServer((socket) => void dispatch(socket, secure, plain));
    return await Site.listen(port, front, secure, plain);
  }

  async #answer(
    requests: BrokenKmeRequests,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const body = await buffer(request).catch(() => Buffer.alloc(0));
    const reply =
      body.length > BODY_BYTES ? this.#tooLarge() : await requests.answer(request, body, this.#caller(request));
    const { body: said = "" } = reply;
    response.writeHead(reply.status, {
      "Content-Type": "application/json",
      ...(this.#fault === "lets-answers-be-stored" ? {} : { "Cache-Control": "no-store" }),
      ...reply.headers,
    });
    response.end(typeof said === "string" ? said : JSON.stringify(said));
  }

  #tooLarge(): Reply {
    return this.#fault === "chokes-on-large-bodies"
      ? { status: 500, body: { message: "out of memory" } }
      : { status: 413, body: { message: "body too large" } };
  }

  /** By the CN; whoever shows none is taken for A, where anybody is let in. */
  #caller({ socket }: http.IncomingMessage): string {
    const name: unknown = (socket as Partial<TLSSocket>).getPeerCertificate?.().subject?.CN;
    return typeof name === "string" ? name : "sae-a";
  }
}

/** Servers that end together, their connections too; the first is the one that is called. */
class Site {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
    const [front] = servers as [Server];
    this.port = (front.address() as AddressInfo).port;
    for (const server of servers) {
      server.on("connection", (socket) => {
        this.#sockets.add(socket.on("error", () => undefined).once("close", () => this.#sockets.delete(socket)));
      });
    }
  }

  static async listen(port: number, ...servers: readonly Server[]): Promise<Site> {
    for (const [at, server] of servers.entries()) {
      await once(server.listen(at === 0 ? port : 0, "127.0.0.1"), "listening");
    }
    return new Site(servers);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map(async (server) => await once(server.close(), "close")));
  }
}

const TLS_HANDSHAKE = 0x16;

/** To one of two servers, by the first byte: TLS, or plain HTTP. */
async function dispatch(socket: Socket, secure: Server, plain: Server): Promise<void> {
  const [first] = (await once(socket, "data").catch(() => [])) as [Buffer?];
  const chosen = first?.[0] === TLS_HANDSHAKE ? secure : plain;
  const onward = connect((chosen.address() as AddressInfo).port, "127.0.0.1");
  onward.on("error", () => socket.destroy()).write(first ?? "");
  socket
    .on("close", () => onward.destroy())
    .pipe(onward)
    .pipe(socket);
}
