/** Both roles against a stand-in for the original: its own TLS, its own framing, liboqs' own KEMs. */
import { expect, onTestFinished, test } from "vitest";
import type { Source } from "../../shared/hybrid/types.ts";
import { certificateFiles, moduleAuthority, StandInModule } from "../support/hybridization-module.ts";
import { Lines } from "../support/tunnel-agent.ts";
import { makeKems } from "../../tunnel/kem/kems.ts";
import {
  ModulePeers,
  type ModuleTimes,
  type ModuleWish,
} from "../../tunnel/services/hybrid/module-peer/module-peers.ts";

const HOST = "127.0.0.1";
const URIS = {
  source: "hybrid://SPI_1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa?hybridization=xoring&key_sources=ML-KEM-768,ML-KEM-768",
  destination: "hybrid://SPI_1@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
};
const NEVER = new AbortController().signal;

const sourcesOf = (...kems: readonly Source["algorithm"][]): readonly Source[] =>
  kems.map((algorithm, slot) => ({ algorithm, slot, required: true }));

interface RigOptions {
  readonly times?: ModuleTimes;
  /** Whose certificates the module takes, where not everybody's of the same authority. */
  readonly ca?: string;
}

async function rig({ times, ca }: RigOptions = {}) {
  const authority = await moduleAuthority();
  const [own, theirs] = await Promise.all([certificateFiles(authority, [HOST]), certificateFiles(authority, [HOST])]);
  const module = await StandInModule.start({ ...theirs, ca: ca ?? theirs.ca });
  const kems = makeKems();
  const lines = new Lines();
  const peers = await ModulePeers.start({
    config: { listen: `${HOST}:0`, ...own },
    peers: [{ module: `${HOST}:${module.port}` }],
    kems,
    log: lines.log,
    ...(times === undefined ? {} : { times }),
  });
  onTestFinished(async () => {
    peers.close();
    await kems.close();
  });
  const wish = (role: ModuleWish["role"], sources: readonly Source[]): ModuleWish => ({
    role,
    peer: { host: HOST, port: module.port },
    ...URIS,
    sources,
    timeoutMs: 10_000,
  });
  return { module, peers, wish, lines };
}

type Rig = Awaited<ReturnType<typeof rig>>;

