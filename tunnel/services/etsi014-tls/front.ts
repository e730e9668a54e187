/**
 * A KME front: the ETSI GS QKD 014 endpoint of one node. It ends the SAEs' mutual TLS (clause 5.1) and passes each
 * request on with the certificate of the connection it came on.
 */
import https from "node:https";
import type { TLSSocket } from "node:tls";
import { LIMITS } from "../../../shared/limits.ts";
import { hostAndPort, reachedAt } from "../../addresses.ts";
import { type Log, messageOf, throttled } from "../../log.ts";
import { answerBadRequest } from "./bad-request.ts";
import type { Carrier } from "./carrier.ts";
import type { FrontConfig } from "./config.ts";
import { type Connections, enterConnection } from "./connections.ts";
import { type Credentials, filesVersion, loadCredentials, readCrl, stillTrusted } from "./credentials.ts";
import { forward, refuseSurplus } from "./forward.ts";
import { callerOf } from "./identity.ts";
import { isWebSocket, passUpgrade } from "./upgrade.ts";

export interface Front {
  readonly node: string;
  readonly url: string;
  /** Reads the certificate files again now, instead of when next looked at. */
  reload(): Promise<void>;
  /** Takes no new connection, gives running requests a moment, then closes everything. */
  close(): Promise<void>;
}

const LOOK_MS = 250;
const GRACE_MS = 300;

/** Resolves once listening. Rejects with one line when a file is unusable or the port is taken. */
export async function startFront(config: FrontConfig, carrier: Carrier, log: Log): Promise<Front> {
  const errors = throttled(log, 1000);
  const state = {
    credentials: await loadCredentials(config, null),
    crl: await readCrl(config, null),
    version: await filesVersion(config),
  };
  const connections: Connections = new Map();
  const server = createServer(config, state.credentials, connections, carrier, errors);

  const apply = (credentials: Credentials): void => {
    state.credentials = credentials;
    server.setSecureContext(credentials.context);
    for (const [socket, { caller }] of connections)
      if (!stillTrusted(caller.certificate, credentials)) socket.destroy();
  };
  const reload = async (): Promise<void> => {
    state.version = await filesVersion(config);
    try {
      apply(await loadCredentials(config, state.crl));
      state.crl = await readCrl(config, state.crl);
      log("info", "certificates-reloaded", { node: config.node });
    } catch (thrown) {
      log("error", "certificates-kept", { node: config.node, error: messageOf(thrown) });
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void filesVersion(config)
      .then((version) => (version === state.version ? undefined : reload()))
      .finally(() => (looking = false));
  }, LOOK_MS);
  timer.unref();

  let port: number;
  try {
    port = await listen(server, config);
  } catch (thrown) {
    clearInterval(timer);
    throw thrown;
  }
  const close = async (): Promise<void> => {
    clearInterval(timer);
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const force = setTimeout(() => {
      // Node forgets sockets that have been upgraded.
      for (const socket of connections.keys()) socket.destroy();
      server.closeAllConnections();
    }, GRACE_MS);
    await closed;
    clearTimeout(force);
  };
  return {
    node: config.node,
    url: `https://${hostAndPort(reachedAt(config.host), port)}`,
    reload,
    close,
  };
}

function createServer(
  config: FrontConfig,
  credentials: Credentials,
  connections: Connections,
  carrier: Carrier,
  log: Log,
): https.Server {
  const server = https.createServer(
    {
      ...credentials.context,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: config.handshake_ms ?? LIMITS.frontHandshakeMs,
      maxHeaderSize: LIMITS.headerBytes,
      headersTimeout: LIMITS.frontHeadersMs,
      requestTimeout: LIMITS.frontRequestMs,
      keepAliveTimeout: LIMITS.frontKeepAliveMs,
      connectionsCheckingInterval: 1000,
      noDelay: true,
      // Node before 24.9 upgrades all or nothing.
      shouldUpgradeCallback: isWebSocket,
    },
    (req, res) => {
      const connection = connections.get(req.socket);
      // Without a caller the connection is on its way out; a certificate may also run out under a long one.
      if (connection === undefined || connection.caller.notAfterMs < Date.now()) {
        req.socket.destroy();
        return;
      }
      if (connection.surplus) {
        refuseSurplus(req, res);
        return;
      }
      const leave = forward(req, res, connection.caller, carrier, log);
      connection.running.add(leave);
      res.on("close", () => {
        connection.running.delete(leave);
        leave();
      });
    },
  );
  server.on("upgrade", (req, socket, head) => {
    const connection = connections.get(socket);
    const isOut = connection === undefined || connection.surplus || connection.caller.notAfterMs < Date.now();
    if (isOut) socket.destroy();
    else passUpgrade(req, socket, head, { caller: connection.caller, carrier, log });
  });
  server.maxConnections = LIMITS.frontConnections;
  server.on("secureConnection", (socket: TLSSocket) => {
    const caller = callerOf(socket, config.node);
    if ("refused" in caller) {
      log("warn", "connection-refused", { node: config.node, reason: caller.refused });
      socket.destroy();
      return;
    }
    enterConnection(connections, socket, caller, carrier, log);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    log("info", "handshake-failed", { node: config.node, error: error.code ?? error.message });
    socket.destroy();
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.get(socket);
    // Node reports failed handshakes here too, and what is written before the end of a handshake never leaves: the
    // socket would stay for ever. Beside a request under way, an answer of ours would be taken for that request's.
    const unanswerable = connection === undefined || connection.running.size > 0;
    if (unanswerable || !socket.writable || error.code === "ECONNRESET") socket.destroy();
    else answerBadRequest(error, socket);
  });
  return server;
}

function listen(server: https.Server, { host, port, node }: FrontConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} (KME ${node}) on ${host} is in use`) : error);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(address === null || typeof address === "string" ? port : address.port);
    });
  });
}
