/** `qkd stream run` against stand-ins for edges and agents; the real ones are met in test/e2e/stream-run.test.ts. */
import { once } from "node:events";
import { createServer as createHttp, type Server as HttpServer } from "node:http";
import { createServer as createTcp, type Server as TcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { JsonSplitter } from "../../shared/etsi004/json-tcp/splitter.ts";
import { listenLocally } from "../../test/support/listen-locally.ts";
import { pushLink, saeAt } from "../../test/support/network-document.ts";
import { parseAddress } from "../lib/address.ts";
import { runCli } from "../run.ts";

const SOURCE = "hybrid://SPI_1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa?hybridization=xoring&key_sources=QKD";
const DESTINATION = "hybrid://SPI_1@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb?hybridization=xoring&key_sources=QKD";
const qos = {
  key_chunk_size: 32,
  max_bps: 32,
  min_bps: 32,
  jitter: 0,
  priority: 0,
  timeout: 0,
  ttl: 0,
  metadata_mimetype: "application/json",
};
const OPEN = { command: "OPEN_CONNECT", data: { source: SOURCE, destination: DESTINATION, qos } };
const ksidOf = (i: number): string => `0c6bdf05-b1a8-4d8a-b0a6-${i.toString(16).padStart(12, "0")}`;
/** What both ends give as chunk `index`, unless `odd`. */
const octets = (ksid: string, index: number, isOdd: boolean, sizeBytes = 32): number[] =>
  Array.from({ length: sizeBytes }, (_, i) => (ksid.charCodeAt(35) + index + i + (isOdd && i === 31 ? 1 : 0)) % 256);

let folder: string;
const servers: (HttpServer | TcpServer)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qkd-stream-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
  rmSync(folder, { recursive: true, force: true });
});

async function listen(server: HttpServer | TcpServer): Promise<number> {
  servers.push(server);
  return await listenLocally(server);
}

async function run(request: unknown, argv: readonly string[], env: Record<string, string> = {}) {
  const file = join(folder, "request.json");
  writeFileSync(file, JSON.stringify(request));
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    line: (line: string) => void out.push(line),
    note: (line: string) => void err.push(line),
    redraw: () => {},
    live: false,
    colours: false,
    columns: 80,
  };
  const code = await runCli(["stream", "run", file, ...argv], terminal, { env, cwd: folder });
  return { code, out, err: err.join("\n") };
}

