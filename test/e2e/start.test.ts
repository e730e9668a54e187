/** `npm start` as a user meets it: ready, over again, in trouble. Its end: start-end.test.ts. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { demoNetwork } from "../../scripts/demo/network.ts";
import { issue, loadAuthority } from "../../pki/authority.ts";
import { loadDemoTokens } from "../../scripts/start/secrets.ts";
import { httpsRequest } from "../support/front-bench.ts";
import { isRunning, newStateFolder, type RunningNetwork, runNetwork, spawnStart } from "../support/run-network.ts";

interface Container {
  readonly keys: readonly { readonly key_ID: string; readonly key: string }[];
}
const containerOf = (body: string): Container => JSON.parse(body) as Container;
const enc = "/api/v1/keys/sae-c/enc_keys";
const dec = (keyId: string): string => `/api/v1/keys/sae-a/dec_keys?key_ID=${keyId}`;

const freshFolder = (): string => {
  const folder = newStateFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Runs it in the expectation that it gives up: its exit code and what it printed. */
async function failing(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const started = spawnStart(args);
  const code = await started.ended;
  return { code, output: started.output() };
}

describe("the demo network", () => {
  let network: RunningNetwork;
  beforeAll(async () => {
    network = await runNetwork();
  });
  afterAll(() => network.stop());

  it("says ready, and writes down its listeners and processes", () => {
    expect(network.output()).toMatch(/^qkd-edge ready/);
    expect(network.output()).toContain(`with the token of "operator" in ${join(network.state, "tokens.json")}\n`);
    expect(network.edge).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(Object.keys(network.kme)).toEqual(["tn-1", "tn-2", "tn-3", "tn-4", "tn-5"]);
    for (const url of Object.values(network.kme)) expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const [fronts] = network.pids.fronts;
    expect([network.pids.engine, fronts].map((pid) => isRunning(pid ?? 0))).toEqual([true, true]);
  });

  it("gives sae-a and sae-c the same key, each at its own KME", async () => {
    const given = await network.request("tn-1", "sae-a", enc);
    const [key] = containerOf(given.body).keys;
    const fetched = await network.request("tn-2", "sae-c", dec(key?.key_ID ?? ""));
    expect([given.status, fetched.status]).toEqual([200, 200]);
    expect(containerOf(fetched.body).keys).toEqual([key]);
  });

  it("serves its pages, at the edge and at each KME", async () => {
    const page = await fetch(`${network.edge}/messenger/`);
    const text = await page.text();
    expect([page.status, page.headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    const [script = ""] = /\/messenger\/assets\/[\w-]+\.js/.exec(text) ?? [];
    const file = await fetch(`${network.edge}${script}`);
    expect([file.status, file.headers.get("Content-Type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    await file.arrayBuffer();
    expect(await network.request("tn-1", "sae-a", "/messenger/")).toMatchObject({ status: 200, body: text });
  });

  it("prints lines that do the same when pasted, by certificate and by token", () => {
    const lines = network
      .output()
      .split("\n")
      .filter((line) => /^(ANSWER|KEY_ID|curl|sed)/.test(line));
    const shell = spawnSync("bash", ["--norc", "-euo", "pipefail", "-c", lines.join("\n")], {
      encoding: "utf8",
      cwd: "/",
    });
    expect(shell.stderr).toBe("");
    const keys = shell.stdout
      .trim()
      .split("\n")
      .map((line) => containerOf(line).keys);
    expect(keys).toHaveLength(4);
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[3]).toEqual(keys[2]);
    expect(keys[2]).not.toEqual(keys[0]);
  });

  it("keeps what is secret to its owner, out of arguments and out of what it prints", () => {
    const secret = [
      "tokens.json",
      "epoch-keys/epoch-1",
      "bootstrap.token",
      "run/engine.capnp",
      "certs/ca.key",
      "certs/sae-a.key",
      "certs/tn-1.key",
    ];
    for (const file of secret) expect(statSync(join(network.state, file)).mode & 0o777, file).toBe(0o600);
    expect(statSync(join(network.state, "run")).mode & 0o777).toBe(0o700);
    expect(statSync(join(network.state, "epoch-keys")).mode & 0o777).toBe(0o700);
    const epochKey = readFileSync(join(network.state, "epoch-keys", "epoch-1"), "utf8").trim();
    const bootstrap = readFileSync(join(network.state, "bootstrap.token"), "utf8").trim();
    const shown = [
      network.output(),
      ...[network.pids.engine, ...network.pids.fronts].map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
    ].join("\n");
    for (const text of [...Object.values(network.tokens), epochKey, bootstrap]) expect(shown).not.toContain(text);
  });

  it("answers 401 to a certificate of its own authority for an SAE nobody knows", async () => {
    const pem = (name: string): string => readFileSync(join(network.state, "certs", name), "utf8");
    const unknown = await issue(await loadAuthority(pem("ca.crt"), pem("ca.key")), {
      commonName: "sae-x",
      usage: "client",
    });
    const answer = await network.request("tn-1", "sae-a", enc, { cert: unknown.certificate, key: unknown.key });
    expect([answer.status, answer.body]).toEqual([401, ""]);
  });

  it("takes nobody's word for a certificate on the edge's own port", async () => {
    const blob = JSON.stringify({
      tlsClientAuth: {
        certPresented: "1",
        certVerified: "SUCCESS",
        certRevoked: "0",
        certSubjectDNRFC2253: "CN=sae-a",
      },
      qkd: { node: "tn-1" },
    });
    for (const header of ["X-Cf-Blob", "MF-CF-Blob", "CF-Blob"]) {
      const answer = await fetch(network.edge + enc, { headers: { [header]: blob } });
      expect(answer.status, header).toBe(401);
      // Nor for being the one who started the engine: there, and at a KME.
      const starter = { [header]: JSON.stringify({ qkd: { starter: true } }) };
      expect((await fetch(`${network.edge}/api/v1/network`, { headers: starter })).status, header).toBe(401);
      const read = await network.request("tn-1", "sae-a", "/api/v1/network", { headers: starter });
      expect(read.status, header).toBe(403);
    }
  });

  it("answers a body over a route's bound with 413 through a front, and goes on serving", async () => {
    const body = Buffer.alloc(10 * 1024 * 1024, 32);
    for (const bytes of [body, body.subarray(0, 1024 * 1024)]) {
      const answer = await network.request("tn-1", "sae-a", enc, { method: "POST" }, bytes);
      expect(answer.status).toBe(413);
      expect(JSON.parse(answer.body)).toHaveProperty("message");
    }
    expect((await network.request("tn-1", "sae-a", enc)).status).toBe(200);
  });

  it("refuses a second start in the same folder, and lets another run beside it", async () => {
    const second = await failing(["--state", network.state, "--random-ports"]);
    expect(second).toEqual({
      code: 1,
      output: expect.stringMatching(/^qkd-edge: \S+ is in use by another qkd-edge \(process \d+\).*\n$/),
    });
    const other = await runNetwork();
    expect((await other.request("tn-1", "sae-a", enc)).status).toBe(200);
    // Certificates of its authority do not open the first one's KMEs.
    const asStranger = { ...other.tls("sae-a"), ca: network.tls("sae-a").ca };
    await expect(httpsRequest(`${network.kme["tn-1"]}${enc}`, asStranger)).rejects.toThrow();
    expect(await other.stop()).toBe(0);
    expect((await network.request("tn-1", "sae-a", enc)).status).toBe(200);
  });
});

describe("over again", () => {
  it("keeps certificates, tokens and keys: a key given before a restart is fetched after it", async () => {
    const state = freshFolder();
    const before = await runNetwork({ state });
    const [key] = containerOf((await before.request("tn-1", "sae-a", enc)).body).keys;
    const certificate = readFileSync(join(state, "certs", "sae-a.crt"), "utf8");
    await before.stop();
    const after = await runNetwork({ state });
    expect(after.tokens).toEqual(before.tokens);
    expect(readFileSync(join(state, "certs", "sae-a.crt"), "utf8")).toBe(certificate);
    expect(containerOf((await after.request("tn-2", "sae-c", dec(key?.key_ID ?? ""))).body).keys).toEqual([key]);
    await after.stop();
  });

  it("applies a --config file, and applies it again when it has changed", async () => {
    const state = freshFolder();
    const named = (name: string) => ({ state, network: (demo: ReturnType<typeof demoNetwork>) => ({ ...demo, name }) });
    for (const name of ["first", "second"]) {
      const network = await runNetwork(named(name));
      expect(network.output()).toContain(`qkd-edge ready: ${name}\n`);
      const document = (await (await network.fetch("/api/v1/network", "operator")).json()) as { name: string };
      expect(document.name).toBe(name);
      expect((await network.request("tn-1", "sae-a", enc)).status).toBe(200);
      await network.stop();
    }
  });

  it("prefills every link with as much as is asked for, above the policy's capacity too", async () => {
    const small = { capacity_bytes: 1024 * 1024, high_bytes: 0, low_bytes: 0 };
    const network = await runNetwork({
      network: (demo) => ({ ...demo, policy: { pool: small } }),
      args: ["--prefill", "2.5"],
    });
    for (const { id } of demoNetwork(network.tokens).links) {
      const link = (await (await network.fetch(`/api/v1/links/${id}`, "operator")).json()) as {
        pool: { ledger_bits: { available: number }; simulated: boolean };
      };
      expect(link.pool.ledger_bits.available, id).toBeGreaterThanOrEqual(2.5 * 1024 * 1024 * 8);
      expect(link.pool.simulated).toBe(true);
    }
    await network.stop();
  });

  it("without the demo has no network until an operator puts one, as it says", async () => {
    const state = freshFolder();
    const started = spawnStart(["--state", state, "--random-ports", "--no-demo"]);
    await expect.poll(() => existsSync(join(state, "ports.json")), { timeout: 60_000 }).toBe(true);
    await expect.poll(() => started.output(), { timeout: 5000 }).toContain("curl");
    expect(["tokens.json", "certs/ca.crt"].filter((file) => existsSync(join(state, file)))).toEqual([]);
    const tokens = loadDemoTokens(join(state, "tokens.json"));
    writeFileSync(join(state, "network.json"), JSON.stringify(demoNetwork(tokens)));
    const line =
      started
        .output()
        .split("\n")
        .find((each) => each.includes("curl")) ?? "";
    const put = spawnSync("bash", ["--norc", "-c", line], { cwd: state, encoding: "utf8" });
    expect(JSON.parse(put.stdout)).toEqual({ version: 1 });
    const { edge } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as RunningNetwork;
    const prefill = () =>
      fetch(`${edge}/api/v1/links/tn-1-tn-2/prefill`, {
        method: "POST",
        headers: { Authorization: `Bearer ${tokens["operator"]}` },
        body: '{"bytes":1}',
      });
    await expect.poll(async () => (await prefill()).status, { timeout: 3000 }).toBeOneOf([403, 404]);
    started.process.kill("SIGTERM");
    expect(await started.ended).toBe(0);
  });
});

const put = (state: string, name: string, text: string): string => {
  writeFileSync(join(state, name), text);
  return join(state, name);
};

describe("trouble is one clear line and exit code 1", () => {
  const cases: readonly (readonly [what: string, prepare: (state: string) => readonly string[], line: RegExp])[] = [
    ["an unknown option", () => ["--quiet"], /Unknown option '--quiet'/],
    ["a bad --prefill", () => ["--prefill", "lots"], /--prefill takes MB from 0 to 4096, not "lots"/],
    [
      "a config that is not there",
      (state) => ["--config", join(state, "none.json")],
      /--config \S+none\.json: cannot be read: ENOENT/,
    ],
    [
      "a config that is not JSON",
      (state) => ["--config", put(state, "bad.json", "{")],
      /--config \S+bad\.json: not JSON/,
    ],
    [
      "a config with faults, each with its pointer",
      (state) => [
        "--config",
        put(
          state,
          "bad.json",
          JSON.stringify({
            nodes: [{ id: "a b" }],
            links: [],
            saes: [{ id: "s", node: "x", credentials: [] }],
            operators: [],
          }),
        ),
      ],
      /the network document has \d faults?; .*\/nodes\/0\/id: .*\/saes\/0\/node: /,
    ],
    ["a state folder that is a file", (state) => ["--state", put(state, "file", "")], /cannot use \S+file as a folder/],
    ["a state folder that cannot be made", () => ["--state", "/proc/qkd"], /cannot use \/proc\/qkd as a folder/],
    ["broken tokens", (state) => (put(state, "tokens.json", "{"), []), /tokens\.json is broken \(not JSON\)/],
    [
      "a broken epoch key",
      (state) => (mkdirSync(join(state, "epoch-keys")), put(state, "epoch-keys/epoch-2", "short"), []),
      /epoch-2 is broken \(no epoch key of 32 bytes\)/,
    ],
    [
      "broken secrets of the version before",
      (state) => (put(state, "secrets.json", '{"QKD_EPOCH_KEY_1":"short"}'), []),
      /secrets\.json is broken \(QKD_EPOCH_KEY_1 is no epoch key of 32 bytes\)/,
    ],
    [
      "epoch keys that are gone while there is storage",
      (state) => (mkdirSync(join(state, "state", "x"), { recursive: true }), []),
      /there are no epoch keys in \S+epoch-keys, and keys in/,
    ],
    [
      "a broken authority",
      (state) => (
        mkdirSync(join(state, "certs")),
        put(state, "certs/ca.crt", "x"),
        put(state, "certs/ca.key", "x"),
        []
      ),
      /ca\.key are no usable authority/,
    ],
    [
      "a token file that is not there",
      (state) => ["--token-file", join(state, "none")],
      /token file \S+none cannot be read/,
    ],
  ];

  it.each(cases)("%s", async (_what, prepare, line) => {
    const state = freshFolder();
    const args = prepare(state);
    const { code, output } = await failing(["--state", state, "--random-ports", ...args]);
    expect(output).toMatch(line);
    expect(output).toMatch(/^qkd-edge: .*\n$/);
    expect(code).toBe(1);
    expect(existsSync(join(state, "lock"))).toBe(false);
  });

  it("a port in use", async () => {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(9020, "127.0.0.1", () => resolve(true));
    });
    const { code, output } = await failing(["--state", freshFolder()]);
    // Whichever port is found taken first: another network may run on this machine.
    if (taken)
      expect(output).toMatch(/^qkd-edge: port \d+ on 127\.0\.0\.1, for (the edge|the KME of tn-\d), is in use: .*\n$/);
    expect(code).toBe(1);
    server.close();
  });

  it("a lock of a dead process is no trouble", async () => {
    const state = freshFolder();
    writeFileSync(
      join(state, "lock"),
      JSON.stringify({ pid: 999_999_999, started: "1", engine: null, engineStarted: null }),
    );
    const network = await runNetwork({ state });
    expect(await network.stop()).toBe(0);
  });

  it("--help is no trouble", async () => {
    const { code, output } = await failing(["--help"]);
    expect([code, output]).toEqual([0, expect.stringMatching(/^usage: npm start -- \[options\]/)]);
  });
});
