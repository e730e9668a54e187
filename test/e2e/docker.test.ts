/** The images' files: linted, and what runs in them that runs nowhere else. Building them takes registries that CI has not. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { validate } from "dockerfile-utils";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { DEMO_TOKEN_NAMES, demoNetwork } from "../../scripts/demo/network.ts";
import { kmePorts } from "../../scripts/start/ports.ts";
import { loadConfig } from "../../tunnel/agent/config/load.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const DOCKER = join(PROJECT, "docker");
const dockerfile = readFileSync(join(DOCKER, "Dockerfile"), "utf8");
const composeFiles = readdirSync(DOCKER).filter((name) => /^compose\..*\.yaml$/.test(name));

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "qkd-docker-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const node = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8", env: { ...process.env, ...env } });

test("the Dockerfile has no fault; both images have a user, a health check and a volume, and no secret of the build", () => {
  expect(validate(dockerfile, {})).toEqual([]);
  for (const target of ["edge", "agent"]) {
    const [, stage = ""] =
      new RegExp(`^FROM \\S+ AS ${target}\n([^]*?)(?=^FROM |\\Z)`, "m").exec(`${dockerfile}\\Z`) ?? [];
    expect(stage).toMatch(/^USER node$/m);
    expect(stage).toMatch(/^HEALTHCHECK .*CMD \[/m);
    expect(stage).toMatch(/^VOLUME \["\/var\/lib\/qkd-/m);
    expect(stage).not.toMatch(/^ARG/m);
  }
});

test("the engine has somebody to trust where the base image has not", () => {
  const [, expression = ""] = /node -p '([^']+)' > \/etc\/ssl\/certs\/ca-certificates\.crt/.exec(dockerfile) ?? [];
  expect(node(["-p", expression]).stdout.match(/^-----BEGIN CERTIFICATE-----$/gm)?.length).toBeGreaterThan(50);
});

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("the edge's health check tells of a KME that does not listen, and leaves no connection at one that does", async () => {
  const state = folder();
  const [edge, kme] = [createHttpServer((_req, res) => res.end()), createServer()];
  onTestFinished(() => [edge, kme].forEach((server) => server.close()));
  let connections = 0;
  kme.on("connection", () => (connections += 1));
  const [edgePort, kmePort] = [await listening(edge), await listening(kme)];
  const write = (listeners: readonly number[]): void => {
    const urls = listeners.map((port, index) => [`tn-${index + 1}`, `https://127.0.0.1:${port}`]);
    const ports = { edge: `http://127.0.0.1:${edgePort}`, kme: Object.fromEntries(urls) };
    writeFileSync(join(state, "ports.json"), JSON.stringify(ports));
  };
  const check = (...tables: readonly string[]) =>
    promisify(execFile)(process.execPath, ["docker/edge-health.ts", state, ...tables], { cwd: PROJECT });
  write([kmePort]);
  await check();
  // As on a host without IPv6.
  writeFileSync(join(state, "tcp"), readFileSync("/proc/net/tcp"));
  await check(state);
  expect(connections).toBe(0);
  write([kmePort, 1]);
  await expect(check()).rejects.toThrow("the KME of tn-2 does not listen");
  edge.removeAllListeners("request").on("request", (_req, res) => res.writeHead(503).end());
  await expect(check()).rejects.toThrow("the edge answers 503");
});

/** The tool that would run them; version 1 of it knows no `name`. */
const composer = ["docker-compose"].find((program) => spawnSync(program, ["version"]).status === 0);
if (composer === undefined) process.stderr.write("no docker-compose here: compose files are only parsed\n");

describe.each(composeFiles)("%s", (name) => {
  const text = readFileSync(join(DOCKER, name), "utf8");
  const { services } = parse(text) as {
    services: Record<string, { build?: { dockerfile: string; target: string }; ports?: string[]; volumes?: string[] }>;
  };

  if (composer !== undefined) {
    test("is what docker-compose takes", () => {
      const input = text.replace(/^name: .*$/m, "");
      const { status, stderr } = spawnSync(composer, ["-f", "-", "config", "-q"], {
        cwd: DOCKER,
        input,
        encoding: "utf8",
      });
      expect([status, stderr]).toEqual([0, ""]);
    });
  }

  test("builds what there is, mounts files that are there, and publishes on loopback only", () => {
    for (const { build, ports = [], volumes = [] } of Object.values(services)) {
      if (build !== undefined) expect(dockerfile).toMatch(new RegExp(`^FROM .* AS ${build.target}$`, "m"));
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
      for (const [path = ""] of volumes.map((volume) => volume.split(":")))
        if (path.startsWith(".")) expect(statSync(join(DOCKER, path)).size).toBeGreaterThan(0);
    }
  });
});

