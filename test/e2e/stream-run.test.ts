/** Applications of the demo: `qkd stream run` in each way, the client library as installed, the examples and what their pages show. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Etsi014Client, KmsClient, type KmsGrant, kmsUrls, RefusedError } from "qkd-edge/client";
import { type Consumer, installClient, pagePrograms, pointedAt } from "../support/client-package.ts";
import { runReadmeBlock } from "../support/readme.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const PROJECT = resolve(import.meta.dirname, "../..");
const REQUEST = join(PROJECT, "examples/etsi004/open_connect_request.json");

let network: RunningNetwork;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-streams-"));
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await network.stop();
});

function run(command: string, args: readonly string[]) {
  const env = { ...process.env, QKD_STATE: network.state };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: PROJECT, encoding: "utf8", env });
  return { status, stderr, lines: stdout.trim().split("\n") };
}

/** What an example says of its keys, one a line. */
function expectEqual({ status, lines, stderr }: ReturnType<typeof run>, keys: number): void {
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(lines.filter((line) => / equal\b/.test(line))).toHaveLength(keys);
  expect(lines.join("\n")).not.toMatch(/UNEQUAL|ANOTHER|UNEXPECTED|TWICE|ANYBODY/);
}

const qkd = (...args: readonly string[]) => run(process.execPath, ["cli/qkd.ts", "stream", "run", ...args]);
const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

/** The request with other members of `data`. */
function withData(more: object): string {
  const request = JSON.parse(readFileSync(REQUEST, "utf8")) as { readonly data: object };
  return written("request.json", JSON.stringify({ ...request, data: { ...request.data, ...more } }));
}

function hybridRequest(method: string): string {
  const query = `hybridization=${method}&key_sources=ML-KEM-1024,QKD`;
  const source = `hybrid://SPI_1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa?${query}`;
  const destination = `hybrid://SPI_1@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb?${query}`;
  return withData({ source, destination });
}

describe("qkd stream run", () => {
  test("at one edge, with the tokens of whom the request means", () => {
    const { status, lines, stderr } = qkd(REQUEST, "--parallel", "10", "--keys", "2");
    expect(stderr).toBe("");
    expect(lines.at(-1)).toBe("10 streams: 10 equal");
    expect(lines[0]).toMatch(/^[0-9a-f-]{36} +2 x 32 bytes {2}equal +\d+ ms$/);
    expect(status).toBe(0);
  });

  test("at two addresses, with a token file each", () => {
    const [a, c] = ["sae-a", "sae-c"].map((name) => written(name, network.tokens[name] ?? ""));
    const ours = ["--edge", network.edge, "--token-file", a ?? ""];
    const theirs = ["--peer", network.edge.replace("127.0.0.1", "localhost"), "--peer-token-file", c ?? ""];
    const { status, lines } = qkd(REQUEST, ...ours, ...theirs, "--json");
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ Key_chunk_size: 32, result: "equal" }]);
    expect(status).toBe(0);
  });

  test("at two agents, whose clients name no stream", () => {
    const [a = "", b = ""] = Object.values(network.local.etsi004Json ?? {});
    const { status, lines } = qkd(REQUEST, "--edge", a, "--peer", b, "--parallel", "10");
    expect(lines.at(-1)).toBe("10 streams: 10 equal");
    expect(status).toBe(0);
  });

  test("hybrid key at one edge, by a method that it has; never QKD key alone in place of one that it has not", () => {
    const made = qkd(hybridRequest("qkdedge-hkdf-v1"), "--parallel", "4");
    expect(made.lines[0]).toMatch(/equal +\d+ ms {2}qkdedge-hkdf-v1 of ML-KEM-1024, QKD; made by the edge; confirmed$/);
    expect(made.lines.at(-1)).toBe("4 streams: 4 equal");
    const { status, lines, stderr } = qkd(hybridRequest("xoring"));
    expect([...lines, stderr].join("\n")).toContain("method-not-here: hybridization: xoring needs an agent");
    expect(status).toBe(1);
  });

  test("a request as the original's drivers send it, at two agents", () => {
    const [a = "", b = ""] = Object.values(network.local.etsi004Json ?? {});
    const { status, lines } = qkd(hybridRequest("xoring"), "--edge", a, "--peer", b);
    expect(lines[0]).toMatch(/equal +\d+ ms {2}xoring of ML-KEM-1024, QKD; not confirmed$/);
    expect(status).toBe(0);
  });

  test("to nobody: failed, and exit code 1", () => {
    const request = withData({ destination: "qkd://nobody" });
    const { status, lines } = qkd(request, "--as", "sae-a", "--peer-as", "sae-c");
    expect(lines[0]).toMatch(/^- .* failed .* \(status 4\)$/);
    expect(status).toBe(1);
  });
});

const clientOf = (sae: string): Etsi014Client =>
  new Etsi014Client({ baseUrl: network.edge, token: () => network.tokens[sae] ?? "" });

