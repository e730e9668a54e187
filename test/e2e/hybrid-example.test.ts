/**
 * Hybrid keys between the applications of three sites, as `npm start` has them: the example with its requests, every way to
 * name sources, every method, a KEM of each family, and what is told where there is no key.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { METHOD_NAMES, METHODS } from "../../shared/hybrid/methods.ts";
import { KEMS, type KemName } from "../../shared/kem/registry.ts";
import {
  askJson,
  connectLocal,
  JSON_QOS,
  type JsonAnswer,
  jsonClient,
  type LocalClient,
} from "../support/local-client.ts";
import { changeNetwork, eventually } from "../support/operator.ts";
import { type Pids, type RunningNetwork, runNetwork } from "../support/run-network.ts";

const PROJECT = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(PROJECT, "examples/hybrid");
const PATIENCE_MS = 30_000;

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  await network.stop();
});

const UUIDS = {
  "tn-1": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  "tn-2": "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
  "tn-3": "cccccccc-cccc-cccc-cccc-cccccccccccc",
} as const;
type Node = keyof typeof UUIDS;
type Pair = readonly [source: Node, destination: Node];
const NEIGHBOURS: Pair = ["tn-1", "tn-2"];
/** Two links apart: QKD key comes to them over tn-2. */
const STRANGERS: Pair = ["tn-1", "tn-3"];

const clientAt = async (node: Node): Promise<LocalClient<JsonAnswer>> =>
  jsonClient(await connectLocal(network.local.etsi004Json?.[node]));

/** Whether nodes pass key on to others. */
async function relay(enabled: boolean): Promise<void> {
  await changeNetwork(network, ({ policy, ...document }) => ({
    ...document,
    policy: { ...policy, relay: { ...policy.relay, enabled } },
  }));
}

interface Wish {
  readonly pair?: Pair;
  readonly chunkBytes?: number;
  readonly timeoutMs?: number;
}

const dataOf = (query: string, { pair = NEIGHBOURS, chunkBytes = 32, timeoutMs = 0 }: Wish = {}) => ({
  source: `hybrid://SPI_1@${UUIDS[pair[0]]}?${query}`,
  destination: `hybrid://SPI_1@${UUIDS[pair[1]]}?${query}`,
  qos: { ...JSON_QOS, key_chunk_size: chunkBytes, timeout: timeoutMs },
});

const clientsOf = async ({ pair = NEIGHBOURS }: Wish = {}) =>
  [await clientAt(pair[0]), await clientAt(pair[1])] as const;

/** An answer whose message begins with this word. */
const refusal = (code: string) => ({ status: 1, message: expect.stringMatching(new RegExp(`^${code}: `)) as unknown });

type Both = readonly [JsonAnswer, JsonAnswer];

async function openAt(clients: readonly [LocalClient<JsonAnswer>, LocalClient<JsonAnswer>], data: readonly object[]) {
  const [a, b] = clients;
  const [first = {}, second = first] = data;
  return await Promise.all([askJson(a, "OPEN_CONNECT", first), askJson(b, "OPEN_CONNECT", second)]);
}

/** Opened at both ends, with what asks both of them for a chunk. */
async function openBoth(query: string, wish: Wish = {}) {
  const clients = await clientsOf(wish);
  const opened = await openAt(clients, [dataOf(query, wish)]);
  expect(opened).toEqual([{ status: 0, key_stream_id: expect.any(String) as unknown }, opened[0]]);
  const ksid = opened[0].key_stream_id;
  const atBoth = async (name: string, more: object): Promise<Both> => {
    const [a, b] = clients;
    const data = { key_stream_id: ksid, ...more };
    return await Promise.all([askJson(a, name, data), askJson(b, name, data)]);
  };
  return {
    getKey: async (index: number) => await atBoth("GET_KEY", { index }),
    close: async () => expect(await atBoth("CLOSE", {})).toEqual([{ status: 0 }, { status: 0 }]),
  };
}

const keyOf = ({ key_buffer: octets }: JsonAnswer): string => Buffer.from(octets as readonly number[]).toString("hex");
const toldOf = ({ metadata }: JsonAnswer): unknown => JSON.parse((metadata as { readonly buffer: string }).buffer);

