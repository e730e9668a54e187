/** For tests: this end of sessions with hybridization modules, and modules played over plain TLS sockets. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { expect, onTestFinished } from "vitest";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { Source } from "../../shared/hybrid/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { makeKems } from "../../tunnel/kem/kems.ts";
import {
  ModulePeers,
  type ModuleTimes,
  type ModuleWish,
} from "../../tunnel/services/hybrid/module-peer/module-peers.ts";
import {
  kemReferences,
  ksidReference,
  type Reference,
  referenceBytes,
} from "../../tunnel/services/hybrid/module-peer/reference.ts";
import { type CertificateFiles, certificateFiles, moduleAuthority } from "./hybridization-module.ts";
import { listenLocally } from "./listen-locally.ts";
import { Lines } from "./tunnel-agent.ts";

export const HOST = "127.0.0.1";
/** Of another module of the same authority. */
export const OTHER_HOST = "127.0.0.2";
export const URIS = { source: "hybrid://a@x", destination: "hybrid://a@y" };
export const SHARE = ksidReference(URIS.source, URIS.destination);
const KSID = "0f0e0d0c-0b0a-4908-8706-050403020100" as Ksid;
export const KSID_BYTES = Buffer.from("0f0e0d0c0b0a49088706050403020100", "hex");
export const NEVER: AbortSignal = new AbortController().signal;
export const KEM = "ML-KEM-512";
const SOURCES: readonly Source[] = [{ algorithm: KEM, slot: 0, required: true }];
const [LINE] = kemReferences(KSID, SOURCES);
export const PQC = LINE?.reference ?? SHARE;

export interface ModuleRig {
  readonly peers: ModulePeers;
  readonly lines: Lines;
  /** A module's. */
  readonly files: CertificateFiles;
  readonly wish: ModuleWish;
}

export async function moduleRig(times?: Partial<ModuleTimes>): Promise<ModuleRig> {
  const authority = await moduleAuthority();
  const [own, files] = await Promise.all([certificateFiles(authority, [HOST]), certificateFiles(authority, [HOST])]);
  const kems = makeKems();
  const lines = new Lines();
  const peers = await ModulePeers.start({
    config: { listen: `${HOST}:0`, ...own },
    peers: [{ module: `${HOST}:1` }, { module: `${OTHER_HOST}:1` }, {}],
    kems,
    log: lines.log,
    times: { patienceMs: LIMITS.hybridModuleMs, freshMs: LIMITS.hybridModuleFreshMs, ...times },
  });
  onTestFinished(async () => {
    peers.close();
    await kems.close();
  });
  const wish = { role: "server", peer: { host: HOST, port: 1 }, ...URIS, sources: SOURCES, timeoutMs: 10_000 } as const;
  return { peers, lines, files, wish };
}

export async function connect(port: number, files: Partial<CertificateFiles>): Promise<tls.TLSSocket> {
  const shown =
    files.cert === undefined || files.key === undefined
      ? {}
      : { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  const socket = tls.connect({ port, host: HOST, rejectUnauthorized: false, ...shown });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

/** What comes, until the other end closes. */
export async function rest(socket: tls.TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  if (socket.closed) resolve();
  else socket.once("close", resolve);
  await promise;
  return Buffer.concat(chunks).toString("latin1");
}

export async function claimed(port: number, files: CertificateFiles, reference: Reference): Promise<tls.TLSSocket> {
  const socket = await connect(port, files);
  socket.write(referenceBytes(reference));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toBe("ok");
  return socket;
}

/** A session in which this end is the server and the test is the module. */
export async function moduleSession({ peers, files, wish }: ModuleRig) {
  const opening = peers.openSession(wish, NEVER);
  const share = await claimed(peers.port, files, SHARE);
  share.end(KSID_BYTES);
  const line = await claimed(peers.port, files, PQC);
  const opened = await opening;
  if (!opened.ok) throw new Error(opened.error.detail);
  expect(opened.value.ksid).toBe(KSID);
  return { session: opened.value, line };
}

/** The test is the module's server. */
export async function moduleServer(
  files: CertificateFiles,
  onSocket: (socket: tls.TLSSocket) => void,
): Promise<number> {
  const server = tls.createServer({
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
    ca: readFileSync(files.ca),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
    onSocket(socket);
  });
  onTestFinished(() => void server.close());
  return await listenLocally(server);
}

export const asClient = ({ wish }: ModuleRig, port: number, host = HOST): ModuleWish => ({
  ...wish,
  role: "client",
  peer: { host, port },
});
