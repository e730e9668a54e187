import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { importModule, originalFile } from "./original-config.ts";

const EXAMPLES = path.join(import.meta.dirname, "../../examples/hybrid");
const read = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(EXAMPLES, name), "utf8")) as Record<string, unknown>;
const AS = { node: "tn-1", sae: "sae-a" };
const CONFIG = read("alice/config.json");
const PEERS = read("alice/trusted_peers_info.json");
const A = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const B = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";

test("which file it is shows in what it holds", () => {
  expect(originalFile(CONFIG)).toBe("config");
  expect(originalFile(PEERS)).toBe("peers");
  for (const other of [null, "text", [], {}, { module: { sim: "fake" } }, { uuid: A }]) {
    expect(originalFile(other)).toBeNull();
  }
});

test("Alice's two files", () => {
  const { toml, problems } = importModule(CONFIG, PEERS, AS);
  expect(problems).toEqual([]);
  expect(toml.join("\n")).toBe(`[[etsi004]]
kind = "json-tcp"
address = "10.10.11.245"
port = 65430
sae = "sae-a"
node = "tn-1"
# Other machines reach it without TLS and prove nothing, as they do today; an alarm stands while this is so.
insecure_lan = true
# This machine may anyway: name those of the applications.
allow = ["10.10.11.245"]

[[hybrid.node]]
id = "tn-1"
uuid = "${A}"

[[hybrid.peer]]
uuid = "${B}"
module = "10.10.11.246:3001"
# Only where one source's key shall be combined with the seed's, the same for ever: the seed in a file of mode 0600.
# allow_seed_fallback = true
# shared_seed_file = "${B}.seed"

[[hybrid.peer]]
uuid = "cccccccc-cccc-cccc-cccc-cccccccccccc"
module = "10.10.11.247:3001"
# Only where one source's key shall be combined with the seed's, the same for ever: the seed in a file of mode 0600.
# allow_seed_fallback = true
# shared_seed_file = "cccccccc-cccc-cccc-cccc-cccccccccccc.seed"

[hybrid.module]
listen = "10.10.11.245:3001"
cert = "/app/certs/node.crt"
key = "/app/certs/node.key"
ca = "/app/ca/ca.crt"

[log.console]
level = "info"

[log.file]
level = "debug"
path = "hybrid.log"`);
});

test.each(["alice", "bob", "charlie"])(
  "every key of %s's files is mapped or named as ignored, with a reason",
  (name) => {
    const { mapped, ignored, problems } = importModule(
      read(`${name}/config.json`),
      read(`${name}/trusted_peers_info.json`),
      AS,
    );
    expect(problems).toEqual([]);
    expect(mapped).toHaveLength(12 + 2);
    expect(ignored.map(({ key }) => key)).toEqual([
      "certificate_config.certificate_ip",
      "qkd_address.host",
      "qkd_address.port",
      ...Object.keys(PEERS).flatMap((uuid) => (uuid.startsWith(name.charAt(0)) ? [uuid] : [`${uuid}.shared_seed`])),
    ]);
    for (const { why } of ignored) expect(why).not.toContain("no such key");
  },
);

test("no seed is repeated", () => {
  expect(JSON.stringify(importModule(CONFIG, PEERS, AS))).not.toContain("123456789");
});

test("for this machine only, without a log file, colours or seeds", () => {
  const config = {
    ...CONFIG,
    uuid: A.toUpperCase(),
    hybridization_server_address: { host: "127.0.0.1", port: 7 },
    logging_config: { console_log_type: "NONE", colorless_console_log: true, file_log_type: "none", filename: "" },
  };
  const { toml, problems } = importModule(config, { [B]: { address: { host: "::1", port: 3001 } } }, AS);
  expect(problems).toEqual([]);
  expect(toml).not.toContain("insecure_lan = true");
  expect(toml).toContain('module = "[::1]:3001"');
  expect(toml).toContain(`uuid = "${A}"`);
  expect(toml.slice(-3)).toEqual(["[log.console]", 'level = "none"', "color = false"]);
  expect(toml.join("\n")).not.toContain("seed");
});

test.each(["0.0.0.0", "node.example"])("%s: some address has to be allowed", (host) => {
  const config = { ...CONFIG, hybridization_server_address: { host, port: 65_430 } };
  expect(importModule(config, PEERS, AS).toml).toContain('allow = ["127.0.0.1"]');
});

test.each([
  [{ ...CONFIG, uuid: "alice" }, PEERS, 'uuid: "alice" is none of its values'],
  [{ ...CONFIG, uuid: undefined }, PEERS, "uuid: undefined is none of its values"],
  [
    { ...CONFIG, peer_local_address: { host: "10.0.0.1", port: 0 } },
    PEERS,
    "peer_local_address.port: 0 is none of its values",
  ],
  [{ ...CONFIG, peer_local_address: {} }, PEERS, "peer_local_address.host: missing"],
  [
    { ...CONFIG, logging_config: { console_log_type: "loud" } },
    PEERS,
    'logging_config.console_log_type: "loud" is none of its values',
  ],
  [CONFIG, { bob: { address: { host: "x", port: 1 } } }, "bob: no UUID"],
  [CONFIG, { [B]: { address: { host: "x y", port: 1 } } }, `${B}.address: no host with a port`],
  [CONFIG, { [B]: 5 }, `${B}: not a peer`],
])("what is wrong is told: case %#", (config, peers, problem) => {
  expect(importModule(config, peers, AS).problems).toContain(problem);
});

test("keys it does not know are told", () => {
  const { ignored } = importModule(
    { ...CONFIG, extra: 1 },
    { [B]: { address: { host: "x", port: 1 }, colour: 2 } },
    AS,
  );
  const why = "a hybridization module knows no such key";
  expect(ignored).toContainEqual({ key: "extra", why });
  expect(ignored).toContainEqual({ key: `${B}.colour`, why });
});