/** A whole session. @returns how long its key was, and what it was made of, at both ends the same */
async function session(query: string, wish: Wish = {}) {
  const { getKey, close } = await openBoth(query, wish);
  const answers = await getKey(0);
  expect(answers.map(({ status, message }) => message ?? status)).toEqual([0, 0]);
  const [a, b] = answers;
  expect(keyOf(a) === keyOf(b), "the same key at both ends").toBe(true);
  expect(toldOf(a)).toEqual(toldOf(b));
  await close();
  return { lengthBytes: keyOf(a).length / 2, told: toldOf(a) };
}

/** Do both ends get the same key now? Not while an agent, or the way between two, is only coming up. */
async function isServed(query: string): Promise<boolean> {
  try {
    const clients = await clientsOf();
    const opened = await openAt(clients, [dataOf(query, { timeoutMs: 2000 })]);
    if (opened.some(({ status }) => status !== 0)) return false;
    const wish = { key_stream_id: opened[0].key_stream_id, index: 0 };
    const [a, b] = await Promise.all(clients.map(async (client) => await askJson(client, "GET_KEY", wish)));
    return a?.status === 0 && b?.status === 0 && keyOf(a) === keyOf(b);
  } catch {
    return false;
  }
}

function drive(...args: readonly string[]) {
  const env = { ...process.env, QKD_STATE: network.state };
  const { status, stdout, stderr } = spawnSync("python3", [join(EXAMPLE, "driver.py"), ...args], {
    encoding: "utf8",
    env,
  });
  return { status, stderr, lines: stdout.trim().split("\n") };
}
const requestFile = (name: string): string => join(EXAMPLE, "requests", `${name}.json`);

test("ready is said before the agents have found each other: soon they have", async () => {
  expect(await eventually(async () => await isServed("key_sources=ML-KEM-768,QKD"), Boolean, PATIENCE_MS)).toBe(true);
});

describe("the example", () => {
  test.each([
    ["SPI_1_aaaaa_bbbbb", "alice - bob", "32 bytes  xoring of ML-KEM-512, QKD; not confirmed"],
    ["SPI_2_aaaaa_ccccc", "alice - charlie", "32 bytes  xoring of ML-KEM-512, sntrup761; not confirmed"],
    ["SPI_3_bbbbb_ccccc", "bob - charlie", "32 bytes  hmac of ML-KEM-512, QKD; not confirmed"],
    ["SPI_4_bbbbb_aaaaa", "bob - alice", "32 bytes  xorhmac of ML-KEM-512, QKD; not confirmed"],
    ["SPI_5_ccccc_bbbbb", "charlie - bob", "32 bytes  xoring of ML-KEM-512, QKD; not confirmed"],
    ["SPI_6_ccccc_aaaaa", "charlie - alice", "32 bytes  xoring of ML-KEM-512, Kyber512; not confirmed"],
    [
      "multiple_key_sources",
      "alice - bob",
      "32 bytes  xoring of ML-KEM-1024, ML-KEM-1024, HQC-256, BIKE-L5, QKD; not confirmed",
    ],
    ["recommended", "alice - bob", "32 bytes  qkdedge-hkdf-v1 of ML-KEM-768, QKD; confirmed"],
    ["conservative", "alice - bob", "64 bytes  cas-kdf of ML-KEM-1024, FrodoKEM-976-AES, QKD; confirmed"],
  ])("%s", (name, ends, what) => {
    const { status, lines, stderr } = drive(requestFile(name));
    expect(stderr).toBe("");
    expect(lines).toEqual([`${name}.json  ${ends}  equal  ${what}`]);
    expect(status).toBe(0);
  });

  test("there are no other requests", () => {
    expect(readdirSync(join(EXAMPLE, "requests"))).toHaveLength(9);
  });

  test.each(["SPI_1_aaaaa_bbbbb", "recommended"])("ten sessions of %s at once: ten keys", (name) => {
    const { status, lines } = drive("--parallel", "10", requestFile(name));
    expect(lines.slice(0, -1).every((line) => line.includes("  equal  32 bytes  "))).toBe(true);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe("10 sessions, 10 different keys");
    expect(status).toBe(0);
  });

  test("qkd stream run, at two agents", () => {
    const { etsi004Json = {} } = network.local;
    const ends = ["--edge", etsi004Json["tn-1"] ?? "", "--peer", etsi004Json["tn-2"] ?? ""];
    const run = (...more: readonly string[]): string[] => {
      const args = ["cli/qkd.ts", "stream", "run", requestFile("recommended"), ...ends, ...more];
      return spawnSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" }).stdout.trim().split("\n");
    };
    const lines = run("--parallel", "10", "--keys", "3");
    expect(lines[0]).toMatch(/3 x 32 bytes {2}equal +\d+ ms {2}qkdedge-hkdf-v1 of ML-KEM-768, QKD; confirmed$/);
    expect(lines.at(-1)).toBe("10 streams: 10 equal");
    const hybrid = [{ method: "qkdedge-hkdf-v1", sources: ["ML-KEM-768", "QKD"], confirmed: true }];
    expect(JSON.parse(run("--json").join("\n"))).toMatchObject({ result: "equal", hybrid });
  });
});

