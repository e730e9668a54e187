import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { loadConfig } from "../../agent/config/load.ts";
import { AgentFailure } from "../../agent/failure.ts";
import { allowList, isNetwork, withThisMachine } from "./allow-list.ts";
import { isInsecure, mayConnectTo } from "./config.ts";

const HEAD = 'edge = "https://edge.example"\nsite = "site-a"\n';
const FOR = 'sae = "sae-a"\nnode = "tn-1"\n';

function load(...tables: readonly string[]) {
  const folder = temporaryFolder();
  const file = path.join(folder, "agent.toml");
  writeFileSync(file, HEAD + tables.map((table) => `[[etsi004]]\n${FOR}${table}\n`).join(""));
  return { folder, etsi004: loadConfig(file).etsi004 };
}

function faultOf(...tables: readonly string[]): string {
  try {
    load(...tables);
  } catch (thrown) {
    if (thrown instanceof AgentFailure) return thrown.message;
    throw thrown;
  }
  return "none";
}

test("each kind on its usual port of this machine", () => {
  const { etsi004 } = load('kind = "json-tcp"', 'kind = "binary"', 'kind = "qkd-module"');
  expect(etsi004.map(({ kind, address, port }) => [kind, address, port])).toEqual([
    ["json-tcp", "127.0.0.1", 65_430],
    ["binary", "127.0.0.1", 25_575],
    ["qkd-module", "127.0.0.1", 5000],
  ]);
  expect(etsi004.some(isInsecure)).toBe(false);
});

const LAN = 'kind = "json-tcp"\naddress = "192.168.2.10"\n';
const ASK = "an address that other machines reach needs insecure_lan = true and allow";

test("for other machines only where that is asked for, and for whom", () => {
  expect(faultOf(LAN)).toContain(ASK);
  expect(faultOf(`${LAN}insecure_lan = true`)).toContain(ASK);
  expect(faultOf(`${LAN}allow = ["192.168.2.0/24"]`)).toContain(ASK);
  expect(faultOf('kind = "qkd-module"\naddress = "*"')).toContain(ASK);
  const [config] = load(`${LAN}insecure_lan = true\nallow = ["192.168.2.0/24", "fd00::7"]`).etsi004;
  expect(config !== undefined && isInsecure(config)).toBe(true);
});

test("with mutual TLS it is no matter of that; files are the configuration's neighbours", () => {
  const tls = '[etsi004.tls]\ncert = "a.crt"\nkey = "/etc/a.key"\nclient_ca = "ca.crt"';
  const { folder, etsi004 } = load(`kind = "binary"\naddress = "*"\n${tls}`);
  const [config] = etsi004;
  expect(config).toMatchObject({
    tls: { cert: path.join(folder, "a.crt"), key: "/etc/a.key", client_ca: path.join(folder, "ca.crt") },
  });
  expect(config !== undefined && isInsecure(config)).toBe(false);
});

const from = (allow: readonly string[], tls?: object) => mayConnectTo({ allow, ...(tls === undefined ? {} : { tls }) });

test("with mutual TLS from anywhere, unless addresses are named; else from this machine and those", () => {
  expect(from([], {})("198.51.100.1")).toBe(true);
  expect(from(["10.0.0.0/8"], {})("198.51.100.1")).toBe(false);
  expect(from([])("198.51.100.1")).toBe(false);
  expect(from(["10.0.0.0/8"])("10.1.1.1")).toBe(true);
  expect(from([])("127.0.0.1")).toBe(true);
});

test.each([
  ['kind = "json"', "etsi004.0.kind"],
  ['kind = "json-tcp"\nallow = ["10.0.0.0/33"]', "shall be an address or a network"],
  ['kind = "json-tcp"\npeer_modules = []', "no such field"],
  ['kind = "binary"\n[etsi004.tls]\ncert = "a"\nkey = "b"', "etsi004.0.tls.client_ca: missing"],
])("what is wrong is told: %s", (table, words) => {
  expect(faultOf(table)).toContain(words);
});

test("two services on one port, and one on a listener's", () => {
  expect(faultOf('kind = "json-tcp"\nport = 1', 'kind = "binary"\nport = 1')).toContain("the same address");
  const listen = '[[listen]]\nport = 1\nsite = "b"\nservice = "c"';
  expect(faultOf(`kind = "binary"\nport = 1\n${listen}`)).toContain("the same address");
  expect(faultOf('kind = "json-tcp"\nport = 0', 'kind = "binary"\nport = 0')).toBe("none");
});

test.each(["10.0.0.0/8", "10.1.2.3", "::1", "fd00::/8", "0.0.0.0/0"])("%s is a network", (text) => {
  expect(isNetwork(text)).toBe(true);
});
test.each(["10.0.0.0/33", "10.0.0/8", "host", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/", "10.0.0.0/-1", ""])(
  "%j is none",
  (text) => {
    expect(isNetwork(text)).toBe(false);
  },
);

test("who may connect, in IPv4, IPv6, and one in the other's clothes", () => {
  const may = allowList(["10.0.0.0/8", "192.168.2.7", "fd00::/8"]);
  for (const address of ["10.255.0.1", "192.168.2.7", "::ffff:10.0.0.1", "fd12::1"]) expect(may(address)).toBe(true);
  for (const address of ["11.0.0.1", "192.168.2.8", "::ffff:11.0.0.1", "fe80::1", "127.0.0.1", "", undefined, "x"]) {
    expect(may(address)).toBe(false);
  }
  const local = withThisMachine([]);
  for (const address of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) expect(local(address)).toBe(true);
  expect(local("10.0.0.1")).toBe(false);
});
