/** For tests: an agent's hybrid streams with a stand-in for an unmodified module, QKD key from an edge in memory. */
import { expect, onTestFinished } from "vitest";
import type { MethodName } from "../../shared/hybrid/methods.ts";
import { type FakeAnswer, FakeStreams, jsonAnswer } from "./fake-streams.ts";
import {
  type CertificateFiles,
  certificateFiles,
  moduleAuthority,
  type ModuleOpen,
  StandInModule,
} from "./hybridization-module.ts";
import { HOST, NEVER } from "./module-peer-rig.ts";
import { Lines } from "./tunnel-agent.ts";
import { checkConfig } from "../../tunnel/agent/config/load.ts";
import type { AgentConfigInput } from "../../tunnel/agent/config/schema.ts";
import { jsonProtocol } from "../../tunnel/services/etsi004-json/service.ts";
import type { JsonTcpConfig } from "../../tunnel/services/etsi004/config.ts";
import { edgeStreams } from "../../tunnel/services/etsi004/edge-streams.ts";
import { startTcpService } from "../../tunnel/services/etsi004/tcp-service.ts";
import type { Engine } from "../../tunnel/services/hybrid/engine-types.ts";
import { makeEngine } from "../../tunnel/services/hybrid/make-engine.ts";
import { streamsFor } from "../../tunnel/services/hybrid/streams.ts";

export const OWN = { sae: "sae-a", node: "tn-1" };
const UUIDS = { own: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", peer: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
export const ROLES = ["initiator", "responder"] as const;
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
  return ({ path: to, body }): FakeAnswer | null => {
    if (!to.endsWith("/get_key")) return null;
    const had = given.get(to) ?? new Set();
    given.set(to, had);
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

export function startEngine(
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
    channel: { reach: () => expect.unreachable("nothing goes to an agent"), close: () => undefined },
    askFor: ({ sae, node }) => edge.ask(sae, node),
    send: () => Promise.reject(new Error("reports wait")),
    log: lines.log,
  });
  onTestFinished(() => engine.close());
  return { engine, lines };
}

export async function rig(peer: PeerSettings = {}) {
  const authority = await moduleAuthority();
  const [own, files] = await Promise.all([certificateFiles(authority, [HOST]), certificateFiles(authority, [HOST])]);
  const module = await StandInModule.start(files);
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

export function asked({
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
export function askedOfModule({ port, qkd }: Rig, wish: Wish, more: Partial<ModuleOpen> = {}): ModuleOpen {
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
export async function session(all: Rig, wish: Wish, more: Partial<ModuleOpen> = {}) {
  const [ours, other] = await Promise.all([
    all.streams.open(asked(wish), NEVER),
    all.module.open(askedOfModule(all, wish, more)),
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

export function keyOf(made: Ours): string {
  if (!made.ok) throw new Error(`${made.error.code}: ${made.error.detail}`);
  return Buffer.from(made.value.key).toString("hex");
}
export const toldOf = (made: Ours): unknown => (made.ok ? JSON.parse(made.value.metadata) : made.error);

/** @returns the key that both ends have */
export async function equal(of: Session, index: number): Promise<string> {
  const [ours, { key }] = await of.both(index);
  expect(keyOf(ours) === key, "the same key at both ends").toBe(true);
  return key;
}

export const failure = (code: string, words = "") => ({
  ok: false,
  error: { code, detail: expect.stringContaining(words) as string },
});
