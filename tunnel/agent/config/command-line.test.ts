import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { AgentFailure } from "../failure.ts";
import { parseCommandLine } from "./command-line.ts";

const around = { env: { XDG_STATE_HOME: "/state" }, choosePort: () => 40_123 };
const parse = (...argv: string[]) => parseCommandLine(argv, around);
const run = (...argv: string[]) => {
  const invocation = parse(...argv);
  if (invocation.command === "help") throw new Error("help");
  return invocation;
};
const failure = (...argv: string[]): AgentFailure => {
  try {
    parse(...argv);
  } catch (thrown) {
    if (thrown instanceof AgentFailure) return thrown;
    throw thrown;
  }
  throw new Error("accepted");
};
const URL_AND_SITE = ["https://edge.example", "--site", "site-a"];

test("ssh's own line, with the edge where ssh has user@host", () => {
  const { command, settings, background, notes } = run(
    ..."-R 9000:192.168.2.1:9000 -N -f https://edge.example --site site-a --token-file F".split(" "),
  );
  expect({ command, background }).toEqual({ command: "run", background: true });
  expect(settings).toMatchObject({
    edge: "https://edge.example",
    site: "site-a",
    token_file: "F",
    state: "/state/qkd-agent/edge.example/site-a",
    service: [{ name: "9000", host: "192.168.2.1", port: 9000, allow: ["@linked"], tls: false, listen_port: 9000 }],
  });
  expect(notes).toEqual(["no --allow: open to the sites that have a QKD link with site-a (@linked)"]);
});

test("options stick together and repeat", () => {
  const { settings, background, notes } = run(
    ..."-NfR 1:a:1 -R2:b:2 --allow x --allow y -L 3:s/t -L[::1]:4:s/u".split(" "),
    ...URL_AND_SITE,
  );
  expect(background).toBe(true);
  expect(settings.service.map(({ name, allow }) => [name, allow])).toEqual([
    ["1", ["x", "y"]],
    ["2", ["x", "y"]],
  ]);
  expect(settings.listen).toMatchObject([
    { bind: "127.0.0.1", port: 3, site: "s", service: "t", wait_ms: 0 },
    { bind: "::1", port: 4, site: "s", service: "u" },
  ]);
  expect(notes).toEqual([]);
});

test("port 0 is chosen, and said as ssh says it", () => {
  const { settings, notes } = run("-R", "0:device:22", "--allow", "b", ...URL_AND_SITE);
  expect(settings.service[0]?.name).toBe("40123");
  expect(notes).toEqual(["Allocated port 40123 for remote forward to device:22"]);
});

test.each([
  [["-R", "1:a:1", "--site", "s"], "the edge's URL is missing"],
  [["-R", "1:a:1", "https://edge.example"], "--site is missing"],
  [URL_AND_SITE, "nothing to do"],
  [["-R", "1:a", ...URL_AND_SITE], "-R 1:a: shall be [bind:]port:host:port"],
  [["-R", "1:a:1", "-R", "1:b:1", ...URL_AND_SITE], "service: two services have the same name"],
  [["-L", "1:a/b", "-L", "1:a/c", ...URL_AND_SITE], "listen: two listeners have the same address"],
  [["--token", "secret", ...URL_AND_SITE], "Unknown option '--token'"],
  [["-L", "1:a/b", "--site", "s", "http://edge.example"], "edge: without TLS only to this machine"],
  [["-L", "1:a/b", "--site", "s", "ftp://edge.example"], "edge: shall begin with https://"],
  [["-L", "1:a/b", "--tls", ...URL_AND_SITE], "--tls needs --cert, --key and --site-ca"],
  [["-L", "1:a/b", "--wait", "x", ...URL_AND_SITE], "--wait x: shall be a whole number"],
  [["-L", "1:a/b", ...URL_AND_SITE, "more"], '"more" is one argument too many'],
  [["run"], "run needs a configuration file"],
  [["run", "agent.toml", "--site", "s"], "--site belongs into agent.toml"],
  [["run", "/does/not/exist.toml"], "cannot read /does/not/exist.toml"],
])("%j is refused in one line", (argv, words) => {
  const { message, exitCode } = failure(...argv);
  expect(message).toContain(words);
  expect(message).not.toContain("\n");
  expect(exitCode).toBe(2);
});

test("http:// goes to this machine, and elsewhere when told so", () => {
  expect(run("-L", "1:a/b", "--site", "s", "http://127.0.0.1:8787").settings.edge).toBe("http://127.0.0.1:8787");
  expect(run("-L", "1:a/b", "--site", "s", "--insecure-http", "http://edge").settings.insecure_http).toBe(true);
});

test("help", () => {
  expect(parse()).toEqual({ command: "help" });
  expect(parse("run", "--help")).toEqual({ command: "help" });
});

test("a file: its paths start from its folder", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "qkd-agent-"));
  const file = path.join(folder, "agent.toml");
  writeFileSync(
    file,
    'edge = "https://e"\nsite = "s"\ntoken_file = "token"\nstate = "/var/lib/x"\n[log.file]\npath = "a.log"\n',
  );
  const { settings } = run("check", file);
  expect(settings).toMatchObject({
    token_file: path.join(folder, "token"),
    state: "/var/lib/x",
    log: { console: { level: "info" }, file: { path: path.join(folder, "a.log"), files: 5 } },
  });
});

test("each fault of a file has its line and field", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "qkd-agent-"));
  const file = path.join(folder, "agent.toml");
  writeFileSync(
    file,
    `edge = "https://e"
site = "bad site"
[log.console]
level = "loud"

[[service]]
name = "ok"
host = "h"
port = 1
[[service]]
name = "kme"
port = 70000
colour = "red"
allow = [
  "site-b",
  3,
]
`,
  );
  const lines = failure("run", file).message.split("\n");
  expect(lines).toEqual([
    `${file}:2: site: shall have 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit`,
    `${file}:10: service.1.host: missing`,
    `${file}:12: service.1.port: shall be at most 65535`,
    `${file}:16: service.1.allow.1: shall be a text`,
    `${file}:13: service.1.colour: no such field`,
    `${file}:4: log.console.level: shall be debug, info, warning, error or none`,
  ]);
});

test("so has a fault of syntax", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "qkd-agent-"));
  const file = path.join(folder, "agent.toml");
  writeFileSync(file, 'edge = "https://e"\nsite = "s\n');
  expect(failure("run", file).message).toMatch(/agent\.toml:2: Unterminated/);
});