describe("sources", () => {
  test.each([
    ["key_sources=ML-KEM-512,QKD", ["ML-KEM-512", "QKD"]],
    ["req_key_sources=QKD&opt_key_sources=ML-KEM-512", ["ML-KEM-512", "QKD"]],
    ["req_key_sources=ML-KEM-512&opt_key_sources=QKD,Kyber512", ["ML-KEM-512", "Kyber512", "QKD"]],
    ["kem_mec=Kyber512", ["Kyber512", "QKD"]],
    ["key_sources=ml-kem-786,qkd", ["ML-KEM-768", "QKD"]],
    ["key_sources=ML-KEM-512,ML-KEM-512", ["ML-KEM-512", "ML-KEM-512"]],
    ["key_sources=QKD", ["QKD"]],
  ])("%s", async (list, sources) => {
    expect((await session(list)).told).toMatchObject({ method: "qkdedge-hkdf-v1", sources, confirmed: true });
  });

  const FAMILIES: readonly KemName[] = [
    "BIKE-L1",
    "Classic-McEliece-348864",
    "HQC-128",
    "Kyber768",
    "ML-KEM-768",
    "sntrup761",
    "FrodoKEM-640-SHAKE",
  ];
  test.each(FAMILIES)("%s", async (name) => {
    const told = { method: "qkdedge-hkdf-v1", sources: [name], confirmed: true, kem: "agent" };
    expect(await session(`key_sources=${name}`)).toEqual({ lengthBytes: 32, told });
  });

  test("those are all families", () => {
    expect(new Set(FAMILIES.map((name) => KEMS[name].wire))).toEqual(
      new Set(Object.values(KEMS).map(({ wire }) => wire)),
    );
  });

  test("between nodes that share no link QKD key is relayed", async () => {
    const { told } = await session("key_sources=ML-KEM-512,QKD", { pair: STRANGERS, timeoutMs: 5000 });
    expect(told).toMatchObject({ sources: ["ML-KEM-512", "QKD"], confirmed: true });
  });

  test("between nodes without QKD: a required source fails, an optional one is left out, and both are told", async () => {
    await relay(false);
    onTestFinished(async () => await relay(true));
    const wish = { pair: STRANGERS, timeoutMs: 1000 };
    await session("key_sources=ML-KEM-512", wish);
    // Whoever asks for the QKD key finds that there is none before it has told the other end of anything.
    const answers = await openAt(await clientsOf(wish), [dataOf("key_sources=ML-KEM-512,QKD", wish)]);
    expect(answers).toEqual([refusal("source-unavailable"), refusal("peer-not-come")]);
    const { told } = await session("req_key_sources=ML-KEM-512&opt_key_sources=QKD", wish);
    expect(told).toMatchObject({ sources: ["ML-KEM-512"], dropped: ["QKD"], confirmed: true });
  });
});

