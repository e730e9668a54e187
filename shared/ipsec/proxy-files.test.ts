import { parseTOML } from "toml-eslint-parser";
import { describe, expect, test } from "vitest";
import { importProxy, proxyFile } from "./proxy-files.ts";

/** As QUBIP's repository has them. */
const CONFIG = {
  input_format: "json",
  proxy_agent_address: { host: "127.0.0.1", port: 3000 },
  log: { file: "logs/logfile.log", level: "DEBUG" },
  hybrid_module: {
    address: { host: "localhost", port: 24_030 },
    public_node_info_path: "./config/public_node_info.json",
    qkd_required_if_used: true,
  },
  ccips_agent: { address: { host: "localhost", port: 12_938 }, credentials: { username: "admin", password: "s3cret" } },
};
const node = (letter: string) => `${letter.repeat(8)}-${[4, 4, 4, 12].map((count) => letter.repeat(count)).join("-")}`;
const NODES = {
  "10.0.0.11/32": { node_id: node("a"), proxy_agent_ip: "192.168.159.35", role: { "192.168.123.200": "SERVER" } },
  "10.0.0.20": { node_id: node("b"), proxy_agent_ip: "192.168.159.21" },
  "192.168.123.300": { node_id: node("c"), proxy_agent_ip: "192.168.159.37", role: {} },
};
const AS = { node: "tn-1", sae: null };

describe("QUBIP's two files", () => {
  test("are known by what is in them", () => {
    expect([CONFIG, NODES, {}, [], null, { a: 1 }].map(proxyFile)).toEqual(["config", "nodes", null, null, null, null]);
  });

  test("become nodes of the network document", () => {
    const { nodes, warnings, problems, ignored } = importProxy(CONFIG, NODES, AS);
    const ipsec = { registry: "pfkey", compat: "ccips-agent", qkd_required: true };
    expect(nodes).toEqual([
      { uuid: node("a"), ipsec: { prefixes: ["10.0.0.11/32"], addresses: ["192.168.159.35"], ...ipsec } },
      { uuid: node("b"), ipsec: { prefixes: ["10.0.0.20/32"], addresses: ["192.168.159.21"], ...ipsec } },
    ]);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      "10.0.0.20: taken as 10.0.0.20/32",
      expect.stringMatching(/^192\.168\.123\.300: no IP prefix/),
    ]);
    expect(ignored.map(({ key }) => key)).toEqual([
      "ccips_agent.credentials.password",
      "10.0.0.11/32.role",
      "192.168.123.300.role",
      "192.168.123.300",
    ]);
  });

  test("become lines of agent.toml, without the password", () => {
    const imported = importProxy(CONFIG, NODES, AS);
    const toml = imported.toml.join("\n");
    expect(() => parseTOML(toml)).not.toThrow();
    expect(toml).toContain('[[ipsec]]\nnode = "tn-1"');
    expect(toml).toContain('hybrid_module = "localhost:24030"');
    expect(toml).toContain('[ipsec.netconf]\nhost = "localhost"\nport = 12938\nuser = "admin"');
    expect(toml).toContain('[ipsec.listen]\naddress = "127.0.0.1"\nport = 3000');
    expect(toml).toContain('[log.file]\nlevel = "debug"\npath = "logs/logfile.log"');
    expect(toml).not.toContain("insecure_lan");
    expect(JSON.stringify(imported)).not.toContain("s3cret");
    expect(importProxy(CONFIG, NODES, { node: "tn-1", sae: "sae-a" }).toml).toContain('sae = "sae-a"');
  });

  test("every key is told", () => {
    const { mapped, ignored } = importProxy(CONFIG, NODES, AS);
    const keys = new Set([...mapped, ...ignored].map(({ key }) => key));
    for (const key of [
      "input_format",
      "log.level",
      "log.file",
      "hybrid_module.qkd_required_if_used",
      "10.0.0.20.proxy_agent_ip",
    ]) {
      expect(keys).toContain(key);
    }
  });

  test("in the form before, open to other machines", () => {
    const before = {
      proxy_agent: { ip: "10.10.10.201", port: 3000, log: { file: "logs/logfile.log", level: "ERROR" } },
      hybrid_module: { address: ["10.10.10.211", 65_430] },
      ccips_agent: { address: ["ccips_agent", 830], user: "user", pass: "s3cret" },
    };
    const imported = importProxy(before, { "10.0.0.11/32": { id: node("a") } }, AS);
    expect(imported.problems).toEqual([]);
    expect(imported.toml.join("\n")).toContain('address = "10.10.10.201"\nport = 3000\n# Controllers');
    expect(imported.toml).toContain("insecure_lan = true");
    expect(imported.nodes).toMatchObject([{ ipsec: { addresses: [] } }]);
    expect(JSON.stringify(imported)).not.toContain("s3cret");
  });

  test("with what is wrong", () => {
    const wrong = { ...CONFIG, input_format: "yaml", extra: 1, ccips_agent: { address: { host: "h", port: 0 } } };
    const { problems, ignored } = importProxy(wrong, { "10.0.0.1": 5, "10.0.0.2": { node_id: "x" } }, AS);
    expect(problems).toEqual([
      'input_format: "yaml" is none of its values',
      "ccips_agent.address.port: 0 is none of its values",
      "ccips_agent.address: missing",
      "ccips_agent.credentials.username: missing",
      "10.0.0.1: not a node",
      "10.0.0.2.node_id: no UUID",
    ]);
    expect(ignored).toEqual([{ key: "extra", why: "a proxy agent knows no such key" }]);
  });
});