describe("the client library with ETSI GS QKD 014", () => {
  test("both ends get the same keys, once", async () => {
    expect(await clientOf("sae-a").status("sae-c")).toMatchObject({ master_SAE_ID: "sae-a", slave_SAE_ID: "sae-c" });
    const given = await clientOf("sae-a").getKey("sae-c", { count: 3, sizeBits: 512 });
    const ids = given.map(({ keyId }) => keyId).toReversed();
    const fetched = await clientOf("sae-c").getKeyWithIds("sae-a", ids, { sizeBits: 512 });
    expect(fetched.map(({ keyId }) => keyId)).toEqual(ids);
    const isEqual = given.toReversed().every(({ key }, i) => Buffer.from(key).equals(fetched[i]?.key ?? Buffer.of()));
    expect(isEqual).toBe(true);
    const again = clientOf("sae-c").getKeyWithIds("sae-a", ids);
    await expect(again).rejects.toThrow("one or more keys specified are not found on KME (HTTP 400)");
  });

  test("what is refused says why", async () => {
    const wish = { mandatory: [{ route: "direct" }] };
    const error = await clientOf("sae-a")
      .getKey("sae-c", wish)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ details: [{ extension_mandatory_unsupported: "route is not supported" }] });
    await expect(clientOf("nobody").status("sae-c")).rejects.toMatchObject({ httpStatus: 401 });
  });
});

test("the client library with the KMS API: a refresh token is good once, a second use ends all that came of it", async () => {
  const kept: string[] = [];
  const kmsOf = (grant: KmsGrant): KmsClient =>
    new KmsClient({
      urls: kmsUrls(network.edge),
      client: { id: "html5", secret: "password" },
      grant,
      onRefreshToken: (token) => void kept.push(token),
    });
  const [wrong, right] = ["wrong", "bot"].map((password) => kmsOf({ type: "password", username: "pwebb", password }));
  await expect(wrong?.newKey("B")).rejects.toMatchObject({ name: "OAuthError", code: "invalid_grant" });
  expect((await right?.newKey("B"))?.key).toHaveLength(32);
  expect((await kmsOf({ type: "refresh_token", refreshToken: kept[0] ?? "" }).newKey("B")).key).toHaveLength(32);
  for (const refreshToken of kept.slice(0, 2)) {
    const late = kmsOf({ type: "refresh_token", refreshToken });
    await expect(late.newKey("B")).rejects.toMatchObject({ code: "invalid_grant" });
  }
  expect(kept).toHaveLength(2);
});

describe("the examples", () => {
  test.each([
    ["etsi004/stream.ts", process.execPath, ["--conditions=qkd-edge-source"], 8],
    ["etsi004/stream.py", "python3", [], 3],
    ["etsi004/stream.sh", "bash", [], 3],
    ["etsi004/qkd-module.py", "python3", [], 3],
    ["etsi004/qkd-module-0.9.py", "python3", [], 3],
    ["etsi004/json-tcp.py", "python3", [], 3],
    ["etsi004/binary.py", "python3", [], 3],
    ["python/etsi014.py", "python3", [], 2],
    ["python/kms.py", "python3", [], 2],
  ])("%s: both ends have the same", (file, command, args, keys) => {
    expectEqual(run(command, [...args, join("examples", file)]), keys);
  });

  if (spawnSync("go", ["version"]).status === 0) {
    test("go/main.go: both ends have the same", () => {
      expectEqual(run("go", ["run", "examples/go/main.go"]), 2);
    });
  } else process.stderr.write("examples/go is not run: there is no Go here\n");
});

describe("the client library's page", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await installClient();
  });
  afterAll(() => consumer.remove());

  test.each([
    ["ETSI GS QKD 014", 0, ["keys are there", "32 bytes equal", "32 bytes equal"]],
    ["ETSI GS QKD 004", 1, ["chunk 0 equal 0 hops", "closed"]],
    ["the KMS API", 3, ["index 0 equal", "once"]],
    ["a certificate", 4, ["by certificate: 32 bytes"]],
  ])("%s", (_what, at, told) => {
    const program = consumer.write("program.ts", pointedAt(network, pagePrograms()[at] ?? ""));
    const { status, lines, stderr } = run(process.execPath, [program]);
    expect(stderr).toBe("");
    expect(lines).toEqual(told);
    expect(status).toBe(0);
  });
});

describe("the pages' lines of curl", () => {
  test.each([
    ["native.md", "/api/v1/streams", /"Key_buffer":"([^"]+)"/],
    ["qkd-module.md", "open_connect", /"keys":\[([^\]]+)\]/],
    ["qkd-module-0.9.md", "open_connect", /^\[\[([0-9, ]+)\], ?0, ?0\]$/],
  ])("%s: the same key at both ends", (page, mark, key) => {
    const lines = runReadmeBlock(mark, { ...network, ...network.local }, `docs/etsi004/${page}`);
    const keys = lines.flatMap((line) => key.exec(line)?.[1] ?? []);
    expect(keys).toHaveLength(2);
    expect(keys[0] === keys[1]).toBe(true);
    expect(lines.at(-1)).toMatch(page === "qkd-module-0.9.md" ? /^0$/ : /"status":0\b/);
  });
});