interface Seen {
  readonly who: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const lastParts = (seen: readonly Seen[]) => seen.map(({ path }) => path.split("/").at(-1));

/** An edge with just enough of `/api/v1/streams`; a caller is known by its token. */
async function fakeEdge(more: { readonly odd?: boolean; readonly refuses?: string } = {}) {
  const seen: Seen[] = [];
  let made = 0;
  const answer = (who: string, path: string, body: Record<string, unknown>): [number, object] => {
    if (path === "/api/v1/network") return [200, NETWORK];
    const [, ksid = "", call = ""] = /^\/api\/v1\/streams\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (call === more.refuses && who.includes("sae-c")) return [503, { status: 4, message: "no connection" }];
    if (call === "close") return [200, { status: 0 }];
    if (call === "get_key") {
      const index = body["index"] as number;
      const key = octets(ksid, index, more.odd === true && who.includes("sae-c"));
      return [200, { status: 0, index, Key_buffer: Buffer.from(key).toString("base64") }];
    }
    if (more.refuses === "open") return [422, { status: 7, message: "not so much" }];
    const joins = body["key_stream_ID"] as string | undefined;
    return [
      200,
      { status: joins === undefined ? 1 : 0, key_stream_ID: joins ?? ksidOf(made++), QOS: { Key_chunk_size: 32 } },
    ];
  };
  const port = await listen(
    createHttp((request, response) => {
      void (async () => {
        const body = await text(request);
        const read = body === "" ? {} : (JSON.parse(body) as Record<string, unknown>);
        const who = request.headers.authorization ?? "";
        seen.push({ who, path: request.url ?? "", body: read });
        const [status, json] = answer(who, request.url ?? "", read);
        response.writeHead(status).end(JSON.stringify(json));
      })();
    }),
  );
  return { url: `http://127.0.0.1:${port}`, seen };
}

const tokenOf = (name: string): string => `token-of-${name}-0123456789`;
const NETWORK = {
  nodes: [
    { id: "tn-1", uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" },
    { id: "tn-2", uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" },
  ],
  links: [pushLink("l", "tn-1", "tn-2")],
  saes: [saeAt("sae-a", "tn-1"), saeAt("sae-a2", "tn-1"), saeAt("sae-c", "tn-2")],
  operators: [{ id: "operator", credentials: [{ type: "token", sha256: "1".repeat(64) }] }],
};
const TOKENS = { QKD_TOKEN: tokenOf("sae-a"), QKD_PEER_TOKEN: tokenOf("sae-c") };

describe("at edges", () => {
  test("opens, reads and closes at both ends, and says only how long and whether equal", async () => {
    const [a, b] = [await fakeEdge(), await fakeEdge()];
    const { code, out } = await run(OPEN, ["--edge", a.url, "--peer", b.url, "--keys", "3"], TOKENS);
    expect(code).toBe(0);
    expect(out[0]).toMatch(new RegExp(`^${ksidOf(0)}    3 x 32 bytes  equal +\\d+ ms$`));
    expect(out[1]).toBe("1 stream: 1 equal");
    expect(lastParts(a.seen)).toEqual(["streams", "get_key", "get_key", "get_key", "close"]);
    expect(lastParts(b.seen)).toEqual(lastParts(a.seen));
    expect(a.seen[0]?.body).toMatchObject({ source: SOURCE, destination: DESTINATION, binding: "json-tcp" });
    expect(b.seen[0]?.body).toMatchObject({ source: SOURCE, destination: DESTINATION, key_stream_ID: ksidOf(0) });
    expect([a, b].map(({ seen }) => seen[0]?.who)).toEqual([
      `Bearer ${tokenOf("sae-a")}`,
      `Bearer ${tokenOf("sae-c")}`,
    ]);
  });

  test("several at once, of several requests, as JSON", async () => {
    const edge = await fakeEdge();
    const list = [
      OPEN,
      { command: "GET_KEY", data: { key_stream_id: "?", index: 5 } },
      { command: "CLOSE", data: {} },
      OPEN,
    ];
    const { code, out } = await run(list, ["--edge", edge.url, "--parallel", "10", "--json"], TOKENS);
    expect(code).toBe(0);
    const lines = out.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(20);
    expect(new Set(lines.map((line) => line["key_stream_ID"])).size).toBe(20);
    for (const line of lines) expect(line).toMatchObject({ Key_chunk_size: 32, chunks: 1, result: "equal" });
    const indices = edge.seen.filter(({ path }) => path.endsWith("get_key")).map(({ body }) => body["index"]);
    expect(indices.slice(0, 20)).toEqual(Array(20).fill(5));
    expect(indices.slice(20)).toEqual(Array(20).fill(0));
  });

  test("the user's configuration names the edge, and nobody at its ends", async () => {
    const edge = await fakeEdge();
    mkdirSync(join(folder, "qkd"));
    writeFileSync(join(folder, "own.token"), tokenOf("operator"));
    const toml = `edge = "${edge.url}"\ntoken_file = "../own.token"\nas = "operator"\n`;
    writeFileSync(join(folder, "qkd", "config.toml"), toml);
    expect((await run(OPEN, [], { ...TOKENS, XDG_CONFIG_HOME: folder })).code).toBe(0);
    const ofBoth = [TOKENS.QKD_TOKEN, TOKENS.QKD_PEER_TOKEN].map((token) => `Bearer ${token}`);
    expect(new Set(edge.seen.map(({ who }) => who))).toEqual(new Set(ofBoth));
  });

  test("unequal keys: told, and exit code 1; no byte of them", async () => {
    const edge = await fakeEdge({ odd: true });
    const { code, out, err } = await run(OPEN, ["--edge", edge.url, "--keys", "2"], TOKENS);
    expect(code).toBe(1);
    expect(out[0]).toContain("  unequal ");
    expect(out[1]).toBe("1 stream: 1 unequal");
    for (const isOdd of [false, true]) {
      const key = Buffer.from(octets(ksidOf(0), 0, isOdd));
      for (const coded of [key.toString("hex"), key.toString("base64")]) {
        expect(out.join("\n") + err).not.toContain(coded.slice(0, 12));
      }
    }
  });

  test.each([
    ["open", "not so much (status 7)"],
    ["get_key", "no connection (status 4)"],
    ["close", "no connection (status 4)"],
  ])("a refusal in %s: told, and exit code 1; what is open is closed", async (refuses, message) => {
    const edge = await fakeEdge({ refuses });
    const { code, out } = await run(OPEN, ["--edge", edge.url], TOKENS);
    expect(code).toBe(1);
    expect(out[0]).toContain(message);
    expect(out[1]).toBe("1 stream: 1 failed");
    if (refuses === "get_key") expect(edge.seen.filter(({ path }) => path.endsWith("/close"))).toHaveLength(2);
  });

  test("beside `npm start` both tokens are found by whom the request means", async () => {
    const edge = await fakeEdge();
    const names = ["operator", "sae-a", "sae-a2", "sae-c"];
    const state = join(folder, "state");
    writeFileSync(join(folder, "ports.json"), JSON.stringify({ edge: edge.url }));
    writeFileSync(
      join(folder, "tokens.json"),
      JSON.stringify(Object.fromEntries(names.map((name) => [name, tokenOf(name)]))),
    );
    expect(await run(OPEN, ["--state", folder])).toMatchObject({ code: 0 });
    expect(edge.seen.map(({ who }) => who).slice(0, 3)).toEqual(
      ["operator", "sae-a", "sae-c"].map((name) => `Bearer ${tokenOf(name)}`),
    );
    edge.seen.length = 0;
    expect(await run(OPEN, ["--state", folder, "--as", "sae-a2"])).toMatchObject({ code: 0 });
    expect(edge.seen[1]?.who).toBe(`Bearer ${tokenOf("sae-a2")}`);
    const inside = { ...OPEN, data: { ...OPEN.data, destination: SOURCE } };
    edge.seen.length = 0;
    await run(inside, ["--state", folder]);
    expect(edge.seen[2]?.who).toBe(`Bearer ${tokenOf("sae-a2")}`);
    const nobody = { ...OPEN, data: { ...OPEN.data, destination: "qkd://nobody" } };
    expect((await run(nobody, ["--state", folder])).err).toContain('"qkd://nobody" means no SAE of this network');
    expect((await run(OPEN, ["--state", state])).err).toContain("no edge to talk to");
  });
});

type AgentAct = {
  readonly ksids?: readonly string[];
  readonly odd?: boolean;
  readonly hangsUpAt?: string;
  /** To an OPEN_CONNECT for which there is no KSID. */
  readonly refusal?: string;
  /** What is told of each chunk: nothing, where a test does not say. */
  readonly told?: (index: number) => unknown;
};

function metadataOf(told: unknown) {
  const buffer = typeof told === "string" ? told : JSON.stringify(told);
  return { size: buffer.length, buffer };
}

/** A listener of the hybridization module's protocol that gives out these KSIDs in turn, and cuts its answers in two. */
async function fakeAgent({ ksids = [ksidOf(0)], odd = false, hangsUpAt = "", refusal, told }: AgentAct = {}) {
  const commands: string[] = [];
  let opened = 0;
  const port = await listen(
    createTcp((socket) => {
      const splitter = new JsonSplitter();
      socket.on("error", () => undefined);
      socket.on("data", (segment) => {
        for (const piece of splitter.push(segment)) {
          if (piece.kind !== "object") continue;
          const { command, data } = JSON.parse(piece.text) as { command: string; data: Record<string, unknown> };
          commands.push(command);
          if (command === hangsUpAt) {
            socket.destroy();
            continue;
          }
          const ksid = command === "OPEN_CONNECT" ? ksids[opened++] : (data["key_stream_id"] as string);
          const answers: Record<string, object> = {
            OPEN_CONNECT:
              ksid === undefined
                ? { status: 1, message: refusal ?? "None of the key sources" }
                : { status: 0, key_stream_id: ksid },
            GET_KEY: {
              status: 0,
              key_buffer: octets(ksid ?? "", data["index"] as number, odd),
              ...(told === undefined ? {} : { metadata: metadataOf(told(data["index"] as number)) }),
            },
            CLOSE: { status: 0 },
          };
          const bytes = JSON.stringify(answers[command]);
          socket.write(bytes.slice(0, 9));
          setImmediate(() => socket.write(bytes.slice(9)));
        }
      });
    }),
  );
  return { address: `127.0.0.1:${port}`, commands };
}

const refusing = (refusal: string): AgentAct => ({ ksids: [], refusal });

describe("at agents", () => {
  const three = [ksidOf(1), ksidOf(2), ksidOf(3)];

  test("ends of one stream find each other by its KSID", async () => {
    const [a, b] = [await fakeAgent({ ksids: three }), await fakeAgent({ ksids: three.toReversed() })];
    const { code, out } = await run(OPEN, ["--edge", a.address, "--peer", b.address, "--parallel", "3", "--keys", "2"]);
    expect(code).toBe(0);
    expect(
      out
        .slice(0, 3)
        .map((line) => line.slice(0, 36))
        .sort(),
    ).toEqual(three);
    expect(out[3]).toBe("3 streams: 3 equal");
    expect(a.commands.filter((command) => command === "CLOSE")).toHaveLength(3);
    expect(b.commands).toHaveLength(12);
  });

  test.each<[string, AgentAct, AgentAct, string, string]>([
    ["other keys", {}, { odd: true }, "1 unequal", "CLOSE CLOSE"],
    ["another stream", {}, { ksids: [ksidOf(7)] }, "the other end has come to another stream", "CLOSE CLOSE"],
    ["a refusal at one end", {}, { ksids: [] }, "None of the key sources (status 1)", "CLOSE OPEN_CONNECT"],
    ["a refusal at the other", { ksids: [] }, {}, "None of the key sources (status 1)", "OPEN_CONNECT CLOSE"],
    ["no answer", { hangsUpAt: "GET_KEY" }, {}, "the connection ", "GET_KEY CLOSE"],
    ["no answer to CLOSE", {}, { hangsUpAt: "CLOSE" }, "the connection ", "CLOSE CLOSE"],
  ])("%s: exit code 1, and what is open is closed", async (_what, one, other, message, lastCommands) => {
    const [a, b] = [await fakeAgent(one), await fakeAgent(other)];
    const { code, out } = await run(OPEN, ["--edge", a.address, "--peer", b.address]);
    expect(code).toBe(1);
    expect(out.join("\n")).toContain(message);
    expect([a, b].map(({ commands }) => commands.at(-1)).join(" ")).toBe(lastCommands);
  });

  const mixture = { method: "hmac", sources: ["ML-KEM-512", "QKD"], confirmed: false, kem: "agent" };
  const bothEnds = async (one: AgentAct, other: AgentAct, ...more: readonly string[]) => {
    const [a, b] = [await fakeAgent(one), await fakeAgent(other)];
    return await run(OPEN, ["--edge", a.address, "--peer", b.address, ...more]);
  };

  test("of hybrid streams: of what each end says the key is made", async () => {
    const less = { ...mixture, sources: ["QKD"], dropped: ["ML-KEM-512"], seedFallback: true };
    const act: AgentAct = { told: (index) => (index === 1 ? less : mixture) };
    const { code, out } = await bothEnds(act, act, "--keys", "3");
    expect(code).toBe(0);
    expect(out[0]).toMatch(
      / {2}hmac of ML-KEM-512, QKD; not confirmed {2}hmac of QKD; without ML-KEM-512; with the seed's key; not confirmed$/,
    );
    const json = await bothEnds(act, act, "--json");
    expect(JSON.parse(json.out[0] ?? "")).toMatchObject({ result: "equal", hybrid: [mixture] });
  });

  test("why neither end was opened, as each is told", async () => {
    const { code, out } = await bothEnds(refusing("peer-not-come: x"), refusing("unknown-peer: y"));
    expect(out[0]).toMatch(/peer-not-come: x.*; the other end: unknown-peer: y/);
    expect((await bothEnds(refusing("busy: z"), refusing("busy: z"))).out[0]).not.toContain("the other end");
    expect(code).toBe(1);
  });

  test("an edge that made it is told", async () => {
    const act: AgentAct = { told: () => ({ ...mixture, method: "cat-kdf", confirmed: true, kem: "edge" }) };
    expect((await bothEnds(act, act)).out[0]).toMatch(/cat-kdf of ML-KEM-512, QKD; made by the edge; confirmed$/);
  });

  test("an end that tells nothing is taken at the other's word; what is no mixture is nothing", async () => {
    const act: AgentAct = { told: () => ({ ...mixture, confirmed: true }) };
    expect((await bothEnds({}, act)).out[0]).toMatch(/ms {2}hmac of ML-KEM-512, QKD; confirmed$/);
    for (const nothing of ["{", { age: 3, hops: 0 }, { ...mixture, sources: "QKD" }]) {
      const { code, out } = await bothEnds({ told: () => nothing }, {});
      expect(out[0]).toMatch(/ms$/);
      expect(code).toBe(0);
    }
  });

  test("ends that tell different things: exit code 1", async () => {
    const { code, out } = await bothEnds({ told: () => mixture }, { told: () => ({ ...mixture, sources: ["QKD"] }) });
    expect(out[0]).toContain("chunk 0 is not made of the same at both ends, as they tell");
    expect(code).toBe(1);
  });

  test("nobody there", async () => {
    const a = await fakeAgent();
    const { code, out } = await run(OPEN, ["--edge", a.address, "--peer", "127.0.0.1:1"]);
    expect(code).toBe(1);
    expect(out[0]).toContain("cannot reach 127.0.0.1:1: connect ECONNREFUSED");
  });

  test("one end at an edge, the other at an agent", async () => {
    expect((await run(OPEN, ["--edge", "127.0.0.1:65430"])).err).toContain(
      "shall both be edges (URLs), or both agents",
    );
  });
});

test.each([
  [{ command: "OPEN", data: {} }, "Unknown command"],
  [{ ...OPEN, data: { ...OPEN.data, qos: { ...qos, ttl: -1 } } }, "qos.ttl: shall be an integer from 0 to 4294967295"],
  [[{ command: "CLOSE", data: {} }], "request 1: CLOSE before any OPEN_CONNECT"],
  [[], "holds no OPEN_CONNECT"],
  ["text", "Unknown command"],
])("%j is no request", async (request, message) => {
  const { code, err } = await run(request, ["--edge", "http://127.0.0.1:1"], TOKENS);
  expect(code).toBe(1);
  expect(err).toContain(message);
});

test.each([
  ["127.0.0.1:65430", { host: "127.0.0.1", port: 65_430 }],
  ["[::1]:1", { host: "::1", port: 1 }],
  ["agent.lan:5000", { host: "agent.lan", port: 5000 }],
  ["agent.lan", null],
  ["agent.lan:0", null],
  ["agent.lan:65536", null],
  ["http://127.0.0.1:8787", null],
])("%s as an address: %j", (written, address) => {
  expect(parseAddress(written)).toEqual(address);
});
