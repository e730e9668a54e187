/** Whatever else comes to the listener, and modules that do what they should not: plain TLS sockets of the test's own. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../../../../pki/authority.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { Source } from "../../../../shared/hybrid/types.ts";
import { KEMS } from "../../../../shared/kem/registry.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import {
  type CertificateFiles,
  certificateFiles,
  moduleAuthority,
} from "../../../../test/support/hybridization-module.ts";
import { Lines } from "../../../../test/support/tunnel-agent.ts";
import { AgentFailure } from "../../../agent/failure.ts";
import { makeKems } from "../../../kem/kems.ts";
import { ModulePeers, type ModuleTimes, type ModuleWish } from "./module-peers.ts";
import { kemReferences, ksidReference, type Reference, referenceBytes } from "./reference.ts";

const HOST = "127.0.0.1";
/** Of another module of the same authority. */
const OTHER_HOST = "127.0.0.2";
const URIS = { source: "hybrid://a@x", destination: "hybrid://a@y" };
const SHARE = ksidReference(URIS.source, URIS.destination);
const KSID = "0f0e0d0c-0b0a-4908-8706-050403020100" as Ksid;
const KSID_BYTES = Buffer.from("0f0e0d0c0b0a49088706050403020100", "hex");
const NEVER = new AbortController().signal;
const KEM = "ML-KEM-512";
const SOURCES: readonly Source[] = [{ algorithm: KEM, slot: 0, required: true }];
const [LINE] = kemReferences(KSID, SOURCES);
const PQC = LINE?.reference ?? SHARE;

interface Rig {
  readonly peers: ModulePeers;
  readonly lines: Lines;
  /** A module's. */
  readonly files: CertificateFiles;
  readonly wish: ModuleWish;
}

