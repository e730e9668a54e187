/** A TCP port on this side whose connections are streams to another site's service. */
import net from "node:net";
import { LIMITS } from "../../../shared/limits.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { CODES } from "../../../shared/mux/codes.ts";
import { type Log, throttled } from "../../log.ts";
import type { ListenConfig } from "../config/schema.ts";
import { AgentFailure } from "../failure.ts";
import type { Link } from "../link/link.ts";
import { reasonOf } from "../reason.ts";
import type { InnerTls } from "./inner-tls.ts";
import { joinSockets } from "./join.ts";
import { breakSocket, pump } from "./pump.ts";

export interface ListenOptions {
  readonly config: ListenConfig;
  /** To the site's hub. */
  readonly link: Pick<Link, "whenUp">;
  readonly tls: InnerTls | undefined;
  readonly log: Log;
}

const LOG_MS = 1000;

export class Listener {
  readonly #options: ListenOptions;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #ended = new AbortController();
  readonly #refused: Log;

  /** @throws AgentFailure where the port cannot be had */
  static async start(options: ListenOptions): Promise<Listener> {
    const listener = new Listener(options);
    const { bind, port } = options.config;
    await new Promise<void>((resolve, reject) => {
      listener.#server.once("error", (error) =>
        reject(new AgentFailure(`cannot listen on ${bind} port ${port}: ${reasonOf(error)}`)),
      );
      // Without a host: every address of the machine, IPv6 where it has any.
      listener.#server.listen({ port, ...(bind === "*" ? {} : { host: bind }) }, resolve);
    });
    listener.#server.on("error", (error) => options.log("error", "listener failed", { reason: reasonOf(error) }));
    const { site, service } = options.config;
    options.log("info", "listening", { bind, port: listener.port, site, service });
    return listener;
  }

  private constructor(options: ListenOptions) {
    this.#options = options;
    // Whoever connects in a loop to what is not there shall not fill the log.
    this.#refused = throttled(options.log, LOG_MS);
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect: true });
    this.#server.maxConnections = LIMITS.agentConnections;
    this.#server.on("drop", () => this.#note("as many connections as may be", LIMITS.agentConnections));
    this.#server.on("connection", (socket) => void this.#carry(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** No new connections; those under way go on. */
  stop(): void {
    this.#ended.abort();
    this.#server.close();
  }

  /** What is left is broken off. */
  close(): void {
    this.stop();
    for (const socket of this.#sockets) breakSocket(socket);
  }

  async #carry(socket: net.Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined); // the pump hears of it too
    const opened = await this.#open(socket);
    if (!opened.ok) {
      this.#note("connection refused", opened.error);
      breakSocket(socket);
      return;
    }
    const { config, tls } = this.#options;
    if (!config.tls || tls === undefined) {
      await pump(opened.value, socket);
      return;
    }
    const secure = await tls.asClient(opened.value, config.site);
    if (secure.ok) {
      joinSockets(secure.value, socket);
      return;
    }
    this.#options.log("error", "TLS between the agents failed", { site: config.site, reason: secure.error });
    breakSocket(socket);
  }

  async #open(socket: net.Socket): Promise<Result<MuxStream, string>> {
    const { link, config } = this.#options;
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#ended.signal]);
    const session = await link.whenUp(config.wait_ms, signal);
    if (session === null) return err("the tunnel is down");
    const timely = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.agentOpenMs)]);
    const opened = await session.mux.open(session.ownerSlot, config.service, timely);
    if (!opened.ok)
      return err(`${CODES[opened.error.code].words}${opened.error.reason === "" ? "" : `: ${opened.error.reason}`}`);
    return ok(opened.value);
  }

  #note(message: string, reason: string | number): void {
    const { site, service } = this.#options.config;
    this.#refused("warn", message, { site, service, reason });
  }
}
