/** Modules that do what they should not, in either role, and applications that leave. */
import { once } from "node:events";
import net from "node:net";
import type tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../../../../pki/authority.ts";
import { KEMS } from "../../../../shared/kem/registry.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { certificateFiles } from "../../../../test/support/hybridization-module.ts";
import {
  HOST,
  KEM,
  SHARE,
  KSID_BYTES,
  NEVER,
  PQC,
  asClient,
  claimed,
  type ModuleRig,
  moduleRig,
  moduleServer,
  moduleSession,
  rest,
} from "../../../../test/support/module-peer-rig.ts";
import { makeKems } from "../../../kem/kems.ts";
import { type ModuleWish } from "./module-peers.ts";
import { ksidReference } from "./reference.ts";

test("a KSID cut short", async () => {
  const { peers, files, wish } = await moduleRig();
  const opening = peers.openSession(wish, NEVER);
  const share = await claimed(peers.port, files, SHARE);
  share.end(KSID_BYTES.subarray(0, 15));
  expect(await opening).toMatchObject({ ok: false, error: { code: "peer-gone" } });
});

test("a KSID that is in use", async () => {
  const all = await moduleRig();
  await moduleSession(all);
  const opening = all.peers.openSession(all.wish, NEVER);
  const share = await claimed(all.peers.port, all.files, SHARE);
  share.end(KSID_BYTES);
  expect(await opening).toMatchObject({ ok: false, error: { code: "busy" } });
  expect(all.peers.counts.sessions).toBe(1);
});

test("a KSID that is named for two sessions at once", async () => {
  const all = await moduleRig();
  const { peers, files, wish } = all;
  const other = { ...wish, source: `${wish.source}#other` };
  const openings = [wish, other].map((each) => peers.openSession(each, NEVER));
  for (const { source, destination } of [wish, other]) {
    (await claimed(peers.port, files, ksidReference(source, destination))).end(KSID_BYTES);
  }
  await Promise.all([claimed(peers.port, files, PQC), claimed(peers.port, files, PQC)]);
  const opened = await Promise.all(openings);
  expect(opened.map((each) => (each.ok ? "opened" : each.error.code)).sort()).toEqual(["busy", "opened"]);
  for (const each of opened) if (each.ok) each.value.close();
  expect(peers.counts.sessions).toBe(0);
});

test("sessions whose public keys would not fit in memory", async () => {
  const { peers, wish } = await moduleRig();
  const sources = [0, 1, 2, 3].map(
    (slot) => ({ algorithm: "Classic-McEliece-8192128", slot, required: true }) as const,
  );
  const bytes = 2 * sources.length * KEMS["Classic-McEliece-8192128"].publicKeyBytes;
  const most = Math.floor(LIMITS.hybridSessionsBytes / bytes);
  expect(most).toBeLessThan(LIMITS.hybridModuleSessions);
  for (let turn = 0; turn < 2; turn++) {
    const leaving = new AbortController();
    const waiting = Array.from({ length: most }, () => peers.openSession({ ...wish, sources }, leaving.signal));
    expect(await peers.openSession({ ...wish, sources }, NEVER)).toMatchObject({ ok: false, error: { code: "busy" } });
    leaving.abort();
    for (const each of await Promise.all(waiting)) expect(each).toMatchObject({ error: { code: "aborted" } });
  }
});

test("a source that does not come: the session is not opened, or goes without it", async () => {
  const all = await moduleRig({ patienceMs: 2000 });
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
  const all = await moduleRig();
  const { session: opened, line } = await moduleSession(all);
  const secrets = opened.secrets(NEVER);
  line.end(Buffer.alloc(KEMS[KEM].publicKeyBytes - 1));
  expect(await secrets).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  expect(all.peers.counts.sessions).toBe(0);
});

test("a public key that is none ends the session", async () => {
  const all = await moduleRig();
  const { session: opened, line } = await moduleSession(all);
  line.write(Buffer.alloc(KEMS[KEM].publicKeyBytes, 0xff));
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "kem-failed" } });
  expect(await rest(line)).toBe("");
});

test("of public keys the newest is answered, and none that the module has given up", async () => {
  const all = await moduleRig({ patienceMs: 2000, freshMs: -1 });
  const { session: opened, line } = await moduleSession(all);
  const kems = makeKems();
  onTestFinished(() => kems.close());
  const pair = await kems.generateKeyPair(KEM);
  line.write(pair.publicKey);
  // Fresh for no time at all.
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "timeout" } });

  const patient = await moduleRig();
  const { session: second, line: secondLine } = await moduleSession(patient);
  const [stale, fresh] = [await kems.generateKeyPair(KEM), pair];
  secondLine.write(Buffer.concat([stale.publicKey, fresh.publicKey]));
  const answer: Buffer[] = [];
  secondLine.on("data", (chunk: Buffer) => answer.push(chunk));
  const own = await second.secrets(NEVER);
  while (Buffer.concat(answer).length < KEMS[KEM].ciphertextBytes) await once(secondLine, "data");
  const theirs = await kems.decapsulate(KEM, Buffer.concat(answer), fresh.secretKey);
  expect(own.ok && theirs.ok && Buffer.from(theirs.value).equals(own.value[0]!.secret)).toBe(true);
});

test("as client: nobody there, nobody who answers, who answers something else, who is somebody else", async () => {
  const all = await moduleRig();
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
  const failure = async (wish: ModuleWish, timeoutMs = 10_000) => {
    const opened = await all.peers.openSession({ ...wish, timeoutMs }, NEVER);
    return opened.ok ? "opened" : opened.error.code;
  };
  expect(await failure(asClient(all, 1))).toBe("peer-not-come");
  expect(await failure(asClient(all, silent), 300)).toBe("peer-not-come");
  expect(await failure(asClient(all, port), 300)).toBe("peer-not-come");
  expect(await failure(asClient(all, (gone.address() as net.AddressInfo).port))).toBe("peer-not-come");
  expect(await failure(asClient(all, wrong))).toBe("peer-not-come");
  expect(await failure(asClient(all, hasty))).toBe("peer-not-come");
  expect(await failure(asClient(all, strangers))).toBe("peer-not-trusted");
  // It has the right authority's certificate, for another address.
  expect(await failure(asClient(all, silent, "localhost"))).toBe("peer-not-trusted");
  expect(all.peers.counts.sessions).toBe(0);
});

/** Takes the KSID, then does as the test says with the source's connection. */
async function clientSession(all: ModuleRig, onPublicKey: (socket: tls.TLSSocket) => void) {
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
  const all = await moduleRig();
  const opened = await clientSession(all, (socket) => socket.end(Buffer.alloc(KEMS[KEM].ciphertextBytes + moreBytes)));
  expect(await opened.secrets(NEVER)).toMatchObject({ ok: false, error: { code } });
  expect(all.peers.counts.sessions).toBe(0);
});

test("what nobody waits for any more does not stay", async () => {
  const all = await moduleRig();
  const leaving = new AbortController();
  const opening = all.peers.openSession(all.wish, leaving.signal);
  leaving.abort();
  expect(await opening).toMatchObject({ ok: false });
  const first = await moduleSession(all);
  all.peers.close();
  expect(await first.session.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  expect(await all.peers.openSession(all.wish, NEVER)).toMatchObject({ ok: false });
});