async function rig(times?: Partial<ModuleTimes>): Promise<Rig> {
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

async function connect(port: number, files: Partial<CertificateFiles>): Promise<tls.TLSSocket> {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const [cert, key] = [read(files.cert), read(files.key)];
  const socket = tls.connect({ port, host: HOST, rejectUnauthorized: false, ...(cert && key ? { cert, key } : {}) });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

/** What comes, until the other end closes. */
async function rest(socket: tls.TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  if (socket.closed) resolve();
  else socket.once("close", resolve);
  await promise;
  return Buffer.concat(chunks).toString("latin1");
}

async function claimed(port: number, files: CertificateFiles, reference: Reference): Promise<tls.TLSSocket> {
  const socket = await connect(port, files);
  socket.write(referenceBytes(reference));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toBe("ok");
  return socket;
}

/** A session in which this end is the server and the test is the module. */
async function session({ peers, files, wish }: Rig) {
  const opening = peers.openSession(wish, NEVER);
  const share = await claimed(peers.port, files, SHARE);
  share.end(KSID_BYTES);
  const line = await claimed(peers.port, files, PQC);
  const opened = await opening;
  if (!opened.ok) throw new Error(opened.error.detail);
  expect(opened.value.ksid).toBe(KSID);
  return { session: opened.value, line };
}

test("no certificate, another authority's, or one that names no peer: nothing is read", async () => {
  const { peers, lines } = await rig();
  const [stranger, nobody] = await Promise.all([
    certificateFiles(await createAuthority("another"), [HOST]),
    certificateFiles(await moduleAuthority(), ["192.0.2.1"]),
  ]);
  for (const files of [{}, stranger, nobody]) {
    const socket = await connect(peers.port, files);
    socket.write(referenceBytes(SHARE));
    expect(await rest(socket)).toBe("");
  }
  expect(lines.all.find(({ message }) => message === "module refused")?.level).toBe("warn");
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("of the right authority, but no peer of ours", async () => {
  const authority = await moduleAuthority();
  const [own, other] = await Promise.all([
    certificateFiles(authority, [HOST]),
    certificateFiles(authority, ["192.0.2.1"]),
  ]);
  const kems = makeKems();
  const lines = new Lines();
  const options = { config: { listen: `${HOST}:0`, ...own }, peers: [{ module: `${HOST}:1` }], kems, log: lines.log };
  const peers = await ModulePeers.start(options);
  onTestFinished(() => peers.close());
  const socket = await connect(peers.port, other);
  socket.write(referenceBytes(SHARE));
  expect(await rest(socket)).toBe("");
  expect((await lines.seen("module refused")).fields["reason"]).toContain("no module in [[hybrid.peer]]");
  await kems.close();
});

test.each([
  ["GET / HTTP/1.1\r\n\r\n"],
  ['{"session_type": 7, "id": "x"}'],
  [`{"id": "${"x".repeat(2000)}`],
  ['{"session_type": 1, "id": "x"}and more'],
  ['{"session_type": 0, "id": "blink"}'],
])("not what a connection is for: %s", async (text) => {
  const { peers, files } = await rig();
  const socket = await connect(peers.port, files);
  socket.write(text);
  expect(await rest(socket)).toBe("");
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("who says nothing, and who waits for nobody, is hung up on", async () => {
  const { peers, files } = await rig({ patienceMs: 200 });
  const [silent, waiting] = await Promise.all([connect(peers.port, files), connect(peers.port, files)]);
  waiting.write(referenceBytes(SHARE));
  expect(await Promise.all([rest(silent), rest(waiting)])).toEqual(["", ""]);
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("more bytes before ok end the connection", async () => {
  const { peers, files } = await rig();
  const socket = await connect(peers.port, files);
  socket.write(referenceBytes(SHARE));
  while (peers.counts.unclaimed === 0) await new Promise(setImmediate);
  socket.write(KSID_BYTES);
  expect(await rest(socket)).toBe("");
  expect(peers.counts.unclaimed).toBe(0);
});

test("connections that nobody asks for are few, and the newest stay", async () => {
  const { peers, files } = await rig();
  const sockets: tls.TLSSocket[] = [];
  for (let n = 0; n < LIMITS.hybridModuleUnclaimedEach + 3; n++) {
    const socket = await connect(peers.port, files);
    socket.write(referenceBytes({ type: "pqc", id: `number ${n}` }));
    sockets.push(socket);
  }
  for (const socket of sockets.slice(0, 3)) expect(await rest(socket)).toBe("");
  expect(sockets.at(-1)?.destroyed).toBe(false);
  expect(peers.counts.unclaimed).toBe(LIMITS.hybridModuleUnclaimedEach);
});

test("1,000 connections without a handshake: a module gets in all the same", async () => {
  const { peers, files, wish } = await rig();
  const sockets: net.Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let n = 0; n < 1000; n++) {
    const socket = net.connect(peers.port, HOST);
    socket.on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
  }
  const opening = peers.openSession({ ...wish, sources: [] }, NEVER);
  const share = await claimed(peers.port, files, SHARE);
  share.end(KSID_BYTES);
  expect((await opening).ok).toBe(true);
  expect(peers.counts.pending).toBeLessThanOrEqual(LIMITS.hybridModulePending);
});

test("another module of the same authority cannot take a peer's place", async () => {
  const all = await rig({ patienceMs: 300 });
  const wish = { ...all.wish, peer: { host: OTHER_HOST, port: 1 }, timeoutMs: 300 };
  const opening = all.peers.openSession(wish, NEVER);
  const socket = await connect(all.peers.port, all.files);
  socket.write(referenceBytes(SHARE));
  expect(await rest(socket)).toBe("");
  expect(await opening).toMatchObject({ ok: false, error: { code: "peer-not-come" } });
});

test("a KSID cut short", async () => {
  const { peers, files, wish } = await rig();
  const opening = peers.openSession(wish, NEVER);
  const share = await claimed(peers.port, files, SHARE);
  share.end(KSID_BYTES.subarray(0, 15));
  expect(await opening).toMatchObject({ ok: false, error: { code: "peer-gone" } });
});

test("a KSID that is in use", async () => {
  const all = await rig();
  await session(all);
  const opening = all.peers.openSession(all.wish, NEVER);
  const share = await claimed(all.peers.port, all.files, SHARE);
  share.end(KSID_BYTES);
  expect(await opening).toMatchObject({ ok: false, error: { code: "busy" } });
  expect(all.peers.counts.sessions).toBe(1);
});

test("a source that does not come: the session is not opened, or goes without it", async () => {
  const all = await rig({ patienceMs: 300 });
  for (const required of [true, false]) {
    const opening = all.peers.openSession({ ...all.wish, sources: [{ algorithm: KEM, slot: 0, required }] }, NEVER);
    const share = await claimed(all.peers.port, all.files, SHARE);
    share.end(KSID_BYTES);
    const opened = await opening;
    if (required) expect(opened).toMatchObject({ ok: false, error: { code: "peer-not-come" } });
    else expect(opened.ok && opened.value.dropped).toEqual([{ algorithm: KEM, slot: 0, required }]);
  }
});

test("a module that hangs up in the middle of a public key", async () => {
  const all = await rig();
  const { session: opened, line } = await session(all);
  const secrets = opened.secrets(NEVER);
  line.end(Buffer.alloc(KEMS[KEM].publicKeyBytes - 1));
  expect(await secrets).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  expect(all.peers.counts.sessions).toBe(0);
});

test("a public key that is none ends the session", async () => {
  const all = await rig();
  const { session: opened, line } = await session(all);
  line.write(Buffer.alloc(KEMS[KEM].publicKeyBytes, 0xff));
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "kem-failed" } });
  expect(await rest(line)).toBe("");
});

test("of public keys the newest is answered, and none that the module has given up", async () => {
  const all = await rig({ patienceMs: 500, freshMs: 0 });
  const { session: opened, line } = await session(all);
  const kems = makeKems();
  onTestFinished(() => kems.close());
  const pair = await kems.generateKeyPair(KEM);
  line.write(pair.publicKey);
  // Fresh for no time at all.
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "timeout" } });

  const patient = await rig();
  const { session: second, line: secondLine } = await session(patient);
  const [stale, fresh] = [await kems.generateKeyPair(KEM), pair];
  secondLine.write(Buffer.concat([stale.publicKey, fresh.publicKey]));
  const answer: Buffer[] = [];
  secondLine.on("data", (chunk: Buffer) => answer.push(chunk));
  const own = await second.secrets(NEVER);
  while (Buffer.concat(answer).length < KEMS[KEM].ciphertextBytes) await once(secondLine, "data");
  const theirs = await kems.decapsulate(KEM, Buffer.concat(answer), fresh.secretKey);
  expect(own.ok && theirs.ok && Buffer.from(theirs.value).equals(own.value[0]!.secret)).toBe(true);
});

/** The test is the module's server. */
async function moduleServer(files: CertificateFiles, onSocket: (socket: tls.TLSSocket) => void): Promise<number> {
  const read = (file: string) => readFileSync(file);
  const server = tls.createServer({
    cert: read(files.cert),
    key: read(files.key),
    ca: read(files.ca),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
    onSocket(socket);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

const asClient = ({ wish }: Rig, port: number, host = HOST): ModuleWish => ({
  ...wish,
  role: "client",
  peer: { host, port },
});

test("as client: nobody there, nobody who answers, who answers something else, who is somebody else", async () => {
  const all = await rig({ patienceMs: 300 });
  const soon = (wish: ModuleWish) => all.peers.openSession({ ...wish, timeoutMs: 300 }, NEVER);
  const stranger = await certificateFiles(await createAuthority("another"), [HOST]);
  const silent = await moduleServer(all.files, () => undefined);
  const wrong = await moduleServer(all.files, (socket) => void socket.once("data", () => socket.write("no")));
  const hasty = await moduleServer(all.files, (socket) => void socket.once("data", () => socket.write("ok, and more")));
  const strangers = await moduleServer(stranger, () => undefined);
  const plain = net.createServer((socket) => void socket.on("error", () => undefined)).listen(0, HOST);
  await once(plain, "listening");
  onTestFinished(() => void plain.close());
  const { port } = plain.address() as net.AddressInfo;
  const gone = net.createServer((socket) => void socket.destroy()).listen(0, HOST);
  await once(gone, "listening");
  onTestFinished(() => void gone.close());
  const failure = async (wish: ModuleWish) => {
    const opened = await soon(wish);
    return opened.ok ? "opened" : opened.error.code;
  };
  expect(await failure(asClient(all, 1))).toBe("peer-not-come");
  expect(await failure(asClient(all, silent))).toBe("peer-not-come");
  expect(await failure(asClient(all, port))).toBe("peer-not-come");
  expect(await failure(asClient(all, (gone.address() as net.AddressInfo).port))).toBe("peer-not-come");
  expect(await failure(asClient(all, wrong))).toBe("peer-not-come");
  expect(await failure(asClient(all, hasty))).toBe("peer-not-come");
  expect(await failure(asClient(all, strangers))).toBe("peer-not-trusted");
  // It has the right authority's certificate, for another address.
  expect(await failure(asClient(all, silent, "localhost"))).toBe("peer-not-trusted");
  expect(all.peers.counts.sessions).toBe(0);
});

/** Takes the KSID, then does as the test says with the source's connection. */
async function clientSession(all: Rig, onPublicKey: (socket: tls.TLSSocket) => void) {
  const port = await moduleServer(all.files, (socket) => {
    socket.once("data", (reference: Buffer) => {
      socket.write("ok");
      if (reference.toString().includes('"session_type":2')) socket.once("data", () => onPublicKey(socket));
    });
  });
  const opened = await all.peers.openSession(asClient(all, port), NEVER);
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}

test.each([
  ["hangs up in the middle of a ciphertext", "peer-gone", -1],
  ["sends more than a ciphertext", "peer-gone", 1],
] as const)("as client: a module that %s", async (_, code, moreBytes) => {
  const all = await rig();
  const opened = await clientSession(all, (socket) => socket.end(Buffer.alloc(KEMS[KEM].ciphertextBytes + moreBytes)));
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code } });
  expect(all.peers.counts.sessions).toBe(0);
});

test("what nobody waits for any more does not stay", async () => {
  const all = await rig();
  const leaving = new AbortController();
  const opening = all.peers.openSession(all.wish, leaving.signal);
  leaving.abort();
  expect(await opening).toMatchObject({ ok: false });
  const first = await session(all);
  all.peers.close();
  expect(await first.session.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  expect(await all.peers.openSession(all.wish, NEVER)).toMatchObject({ ok: false });
});

test("certificates that cannot be used, and a port that is taken, are told at the start", async () => {
  const { peers, files } = await rig();
  const kems = makeKems();
  onTestFinished(() => kems.close());
  const start = (config: CertificateFiles & { listen: string }) =>
    ModulePeers.start({ config, peers: [], kems, log: () => undefined });
  await expect(start({ ...files, listen: `${HOST}:${peers.port}` })).rejects.toThrow(AgentFailure);
  await expect(start({ ...files, listen: `${HOST}:0`, key: files.cert })).rejects.toThrow(/^\[hybrid\.module\]: /);
});
