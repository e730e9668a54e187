import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { loadConfig } from "../../agent/config/load.ts";
import { AgentFailure } from "../../agent/failure.ts";
import { partners, sitesOf } from "./config.ts";

const HEAD = 'edge = "https://edge.example"\nsite = "site-a"\n';
const CERTIFICATE = '[certificate]\ncert = "a.crt"\nkey = "a.key"\nca = "ca.crt"\n';
const uuid = (digit: string): string =>
  `${digit.repeat(8)}-${[4, 4, 4, 12].map((size) => digit.repeat(size)).join("-")}`;
const A = uuid("a");
const NODE = `[[hybrid.node]]\nid = "tn-1"\nuuid = "${A}"\n`;
const peer = (digit: string, ...lines: readonly string[]): string =>
  ["[[hybrid.peer]]", `uuid = "${uuid(digit)}"`, ...lines, ""].join("\n");
const B = peer("b", 'site = "site-b"');
const MODULE = '[hybrid.module]\nlisten = "10.10.11.245:3001"\ncert = "m.crt"\nkey = "m.key"\nca = "m-ca.crt"\n';

function load(...tables: readonly string[]) {
  const folder = temporaryFolder();
  const file = path.join(folder, "agent.toml");
  writeFileSync(file, HEAD + tables.join(""));
  return { folder, config: loadConfig(file) };
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

test("nodes, peers of both kinds, and this end of conversations with modules; files are the configuration's neighbours", () => {
  const seed = ["allow_seed_fallback = true", 'shared_seed_file = "seed"', "compat_short_keys = true"];
  const other = peer("c", 'module = "10.10.11.246:3001"', ...seed);
  const { folder, config } = load(CERTIFICATE, NODE, B, other, MODULE);
  const { hybrid } = config;
  const usual = { compat_short_keys: false, allow_seed_fallback: false };
  expect(hybrid).toEqual({
    node: [{ id: "tn-1", uuid: A }],
    peer: [
      { uuid: uuid("b"), site: "site-b", ...usual },
      {
        uuid: uuid("c"),
        module: "10.10.11.246:3001",
        compat_short_keys: true,
        allow_seed_fallback: true,
        shared_seed_file: path.join(folder, "seed"),
      },
    ],
    module: {
      listen: "10.10.11.245:3001",
      cert: path.join(folder, "m.crt"),
      key: path.join(folder, "m.key"),
      ca: path.join(folder, "m-ca.crt"),
    },
  });
});

test("own nodes are partners too, with the usual settings or their own", () => {
  const second = `[[hybrid.node]]\nid = "tn-2"\nuuid = "${uuid("d")}"\n`;
  const own = peer("d", 'site = "site-a"', "compat_short_keys = true");
  const { hybrid } = load(CERTIFICATE, NODE, second, own, B).config;
  expect(hybrid).toBeDefined();
  if (hybrid === undefined) return;
  const known = partners(hybrid, "site-a");
  expect([...known].map(([id, each]) => [id[0], each.site, each.compat_short_keys])).toEqual([
    ["a", "site-a", false],
    ["d", "site-a", true],
    ["b", "site-b", false],
  ]);
  expect(sitesOf(hybrid, "site-a")).toEqual(["site-b"]);
});

test("what needs no other site needs no certificate", () => {
  expect(faultOf(NODE)).toBe("none");
  expect(faultOf(NODE, peer("a", 'site = "site-a"'))).toBe("none");
  expect(faultOf(NODE, peer("c", 'module = "10.0.0.2:3001"'), MODULE)).toBe("none");
});

const DIFFERENT = "a peer of this site has to be one of its [[hybrid.node]], and those are of no other site";

test.each([
  ["no nodes", ["[hybrid]\n"], "hybrid.node: missing"],
  ["an empty list of them", ["[hybrid]\nnode = []\n"], "at least one [[hybrid.node]] of this site is needed"],
  ["no UUID", ['[[hybrid.node]]\nid = "tn-1"\nuuid = "tn-1"\n'], "hybrid.node.0.uuid: shall be a UUID in lower case"],
  ["one in capitals", [NODE.replace(A, A.toUpperCase())], "shall be a UUID in lower case"],
  ["two nodes of one UUID", [NODE, NODE.replace("tn-1", "tn-2")], "two nodes have the same uuid"],
  ["two nodes of one id", [NODE, NODE.replace(A, uuid("d"))], "two nodes have the same id"],
  ["two peers of one UUID", [CERTIFICATE, NODE, B, B], "two peers have the same uuid"],
  ["a peer that is nowhere", [NODE, peer("b")], 'either site = "..." or module = "ADDRESS:PORT" shall be given'],
  ["one that is at two places", [NODE, peer("b", 'site = "b"', 'module = "b:1"')], "either site ="],
  ["a module without a port", [NODE, peer("b", 'module = "10.0.0.2"')], "shall be an address and a port"],
  ["a fallback without a seed", [NODE, peer("b", 'site = "b"', "allow_seed_fallback = true")], "shared_seed_file goes"],
  [
    "a seed without a fallback",
    [NODE, peer("b", 'site = "b"', 'shared_seed_file = "s"')],
    "shared_seed_file goes with",
  ],
  ["a module's peer, and no end for it", [NODE, peer("b", 'module = "10.0.0.2:1"')], "[hybrid.module] goes with peers"],
  ["an end for modules, and no peer", [NODE, MODULE], "[hybrid.module] goes with peers"],
  ["another site without a certificate", [NODE, B], "peers at other sites need [certificate]"],
  ["an own node elsewhere", [CERTIFICATE, NODE, peer("a", 'site = "site-b"')], DIFFERENT],
  ["a peer of this site that is no node", [CERTIFICATE, NODE, peer("b", 'site = "site-a"')], DIFFERENT],
  [
    "a service of the agents' own name",
    [CERTIFICATE, NODE, '[[service]]\nname = "hybrid"\nhost = "10.0.0.1"\nport = 1\n'],
    'no [[service]] can be called "hybrid": the agents\' own one is',
  ],
  [
    "one port for modules and for a listener",
    [
      CERTIFICATE,
      NODE,
      peer("b", 'module = "10.0.0.2:1"'),
      MODULE,
      '[[listen]]\nbind = "10.10.11.245"\nport = 3001\nsite = "b"\nservice = "s"\n',
    ],
    "two listeners have the same address",
  ],
  ["what is not known", [NODE, "[hybrid.modules]\n"], "hybrid.modules: no such field"],
])("what is wrong is told: %s", (_, tables, words) => {
  expect(faultOf(...tables)).toContain(words);
});

test("without [hybrid] a service may be called so", () => {
  expect(faultOf('[[service]]\nname = "hybrid"\nhost = "10.0.0.1"\nport = 1\n')).toBe("none");
});
