/** A TCP or TLS port of this machine on which a binding is spoken. */
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { LIMITS } from "../../../shared/limits.ts";
import { AgentFailure } from "../../agent/failure.ts";
import { reasonOf } from "../../agent/reason.ts";
import { type Log, throttled } from "../../log.ts";
import { type BinaryConfig, type JsonTcpConfig, mayConnectTo } from "./config.ts";
import { converse, PATIENCE, type Patience, type Protocol } from "./conversation.ts";
import { etsi004Place, listenAt, type LocalService } from "./listen-at.ts";

export interface TcpServiceOptions<Request> {
  readonly config: JsonTcpConfig | BinaryConfig;
  readonly protocol: Protocol<Request>;
  readonly log: Log;
  readonly patience?: Patience;
}

/** @throws AgentFailure where the port cannot be had, or the certificate cannot be used */
export async function startTcpService<Request>(options: TcpServiceOptions<Request>): Promise<LocalService> {
  const { config, protocol, log, patience = PATIENCE } = options;
  const refused = throttled(log, LIMITS.localLogMs);
  const sockets = new Set<net.Socket>();
  const mayConnect = mayConnectTo(config);
  const talk = (socket: net.Socket): void => void converse(socket, protocol, patience);
  const tlsConfig = config.kind === "binary" ? config.tls : undefined;
  const server = tlsConfig === undefined ? net.createServer(SOCKETS, talk) : secureServer(tlsConfig, talk, refused);
  server.maxConnections = LIMITS.localConnections;
  server.on("drop", () => refused("warn", "connection refused", { reason: "as many connections as may be" }));
  // Of a TLS server these come before the handshake.
  server.prependListener("connection", (socket: net.Socket) => {
    if (!mayConnect(socket.remoteAddress)) {
      refused("warn", "connection refused", { reason: "not allowed", from: socket.remoteAddress ?? "" });
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const port = await listenAt(server, etsi004Place(config), log);
  return {
    kind: config.kind,
    port,
    stop: () => void server.close(),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A client may end its side and wait for its answers. */
const SOCKETS = { allowHalfOpen: true, noDelay: true } as const;

type TlsConfig = NonNullable<BinaryConfig["tls"]>;

/** @throws AgentFailure where a file cannot be read, or key and certificate are not one another's */
export function secureContextOf({ cert, key, client_ca: clientCa }: TlsConfig): tls.SecureContextOptions {
  try {
    const options = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(clientCa) };
    tls.createSecureContext(options);
    return { ...options, minVersion: "TLSv1.2" };
  } catch (thrown) {
    throw new AgentFailure(`tls: ${reasonOf(thrown)}`);
  }
}

function secureServer(config: TlsConfig, talk: (socket: tls.TLSSocket) => void, refused: Log): tls.Server {
  const server = tls.createServer({
    ...SOCKETS,
    ...secureContextOf(config),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: LIMITS.localHandshakeMs,
  });
  server.on("secureConnection", talk);
  server.on("tlsClientError", (error, socket) => {
    refused("warn", "connection refused", { reason: reasonOf(error) });
    socket.destroy();
  });
  return server;
}