/** Both ends of one session. */
async function session({ module, peers, wish }: Rig, role: ModuleWish["role"], kems: readonly Source["algorithm"][]) {
  const theirRole = role === "client" ? "server" : "client";
  const [ours, theirs] = await Promise.all([
    peers.openSession(wish(role, sourcesOf(...kems)), NEVER),
    module.open({ role: theirRole, host: HOST, port: peers.port, ...URIS, kems: kems.filter((kem) => kem !== "QKD") }),
  ]);
  if (!ours.ok) throw new Error(ours.error.detail);
  return { ours: ours.value, theirs };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test.each(["client", "server"] as const)("as %s: one KSID, several sources, one fresh exchange a key", async (role) => {
  const all = await rig();
  const kems = ["ML-KEM-768", "QKD", "ML-KEM-768", "HQC-128", "sntrup761"] as const;
  const { ours, theirs } = await session(all, role, kems);
  expect(ours.ksid).toBe(theirs.ksid);
  expect(ours.dropped).toEqual([]);
  const seen = new Set<string>();
  for (let key = 0; key < 3; key++) {
    const [own, other] = await Promise.all([ours.secrets(NEVER), all.module.getKey(theirs.session)]);
    if (!own.ok) throw new Error(own.error.detail);
    expect(own.value.map(({ slot }) => slot)).toEqual([0, 2, 3, 4]);
    expect(own.value.map(({ secret }) => hex(secret))).toEqual(other);
    for (const secret of other) seen.add(secret);
  }
  expect(seen.size).toBe(12);
  ours.close();
  expect(all.peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test.each(["client", "server"] as const)("as %s: QKD alone needs no connection but the KSID's", async (role) => {
  const { ours, theirs } = await session(await rig(), role, ["QKD"]);
  expect(ours.ksid).toBe(theirs.ksid);
  expect(await ours.secrets(NEVER)).toEqual({ ok: true, value: [] });
});

test("several calls at once get the module's keys in order", async () => {
  const all = await rig();
  const { ours, theirs } = await session(all, "client", ["ML-KEM-512"]);
  const own = Promise.all([ours.secrets(NEVER), ours.secrets(NEVER), ours.secrets(NEVER)]);
  const others: string[] = [];
  for (let key = 0; key < 3; key++) others.push(...(await all.module.getKey(theirs.session)));
  expect((await own).map((each) => (each.ok ? hex(each.value[0]!.secret) : each.error.code))).toEqual(others);
});

test("sessions with equal addresses do not mix", async () => {
  const all = await rig();
  const first = await session(all, "server", ["ML-KEM-512"]);
  const second = await session(all, "server", ["ML-KEM-512"]);
  expect(first.ours.ksid).not.toBe(second.ours.ksid);
  for (const { ours, theirs } of [second, first]) {
    const [own, [other]] = await Promise.all([ours.secrets(NEVER), all.module.getKey(theirs.session)]);
    expect(own.ok && hex(own.value[0]!.secret)).toBe(other);
  }
});

test("as client: what the module has not answered in time is gone on with, not begun anew", async () => {
  const all = await rig({ times: { patienceMs: 3000, freshMs: 9000 } });
  const { ours, theirs } = await session(all, "client", ["ML-KEM-512", "ML-KEM-768"]);
  expect(await ours.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "timeout" } });
  const other = await all.module.getKey(theirs.session);
  const own = await ours.secrets(NEVER);
  expect(own.ok && own.value.map(({ secret }) => hex(secret))).toEqual(other);
});

test.each(["client", "server"] as const)("as %s: a public key of many records", async (role) => {
  const all = await rig();
  const { ours, theirs } = await session(all, role, ["Classic-McEliece-348864f"]);
  const [own, [other]] = await Promise.all([ours.secrets(NEVER), all.module.getKey(theirs.session)]);
  expect(own.ok && hex(own.value[0]!.secret)).toBe(other);
});

test("a call that nobody waits for any more leaves the exchange where it is", async () => {
  const all = await rig();
  const { ours, theirs } = await session(all, "client", ["ML-KEM-512"]);
  const leaving = new AbortController();
  const left = ours.secrets(leaving.signal);
  leaving.abort();
  expect(await left).toMatchObject({ ok: false, error: { code: "aborted" } });
  const [own, [other]] = await Promise.all([ours.secrets(NEVER), all.module.getKey(theirs.session)]);
  expect(own.ok && hex(own.value[0]!.secret)).toBe(other);
});

test.each(["client", "server"] as const)(
  "as %s: a module that waits for key notices that this end has closed",
  async (role) => {
    const all = await rig();
    const { ours, theirs } = await session(all, role, ["ML-KEM-512"]);
    const other = all.module.getKey(theirs.session);
    ours.close();
    // In good order it would read nothing for ever.
    expect((await other)[0]).toMatch(/^SSLError/);
    expect(await ours.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  },
);

test("what was sent last arrives, though the session is closed at once", async () => {
  const all = await rig();
  const { ours, theirs } = await session(all, "server", ["HQC-128"]);
  const [own, [other]] = await Promise.all([
    ours.secrets(NEVER).then((exchanged) => {
      ours.close();
      return exchanged;
    }),
    all.module.getKey(theirs.session),
  ]);
  expect(own.ok && hex(own.value[0]!.secret)).toBe(other);
});

test("a module that closes ends the session", async () => {
  const all = await rig();
  const { ours, theirs } = await session(all, "client", ["ML-KEM-512"]);
  await all.module.close(theirs.session);
  expect(await ours.secrets(NEVER)).toMatchObject({ ok: false, error: { code: "peer-gone" } });
  expect(all.peers.counts.sessions).toBe(0);
});

test("a module that stops wakes its own listener, and may do so here: nothing comes of it", async () => {
  const { module, peers } = await rig();
  await module.blink(peers.port);
  expect(peers.counts).toEqual({ pending: 0, unclaimed: 0, sessions: 0 });
});

test("as client: a module that does not take this end's certificate", async () => {
  const { ca } = await certificateFiles(await moduleAuthority(), [HOST]);
  const { peers, wish } = await rig({ ca });
  const opened = await peers.openSession(wish("client", []), NEVER);
  expect(opened).toMatchObject({ ok: false, error: { code: "peer-not-trusted" } });
});
