/**
 * Where hybridization modules connect to. Strangers cost little: whoever has not shown a certificate and said what the
 * connection is for is one of few, of whom the oldest makes room.
 */
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { LIMITS } from "../../../../shared/limits.ts";
import { AgentFailure } from "../../../agent/failure.ts";
import { reasonOf } from "../../../agent/reason.ts";
import { type Log, throttled } from "../../../log.ts";
import type { Place } from "../../../place.ts";
import { ModuleConnection } from "./connection.ts";
import { isNamed } from "./credentials.ts";
import type { Meeting } from "./meeting.ts";
import { keyOf, type Reference, ReferenceReader } from "./reference.ts";

export interface ListenerOptions {
  readonly listen: Place;
  readonly credentials: tls.SecureContextOptions;
  /** Hosts of the peers that are modules: a certificate that names none of them is nobody's. */
  readonly hosts: readonly string[];
  readonly meeting: Meeting;
  /** From the first byte to what the connection is for. */
  readonly patienceMs: number;
  readonly log: Log;
}

export class ModuleListener {
  readonly #options: ListenerOptions;
  readonly #refused: Log;
  readonly #server: tls.Server;
  /** Not yet known what for; by remote address and port. */
  readonly #pending = new Map<string, Pending>();

  /** @throws AgentFailure where the port cannot be had */
  static async start(options: ListenerOptions): Promise<ModuleListener> {
    const listener = new ModuleListener(options);
    await listener.#listen();
    return listener;
  }

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#refused = throttled(options.log, LIMITS.localLogMs);
    this.#server = tls.createServer({
      ...options.credentials,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: options.patienceMs,
    });
    // Before the handshake.
    this.#server.prependListener("connection", (raw: net.Socket) => this.#began(raw));
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      this.#refused("warn", "module refused", { reason: reasonOf(error) });
      socket.destroy();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get pending(): number {
    return this.#pending.size;
  }

  close(): void {
    this.#server.close();
    for (const { raw } of this.#pending.values()) raw.destroy();
  }

  async #listen(): Promise<void> {
    const { listen, log } = this.#options;
    this.#server.listen(listen);
    try {
      await once(this.#server, "listening");
    } catch (thrown) {
      throw new AgentFailure(
        `[hybrid.module]: cannot listen on ${listen.host} port ${listen.port}: ${reasonOf(thrown)}`,
      );
    }
    this.#server.on("error", (error) => log("error", "listener failed", { hybrid: "module", reason: reasonOf(error) }));
    log("info", "listening", { hybrid: "module", bind: listen.host, port: this.port });
  }

  #began(raw: net.Socket): void {
    const place = placeOfSocket(raw);
    const timer = setTimeout(() => raw.destroy(), this.#options.patienceMs);
    const settle = (): void => {
      clearTimeout(timer);
      this.#pending.delete(place);
    };
    this.#pending.set(place, { raw, settle });
    raw.on("error", () => undefined); // told by the socket above it
    raw.once("close", settle);
    const [oldest] = this.#pending.values();
    if (oldest === undefined || this.#pending.size <= LIMITS.hybridModulePending) return;
    oldest.settle();
    oldest.raw.destroy();
  }

  /** The handshake is done: whose it is, and what it is for. */
  #secured(socket: tls.TLSSocket): void {
    const place = placeOfSocket(socket);
    const refuse = (reason: string): void => {
      this.#refused("warn", "module refused", { reason, from: place });
      socket.destroy();
    };
    const onError = (error: Error): void => refuse(reasonOf(error));
    socket.on("error", onError);
    const pending = this.#pending.get(place);
    if (pending === undefined) return refuse("it is gone");
    const certificate = socket.getPeerCertificate();
    const isOf = (host: string): boolean => isNamed(certificate, host);
    if (!this.#options.hosts.some(isOf)) return refuse("its certificate is that of no module in [[hybrid.peer]]");
    readReference(socket, (reference) => {
      pending.settle();
      if (reference === "bad") return refuse("it does not say what the connection is for");
      if (reference.type === "blink") return void socket.destroy();
      const connection = new ModuleConnection(socket, pending.raw);
      socket.off("error", onError);
      this.#options.meeting.arrive({
        key: keyOf(reference),
        connection,
        fingerprint: certificate.fingerprint256,
        isOf,
      });
    });
  }
}

interface Pending {
  readonly raw: net.Socket;
  /** It is known what it is for, or it is gone. */
  readonly settle: () => void;
}

const placeOfSocket = ({ remoteAddress = "", remotePort = 0 }: net.Socket): string => `${remoteAddress} ${remotePort}`;

function readReference(socket: tls.TLSSocket, done: (reference: Reference | "bad") => void): void {
  const reader = new ReferenceReader();
  const onData = (segment: Buffer): void => {
    const reference = reader.push(segment);
    if (reference === null) return;
    socket.off("data", onData);
    done(reference);
  };
  socket.on("data", onData);
}
