/** The client's part of a connection: dials, says what it is for, and waits until somebody at the module wants it. */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { ok, type Result } from "../../../../shared/result.ts";
import { reasonOf } from "../../../agent/reason.ts";
import { codeOf } from "../../../log.ts";
import type { Place } from "../../../place.ts";
import { ModuleConnection, waitFor } from "./connection.ts";
import { failed, type ModuleFailure } from "./failure.ts";
import { Inbox } from "./inbox.ts";
import { type Reference, referenceBytes } from "./reference.ts";

/** What the module says once one of its applications has asked for the connection. */
export const CLAIMED: Uint8Array = Buffer.from("ok");

/** @param within for all of it, until the module's application has come */
export async function dial(
  credentials: tls.SecureContextOptions,
  to: Place,
  reference: Reference,
  within: AbortSignal,
): Promise<Result<ModuleConnection, ModuleFailure>> {
  const dialled = await connect(credentials, to, within);
  if (!dialled.ok) return dialled;
  const connection = dialled.value;
  connection.expect(new Inbox(CLAIMED.length, "one"));
  connection.send(referenceBytes(reference));
  await waitFor(() => connection.isReady() || connection.gone !== null, [connection], within);
  if (connection.isReady()) {
    const said = connection.take();
    connection.expect(null);
    if (CLAIMED.every((byte, at) => byte === said[at])) return ok(connection);
    connection.leave("it answered something else than ok");
  }
  const { gone, error } = connection;
  connection.leave("it did not answer");
  if (isDistrust(error)) return failed("peer-not-trusted", `the module refuses this end: ${reasonOf(error)}`);
  return failed(
    "peer-not-come",
    `no application at the module asked for the connection${gone === null ? "" : `: ${gone}`}`,
  );
}

async function connect(
  credentials: tls.SecureContextOptions,
  { host, port }: Place,
  within: AbortSignal,
): Promise<Result<ModuleConnection, ModuleFailure>> {
  const raw = net.connect({ host, port });
  raw.on("error", () => undefined); // told by whoever waits
  try {
    await once(raw, "connect", { signal: within });
  } catch (thrown) {
    raw.destroy();
    return failed("peer-not-come", within.aborted ? "no connection in time" : reasonOf(thrown));
  }
  const socket = tls.connect({
    ...credentials,
    socket: raw,
    // By whose name or address its certificate is judged.
    host,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: true,
  });
  try {
    await once(socket, "secureConnect", { signal: within });
    return ok(new ModuleConnection(socket, raw));
  } catch (thrown) {
    socket.once("error", () => undefined);
    socket.destroy();
    raw.destroy();
    if (within.aborted) return failed("peer-not-come", "no TLS handshake in time");
    return failed(isBroken(thrown) ? "peer-not-come" : "peer-not-trusted", reasonOf(thrown));
  }
}

/** The connection, not the certificate. */
const isBroken = (thrown: unknown): boolean => codeOf(thrown) === "ECONNRESET" || codeOf(thrown) === "EPIPE";

/** With TLS 1.3 a server tells of a client's certificate after the handshake. */
const isDistrust = (error: unknown): boolean => codeOf(error)?.startsWith("ERR_SSL_") === true;
