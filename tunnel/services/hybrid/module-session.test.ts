/** Streams of this agent's applications with a stand-in for an unmodified module, which combines by the original's rules. */
import { writeFileSync } from "node:fs";
import net from "node:net";
import { once } from "node:events";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { MethodName } from "../../../shared/hybrid/methods.ts";
import { type FakeAnswer, FakeStreams, jsonAnswer } from "../../../test/support/fake-streams.ts";
import {
  type CertificateFiles,
  certificateFiles,
  moduleAuthority,
  type ModuleOpen,
  StandInModule,
} from "../../../test/support/hybridization-module.ts";
import { HOST, NEVER } from "../../../test/support/module-peer-rig.ts";
import { Lines, temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../../agent/config/load.ts";
import type { AgentConfigInput } from "../../agent/config/schema.ts";
import { jsonProtocol } from "../etsi004-json/service.ts";
import type { JsonTcpConfig } from "../etsi004/config.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { startTcpService } from "../etsi004/tcp-service.ts";
import type { Engine } from "./engine-types.ts";
import { makeEngine } from "./make-engine.ts";
import { streamsFor } from "./streams.ts";

const OWN = { sae: "sae-a", node: "tn-1" };
const UUIDS = { own: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", peer: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
const ROLES = ["initiator", "responder"] as const;
type Role = (typeof ROLES)[number];
type PeerSettings = Omit<NonNullable<NonNullable<AgentConfigInput["hybrid"]>["peer"]>[number], "uuid" | "module">;

/** An edge as each end sees it: the two have the same chunks, and each gives one once. */
async function edgeOfOneEnd(): Promise<FakeStreams> {
  const edge = await FakeStreams.start();
  edge.intercept = givingOnce();
  return edge;
}

function givingOnce(): FakeStreams["intercept"] {
  const given = new Map<string, Set<number>>();
  return ({ path: asked, body }): FakeAnswer | null => {
    if (!asked.endsWith("/get_key")) return null;
    const had = given.get(asked) ?? new Set();
    given.set(asked, had);
    const { index } = JSON.parse(body) as { index: number };
    if (had.has(index)) return jsonAnswer(503, { status: 2, message: "had" });
    had.add(index);
    return null;
  };
}

/** The module's QKD node: an agent's listener, at the other end. */
async function qkdNode(edge: FakeStreams): Promise<{ readonly host: string; readonly port: number }> {
  const entry = { kind: "json-tcp", port: 0, sae: "sae-c", node: "tn-2" } as const;
  const [config] = checkConfig({ edge: edge.url, site: "site-b", etsi004: [entry] }).etsi004;
  const { log } = new Lines();
  const streams = edgeStreams({ ask: edge.ask("sae-c", "tn-2"), binding: "json-tcp", log });
  const protocol = jsonProtocol(streams, null, false);
  const service = await startTcpService({ config: config as JsonTcpConfig, protocol, log });
  onTestFinished(() => service.close());
  return { host: HOST, port: service.port };
}

interface EngineRig {
  readonly engine: Engine;
  readonly lines: Lines;
}

function startEngine(
  edge: FakeStreams,
  files: CertificateFiles,
  listen: string,
  modulePort: number,
  peer: PeerSettings,
): EngineRig {
  const lines = new Lines();
  const { hybrid } = checkConfig({
    edge: edge.url,
    site: "site-a",
    hybrid: {
      node: [{ id: OWN.node, uuid: UUIDS.own }],
      peer: [{ uuid: UUIDS.peer, module: `${HOST}:${modulePort}`, ...peer }],
      module: { listen, ...files },
    },
  });
  const engine = makeEngine({
    site: "site-a",
    config: hybrid ?? expect.unreachable(),
    channel: { reach: () => expect.unreachable("nothing goes to an agent"), close: () => undefined } as never,
    askFor: ({ sae, node }) => edge.ask(sae, node),
    send: () => Promise.reject(new Error("reports wait")),
    log: lines.log,
  });
  onTestFinished(() => engine.close());
  return { engine, lines };
}

async function rig(peer: PeerSettings = {}) {
  const authority = await moduleAuthority();
  const [own, theirs] = await Promise.all([certificateFiles(authority, [HOST]), certificateFiles(authority, [HOST])]);
  const module = await StandInModule.start(theirs);
  const [edge, theirEdge] = [await edgeOfOneEnd(), await edgeOfOneEnd()];
  const started = startEngine(edge, own, `${HOST}:0`, module.port, peer);
  const port = Number((await started.lines.seen('"hybrid":"module"')).fields["port"]);
  return {
    ...started,
    streams: streamsFor(started.engine.streams, OWN),
    module,
    edge,
    theirEdge,
    port,
    qkd: await qkdNode(theirEdge),
  };
}

type Rig = Awaited<ReturnType<typeof rig>>;

interface Wish {
  readonly role: Role;
  readonly method?: MethodName;
  readonly sources?: string;
  readonly chunkBytes?: number;
  readonly timeoutMs?: number;
}

const XORING = "xoring";

function asked({
  role,
  method = XORING,
  sources = "key_sources=ML-KEM-768",
  chunkBytes = 32,
  timeoutMs = 10_000,
}: Wish) {
  const [from, to] = role === "initiator" ? [UUIDS.own, UUIDS.peer] : [UUIDS.peer, UUIDS.own];
  const query = `hybridization=${method}&${sources}`;
  const [source, destination] = [`hybrid://SPI_1@${from}?${query}`, `hybrid://SPI_1@${to}?${query}`];
  return { source, destination, chunkBytes, timeoutMs };
}

/** What the module's application asks its own end for. */
function theirs({ port, qkd }: Rig, wish: Wish, more: Partial<ModuleOpen> = {}): ModuleOpen {
  const { source, destination, chunkBytes } = asked(wish);
  const names = [...source.matchAll(/key_sources=([^&]*)/g)].flatMap(([, list = ""]) => list.split(","));
  return {
    role: wish.role === "initiator" ? "server" : "client",
    host: HOST,
    port,
    source,
    destination,
    kems: names.filter((name) => name !== "QKD"),
    method: (wish.method ?? XORING) as "xoring",
    chunk: chunkBytes,
    ...(names.includes("QKD") ? { qkd } : {}),
    ...more,
  };
}

/** Opened at both ends. */
async function session(all: Rig, wish: Wish, more: Partial<ModuleOpen> = {}) {
  const [ours, other] = await Promise.all([
    all.streams.open(asked(wish), NEVER),
    all.module.open(theirs(all, wish, more)),
  ]);
  if (!ours.ok) throw new Error(`${ours.error.code}: ${ours.error.detail}`);
  expect(ours.value).toBe(other.ksid);
  const get = (index: number, signal = NEVER) => all.streams.getKey(ours.value, index, signal);
  return {
    ksid: ours.value,
    get,
    theirs: () => all.module.getHybridKey(other.session),
    both: async (index: number) => await Promise.all([get(index), all.module.getHybridKey(other.session)]),
    closeTheirs: () => all.module.close(other.session),
  };
}

type Session = Awaited<ReturnType<typeof session>>;
type Ours = Awaited<ReturnType<Session["get"]>>;

function keyOf(made: Ours): string {
  if (!made.ok) throw new Error(`${made.error.code}: ${made.error.detail}`);
  return Buffer.from(made.value.key).toString("hex");
}
const toldOf = (made: Ours): unknown => (made.ok ? JSON.parse(made.value.metadata) : made.error);

/** @returns the key that both ends have */
async function equal(of: Session, index: number): Promise<string> {
  const [ours, { key }] = await of.both(index);
  expect(keyOf(ours) === key, "the same key at both ends").toBe(true);
  return key;
}

const failure = (code: string, words = "") => ({
  ok: false,
  error: { code, detail: expect.stringContaining(words) as string },
});

describe.each(ROLES)("as %s", (role) => {
  test.each([
    ["xoring", 32, 1],
    ["hmac", 32, 2],
    ["xorhmac", 20, 2],
  ] as const)("%s of KEMs and QKD, %i bytes: one key, the same at both ends", async (method, chunkBytes, kems) => {
    const all = await rig();
    const names = [...Array.from({ length: kems }, () => "ML-KEM-768"), "QKD"];
    const of = await session(all, { role, method, chunkBytes, sources: `key_sources=${names.join(",")}` });
    const [ours, { key, mixed }] = await of.both(0);
    expect(mixed).toBe(names.length);
    expect(key).toHaveLength(2 * chunkBytes);
    expect(keyOf(ours) === key, "the same key at both ends").toBe(true);
    expect(toldOf(ours)).toEqual({ method, sources: names, confirmed: false, kem: "agent" });
  });

  test("KEMs alone: key after key in order, whatever the indices; an index asked again is told again", async () => {
    const of = await session(await rig(), { role, sources: "key_sources=ML-KEM-512,ML-KEM-768" });
    const keys: string[] = [];
    for (const index of [0, 7, 3, 1]) keys.push(await equal(of, index));
    expect(new Set(keys).size).toBe(4);
    // No exchange with the module comes of it, or this would wait.
    expect(keyOf(await of.get(7))).toBe(keys[1]);
    const many = [10, 11, 12].map((index) => of.get(index));
    for (const each of many) {
      const { key } = await of.theirs();
      expect(keyOf(await each) === key).toBe(true);
    }
  });

  test("QKD once a session: the second key is refused, and not made of less", async () => {
    const all = await rig();
    const of = await session(all, { role, sources: "key_sources=ML-KEM-768,QKD" });
    const first = await equal(of, 0);
    expect(await of.get(1)).toEqual(failure("source-unavailable", "QKD: "));
    expect(await of.get(1)).toEqual(failure("source-unavailable", "QKD: "));
    expect(keyOf(await of.get(0))).toBe(first);
    expect(all.lines.count("hybrid.source-dropped")).toBe(0);
  });

  test("an optional QKD is left out for the second key at both ends: told, and reported", async () => {
    const all = await rig();
    const of = await session(all, { role, sources: "req_key_sources=ML-KEM-768&opt_key_sources=QKD" });
    await equal(of, 0);
    const [ours, { key, mixed }] = await of.both(1);
    expect(mixed).toBe(1);
    expect(keyOf(ours) === key).toBe(true);
    expect(toldOf(ours)).toMatchObject({ sources: ["ML-KEM-768"], dropped: ["QKD"], confirmed: false });
    expect(all.lines.count("hybrid.source-dropped")).toBe(1);
  });

  test("QKD alone needs no KEM", async () => {
    const of = await session(await rig(), { role, sources: "key_sources=QKD" });
    await equal(of, 0);
  });

  test("too few bytes for the chunk: refused, or with compat_short_keys as short as the module gives", async () => {
    const wish = { role, method: "hmac", chunkBytes: 64, sources: "key_sources=ML-KEM-512,ML-KEM-768" } as const;
    const strict = await session(await rig(), wish);
    const [refusal] = await strict.both(0);
    expect(refusal).toEqual(failure("too-few-bytes", "64"));
    const lenient = await session(await rig({ compat_short_keys: true }), wish);
    expect(await equal(lenient, 0)).toHaveLength(64);
    const padded = await session(await rig({ compat_short_keys: true }), { ...wish, method: "xorhmac" });
    expect((await equal(padded, 0)).slice(64)).toBe("0".repeat(64));
  });

  test("a single source: with the seed's key where the setting says so, which is marked and reported", async () => {
    const file = path.join(temporaryFolder(), "seed");
    writeFileSync(file, "a shared seed\n");
    const all = await rig({ allow_seed_fallback: true, shared_seed_file: file });
    const of = await session(all, { role }, { seed: "a shared seed" });
    const [ours, { key }] = await of.both(0);
    expect(keyOf(ours) === key).toBe(true);
    expect(toldOf(ours)).toMatchObject({ sources: ["ML-KEM-768"], seedFallback: true, confirmed: false });
    expect((await all.lines.seen("hybrid.seed-fallback")).fields).toMatchObject({ sources: "ML-KEM-768" });
    const two = await session(all, { role, sources: "key_sources=ML-KEM-512,ML-KEM-768" }, { seed: "a shared seed" });
    const [mixed] = await two.both(0);
    expect(toldOf(mixed)).not.toHaveProperty("seedFallback");
  });

  test("a single source without the setting: its own key, and a module that mixes in a seed has another", async () => {
    const all = await rig();
    await equal(await session(all, { role }), 0);
    const [ours, { key }] = await (await session(all, { role }, { seed: "a shared seed" })).both(0);
    expect(keyOf(ours) === key).toBe(false);
    expect(toldOf(ours)).not.toHaveProperty("seedFallback");
  });

  test("the module goes in the middle: told, and a new session gives keys again", async () => {
    const all = await rig();
    const of = await session(all, { role });
    await equal(of, 0);
    const waiting = of.get(1);
    await of.closeTheirs();
    expect(await waiting).toEqual(failure("peer-gone"));
    expect(await of.get(2)).toEqual(failure("peer-gone"));
    all.streams.close(of.ksid);
    await equal(await session(all, { role }), 0);
  });

  test("no QKD for this end though it is required: no stream, and nothing is left open", async () => {
    const all = await rig();
    all.edge.intercept = () => jsonAnswer(404, { status: 4, message: "no such link" });
    const wish = { role, sources: "key_sources=ML-KEM-768,QKD" } as const;
    const opening = all.streams.open(asked(wish), NEVER);
    const other = await all.module.open(theirs(all, wish));
    expect(await opening).toEqual(failure("source-unavailable", "QKD: no such link"));
    expect((await all.module.getHybridKey(other.session)).mixed).toBe(1);
  });

  test("one that gives up before the module comes leaves nothing, and others meet", async () => {
    const all = await rig();
    const leaving = new AbortController();
    const opening = all.streams.open(asked({ role }), leaving.signal);
    leaving.abort();
    expect(await opening).toEqual(failure("timeout"));
    await equal(await session(all, { role }), 0);
  });
});

test("a GET_KEY that nobody waits for any more takes neither the exchange nor the QKD key along", async () => {
  const all = await rig();
  const of = await session(all, { role: "initiator", sources: "key_sources=ML-KEM-768,QKD" });
  const { promise: held, resolve } = Promise.withResolvers<null>();
  const give = all.edge.intercept;
  all.edge.intercept = async (each) => (await held, await give(each));
  const leaving = new AbortController();
  const left = of.get(0, leaving.signal);
  await all.edge.seen(({ path: at }) => at.endsWith("/get_key"));
  leaving.abort();
  expect(await left).toEqual(failure("timeout"));
  resolve(null);
  await equal(of, 0);
  expect(all.edge.asked.filter(({ path: at }) => at.endsWith("/get_key"))).toHaveLength(1);
});

test.each(["cat-kdf", "cas-kdf", "qkdedge-hkdf-v1"] as const)(
  "%s is not the module's: refused by name",
  async (method) => {
    const { streams } = await rig();
    expect(await streams.open(asked({ role: "initiator", method }), NEVER)).toEqual(failure("unknown-method", method));
  },
);

test.each([
  ["missing", null],
  ["empty", "\n"],
])("a seed file that is %s: refused, before the module is asked", async (_, text) => {
  const file = path.join(temporaryFolder(), "seed");
  if (text !== null) writeFileSync(file, text);
  const { streams } = await rig({ allow_seed_fallback: true, shared_seed_file: file });
  const opened = await streams.open(asked({ role: "initiator" }), NEVER);
  expect(opened).toEqual(failure("source-unavailable", "shared_seed_file"));
});

test("nothing of optional sources is left: no stream without any", async () => {
  const all = await rig();
  all.edge.intercept = () => jsonAnswer(404, { status: 4, message: "no such link" });
  const wish = { role: "initiator", sources: "opt_key_sources=QKD" } as const;
  const [opened] = await Promise.all([all.streams.open(asked(wish), NEVER), all.module.open(theirs(all, wish))]);
  expect(opened).toEqual(failure("source-unavailable"));
});

test("the port for modules is taken: said in the log and to who asks, and the engine ends in order", async () => {
  const taken = net.createServer().listen(0, HOST);
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as net.AddressInfo;
  const own = await certificateFiles(await moduleAuthority(), [HOST]);
  const { engine, lines } = startEngine(await FakeStreams.start(), own, `${HOST}:${port}`, 1, {});
  const { level, fields } = await lines.seen("hybridization modules are not served");
  expect([level, fields["reason"]]).toEqual(["error", expect.stringContaining(`port ${port}`)]);
  const opened = await streamsFor(engine.streams, OWN).open(asked({ role: "initiator" }), NEVER);
  expect(opened).toEqual(failure("source-unavailable", `port ${port}`));
  // Were the failure not handled there, the run would end with it.
  engine.close();
});