describe("methods", () => {
  test.each(METHOD_NAMES.flatMap((name) => [name, ...METHODS[name].aliases].map((text) => [text, name] as const)))(
    "%s",
    async (text, method) => {
      const { told } = await session(`hybridization=${text}&key_sources=ML-KEM-512,QKD`);
      expect(told).toMatchObject({ method, sources: ["ML-KEM-512", "QKD"], confirmed: METHODS[method].confirms });
    },
  );

  test("one that gives fewer bytes than a chunk has says so, at both ends", async () => {
    const wish = { chunkBytes: 64 };
    // Between applications that know each other the first chunk is made while a stream is opened.
    await session("key_sources=ML-KEM-512");
    const answers = await openAt(await clientsOf(wish), [
      dataOf("hybridization=hmac&key_sources=ML-KEM-512,QKD", wish),
    ]);
    expect(answers).toEqual([refusal("too-few-bytes"), refusal("too-few-bytes")]);
    expect((await session("key_sources=ML-KEM-512,QKD", { chunkBytes: 1000 })).lengthBytes).toBe(1000);
  });

  test("an index is one key at both ends, in any order", async () => {
    const { getKey } = await openBoth("key_sources=ML-KEM-512,QKD");
    const keys: string[] = [];
    for (const index of [2, 0, 1, 5000]) {
      const [a, b] = await getKey(index);
      expect(keyOf(a) === keyOf(b)).toBe(true);
      keys.push(keyOf(a));
    }
    expect(new Set(keys).size).toBe(4);
  });
});

describe("what comes to nothing", () => {
  test.each([
    ["hybridization=xorring&key_sources=QKD", "unknown-method"],
    ["key_sources=ML-KEM-640,QKD", "unknown-kem"],
    ["hybridization=xoring", "no-sources"],
    ["key_source=QKD", "bad-uri"],
  ])("%s: %s, at once", async (query, code) => {
    const [client] = await clientsOf();
    expect(await askJson(client, "OPEN_CONNECT", dataOf(query))).toEqual(refusal(code));
  });

  test.each([
    ["the source's", 0],
    ["the destination's", 1],
  ])("only %s end comes", async (_whose, end) => {
    const client = (await clientsOf())[end] ?? expect.unreachable();
    const data = dataOf("key_sources=ML-KEM-512,QKD", { timeoutMs: 300 });
    expect(await askJson(client, "OPEN_CONNECT", data)).toEqual(refusal("peer-not-come"));
  });

  test("the two ends pass other texts", async () => {
    const wish = { timeoutMs: 1000 };
    const texts = ["key_sources=ML-KEM-512,QKD", "key_sources=ML-KEM-1024,QKD"].map((query) => dataOf(query, wish));
    for (const answer of await openAt(await clientsOf(), texts)) expect(answer).toEqual(refusal("uris-differ"));
  });

  test("somebody else's stream is none", async () => {
    const { getKey } = await openBoth("key_sources=ML-KEM-512");
    const [given] = await getKey(0);
    const elsewhere = await clientAt("tn-3");
    const answer = await askJson(elsewhere, "GET_KEY", { key_stream_id: given.key_stream_id ?? "", index: 0 });
    expect(answer).toEqual({ status: 1, message: "No interface selected. OPEN_CONNECT must be called first." });
  });

  test("an agent is killed in the middle of a session: it is over; after that there are new ones", async () => {
    const query = "key_sources=ML-KEM-768,QKD";
    const { getKey } = await openBoth(query);
    expect((await getKey(0)).map(({ status }) => status)).toEqual([0, 0]);
    const [a, b] = await clientsOf();
    const opened = await openAt([a, b], [dataOf(query)]);
    const ksid = opened[0].key_stream_id;
    const pids = JSON.parse(readFileSync(join(network.state, "ports.json"), "utf8")) as { pids: Pids };
    process.kill(pids.pids.agents?.[1] ?? expect.unreachable(), "SIGKILL");
    expect(await b.next()).toBeNull();
    expect(await askJson(a, "GET_KEY", { key_stream_id: ksid, index: 9 })).toEqual(
      expect.objectContaining({ status: 1 }),
    );
    expect(await eventually(async () => await isServed(query), Boolean, PATIENCE_MS)).toBe(true);
  });
});
