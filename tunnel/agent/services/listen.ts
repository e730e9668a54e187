/** A TCP port on this side whose connections are streams to another site's service. */
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import type { Result } from "../../../shared/result.ts";
import { type Log, type LogFields, throttled } from "../../log.ts";
import type { ListenConfig } from "../config/schema.ts";
import { AgentFailure } from "../failure.ts";
import type { Link } from "../link/link.ts";
import { reasonOf } from "../reason.ts";
import type { InnerTls } from "./inner-tls.ts";
import { joinSockets } from "./join.ts";
import { inWords, openStream } from "./open-stream.ts";
import { breakSocket, pump } from "./pump.ts";

export interface ListenOptions {
  /** `*`: every address of the machine. */
  readonly bind: string;
  /** 0: any free one. */
  readonly port: number;
  /** What log lines say it is for. */
  readonly subject: LogFields;
  /** For a new connection, as of `openStream`; the error is the reason in the log. */
  readonly open: (signal: AbortSignal, used: Promise<void>) => Promise<Result<MuxStream, string>>;
  readonly carry: (stream: MuxStream, socket: net.Socket) => Promise<void>;
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
    const { bind, port, subject, log } = options;
    await new Promise<void>((resolve, reject) => {
      listener.#server.once("error", (error) =>
        reject(new AgentFailure(`cannot listen on ${bind} port ${port}: ${reasonOf(error)}`)),
      );
      // Without a host: every address of the machine, IPv6 where it has any.
      listener.#server.listen({ port, ...(bind === "*" ? {} : { host: bind }) }, resolve);
    });
    listener.#server.on("error", (error) => log("error", "listener failed", { reason: reasonOf(error) }));
    log("info", "listening", { bind, port: listener.port, ...subject });
    return listener;
  }

  private constructor(options: ListenOptions) {
    this.#options = options;
    // Whoever connects in a loop to what is not there shall not fill the log.
    this.#refused = throttled(options.log, LOG_MS);
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.#server.maxConnections = LIMITS.agentConnections;
    this.#server.on("drop", () => this.#note("as many connections as may be", LIMITS.agentConnections));
    this.#server.on("connection", (socket) => void this.#serve(socket));
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

  async #serve(socket: net.Socket): Promise<void> {
    this.#sockets.add(socket);
    const gone = new AbortController();
    socket.once("close", () => {
      this.#sockets.delete(socket);
      gone.abort();
    });
    socket.on("error", () => undefined); // the pump hears of it too
    const { open, carry } = this.#options;
    const readable = whenReadable(socket);
    // Most clients speak first, and at once: then one message opens the stream and says what they say.
    await Promise.race([readable, sleep(LIMITS.agentFirstBytesMs)]);
    const opened = await open(AbortSignal.any([gone.signal, this.#ended.signal]), readable);
    if (!opened.ok) {
      this.#note("connection refused", opened.error);
      breakSocket(socket);
      return;
    }
    onFrozen(socket, opened.value, (reason) => {
      this.#note("connection broken off", reason);
      breakSocket(socket);
    });
    const carried = carry(opened.value, socket);
    const answer = await opened.value.opened;
    if (!answer.ok) this.#note("connection refused", inWords(answer.error));
    await carried;
  }

  #note(message: string, reason: string | number): void {
    this.#refused("warn", message, { ...this.#options.subject, reason });
  }
}

/** There are bytes, or their end; they stay where they are. */
function whenReadable(socket: net.Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("readable", resolve);
  return promise;
}

/**
 * A client that has gone cannot be told from one that has only ended its side and waits: TCP shows the same, and nothing at
 * all while bytes of its are still to be read. Where the service neither takes nor says anything, nobody else would ever
 * end the connection.
 * @param frozen is called with the reason, once nothing has moved for that long or up to twice as long
 */
function onFrozen(socket: net.Socket, stream: Pick<MuxStream, "queuedBytes">, frozen: (reason: string) => void): void {
  if (socket.destroyed) return;
  let timer: NodeJS.Timeout | undefined;
  const moved = (): string => [socket.bytesRead, socket.bytesWritten, stream.queuedBytes].join(" ");
  const look = (before: string): void => {
    timer = setTimeout(() => {
      const reason = moved() === before ? waitsInVain(socket, stream) : null;
      if (reason === null) look(moved());
      else frozen(reason);
    }, LIMITS.agentFrozenMs);
  };
  look(moved());
  socket.once("close", () => clearTimeout(timer));
}

function waitsInVain(socket: net.Socket, { queuedBytes }: Pick<MuxStream, "queuedBytes">): string | null {
  if (queuedBytes > 0) return "the service takes nothing and says nothing";
  return socket.readableEnded ? "its client has ended, and the service says nothing" : null;
}

export interface ListenForOptions {
  readonly config: ListenConfig;
  /** To the site's hub. */
  readonly link: Link;
  readonly tls: InnerTls | undefined;
  readonly log: Log;
}

/** As the agent's configuration has it. @throws AgentFailure where the port cannot be had */
export function listenFor({ config, link, tls, log }: ListenForOptions): Promise<Listener> {
  const { bind, port, site, service, wait_ms: waitMs } = config;
  return Listener.start({
    bind,
    port,
    subject: { site, service },
    log,
    open: (signal, used) => openStream({ link, service, waitMs }, signal, used),
    carry: config.tls && tls !== undefined ? carryInTls(tls, site, log) : pump,
  });
}

const carryInTls =
  (tls: InnerTls, site: string, log: Log): ListenOptions["carry"] =>
  async (stream, socket) => {
    const secure = await tls.asClient(stream, site);
    if (secure.ok) {
      joinSockets(secure.value, socket);
      return;
    }
    log("error", "TLS between the agents failed", { site, reason: secure.error });
    breakSocket(socket);
  };