test("the KME of each of the demo's nodes can be reached from outside its container", () => {
  const tokens = Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, name.padEnd(43, "x")]));
  const nodes = demoNetwork(tokens).nodes.map(({ id }) => id);
  const demo = readFileSync(join(DOCKER, "compose.demo.yaml"), "utf8");
  for (const port of Object.values(kmePorts(nodes, false))) {
    expect(dockerfile).toMatch(new RegExp(`^EXPOSE .*\\b${port}\\b`, "m"));
    expect(demo).toContain(`"127.0.0.1:${port}:${port}"`);
  }
});

test.each(["alice", "bob", "charlie"])("the agent takes hybrid/%s.toml", (name) => {
  expect(loadConfig(join(DOCKER, "hybrid", `${name}.toml`))).toMatchObject({ edge: "http://edge:8787" });
});

describe("agent.toml from build arguments", () => {
  const settings = { EDGE: "https://edge.example", SITE: "site-a", NODE: "tn-1", SAE: "sae-a" };
  test.each([
    [
      "a hybridization module's",
      {
        CFGFILE: "examples/hybrid/alice/config.json",
        TRUSTED_PEERS_INFO: "examples/hybrid/alice/trusted_peers_info.json",
      },
      "hybrid",
    ],
    [
      "a proxy agent's",
      {
        CFGFILE: "examples/ipsec/original/proxy_agent.json",
        PUBLIC_NODE_INFO: "examples/ipsec/original/public_node_info.json",
        AGENT_TOML: "docker/proxy-agent-more.toml",
      },
      "ipsec",
    ],
  ])("%s files: what the agent takes, without a secret of theirs", (_whose, files, member) => {
    const file = join(folder(), "agent.toml");
    const { status, stderr } = node(["docker/agent-config.ts", file], { ...settings, ...files });
    expect([status, stderr]).toEqual([0, ""]);
    const config = loadConfig(file);
    expect(config).toMatchObject({ edge: "https://edge.example", site: "site-a" });
    expect(config).toHaveProperty(member);
    const text = readFileSync(file, "utf8");
    expect(text).not.toMatch(/123456789|not-a-real-password/);
    // Beside agent.toml an image has no file, and takes none.
    for (const [, path = ""] of text.matchAll(/^(?:\w+_file|path) = "(.*)"$/gm))
      expect(path).toMatch(/^\/(?:run\/secrets|var\/lib\/qkd-agent)\/[\w.-]+$/);
  });

  test.each([
    [{ CFGFILE: "examples/hybrid/alice/config.json", SITE: "" }, "SITE is missing"],
    [{ TRUSTED_PEERS_INFO: "examples/hybrid/alice/trusted_peers_info.json" }, "go with CFGFILE"],
    [{ CFGFILE: "no-such-file.json" }, "cannot be read"],
  ])("%j is refused", (files, told) => {
    const { status, stderr } = node(["docker/agent-config.ts", join(folder(), "agent.toml")], {
      ...settings,
      ...files,
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining(told)]);
  });

  test("none: no file, it is mounted", () => {
    const out = folder();
    expect(node(["docker/agent-config.ts", join(out, "agent.toml")], settings).status).toBe(0);
    expect(readdirSync(out)).toEqual([]);
  });
});

test("each site gets its own token and the authority, for its eyes only", () => {
  const [state, out] = [folder(), folder()];
  mkdirSync(join(state, "certs"));
  const tokens = { "enrol-agent-tn-1": "a", "enrol-agent-tn-2": "b", "enrol-agent-tn-3": "c", operator: "o" };
  writeFileSync(join(state, "tokens.json"), JSON.stringify(tokens));
  for (const file of ["ca.crt", "ca.key"]) writeFileSync(join(state, "certs", file), file);
  expect(node(["docker/hybrid/hand-out.ts", state, out]).status).toBe(0);
  expect(readdirSync(out)).toEqual(["alice", "bob", "charlie"]);
  expect(readFileSync(join(out, "bob", "token"), "utf8")).toBe("b");
  expect(statSync(join(out, "bob", "token")).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(out, "charlie")).toSorted()).toEqual(["ca.crt", "ca.key", "token"]);
});
