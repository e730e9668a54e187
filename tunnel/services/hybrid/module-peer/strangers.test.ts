/** Whatever else comes to the listener. */
import { once } from "node:events";
import net from "node:net";
import type tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../../../../pki/authority.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import {
  type CertificateFiles,
  certificateFiles,
  moduleAuthority,
} from "../../../../test/support/hybridization-module.ts";
import {
  HOST,
  OTHER_HOST,
  SHARE,
  KSID_BYTES,
  NEVER,
  claimed,
  connect,
  moduleRig,
  rest,
} from "../../../../test/support/module-peer-rig.ts";
import { Lines } from "../../../../test/support/tunnel-agent.ts";
import { AgentFailure } from "../../../agent/failure.ts";
import { makeKems } from "../../../kem/kems.ts";
import { ModulePeers } from "./module-peers.ts";
import { referenceBytes } from "./reference.ts";

test("no certificate, another authority's, or one that names no peer: nothing is read", async () => {
  const { peers, lines } = await moduleRig();
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
  const { peers, files } = await moduleRig();
  const socket = await connect(peers.port, files);
  socket.write(text);
  expect(await rest(socket)).toBe("");
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("who says nothing, and who waits for nobody, is hung up on", async () => {
  const { peers, files } = await moduleRig({ patienceMs: 200 });
  const [silent, waiting] = await Promise.all([connect(peers.port, files), connect(peers.port, files)]);
  waiting.write(referenceBytes(SHARE));
  expect(await Promise.all([rest(silent), rest(waiting)])).toEqual(["", ""]);
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("more bytes before ok end the connection", async () => {
  const { peers, files } = await moduleRig();
  const socket = await connect(peers.port, files);
  socket.write(referenceBytes(SHARE));
  while (peers.counts.unclaimed === 0) await new Promise(setImmediate);
  socket.write(KSID_BYTES);
  expect(await rest(socket)).toBe("");
  expect(peers.counts.unclaimed).toBe(0);
});

test("connections that nobody asks for are few, and the newest stay", async () => {
  const { peers, files } = await moduleRig({ patienceMs: 120_000 });
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
  const { peers, files, wish } = await moduleRig();
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
  const all = await moduleRig({ patienceMs: 300 });
  const wish = { ...all.wish, peer: { host: OTHER_HOST, port: 1 }, timeoutMs: 300 };
  const opening = all.peers.openSession(wish, NEVER);
  const socket = await connect(all.peers.port, all.files);
  socket.write(referenceBytes(SHARE));
  expect(await rest(socket)).toBe("");
  expect(await opening).toMatchObject({ ok: false, error: { code: "peer-not-come" } });
});

test("certificates that cannot be used, and a port that is taken, are told at the start", async () => {
  const { peers, files } = await moduleRig();
  const kems = makeKems();
  onTestFinished(() => kems.close());
  const start = (config: CertificateFiles & { listen: string }) =>
    ModulePeers.start({ config, peers: [], kems, log: () => undefined });
  await expect(start({ ...files, listen: `${HOST}:${peers.port}` })).rejects.toThrow(AgentFailure);
  await expect(start({ ...files, listen: `${HOST}:0`, key: files.cert })).rejects.toThrow(/^\[hybrid\.module\]: /);
});
