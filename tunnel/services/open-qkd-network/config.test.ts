import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { loadConfig } from "../../agent/config/load.ts";
import { AgentFailure } from "../../agent/failure.ts";

const HEAD = 'edge = "https://edge.example"\nsite = "site-a"\n';

function load(...tables: readonly string[]) {
  const file = path.join(temporaryFolder(), "agent.toml");
  writeFileSync(file, HEAD + tables.map((table) => `[[open_qkd_network]]\n${table}\n`).join(""));
  return loadConfig(file).open_qkd_network;
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

test("the ports that kms.conf has, on this machine", () => {
  expect(load('node = "tn-1"')).toEqual([
    {
      node: "tn-1",
      address: "127.0.0.1",
      token_port: 9992,
      api_port: 8095,
      allow: [],
      insecure_lan: false,
      hosts: [],
      users: {},
    },
  ]);
  expect(load('node = "tn-1"\nusers = { pwebb = "site2" }')).toMatchObject([{ users: { pwebb: "site2" } }]);
});

test("what cannot be is told with its line", () => {
  expect(faultOf("token_port = 1")).toContain("node");
  expect(faultOf('node = "tn-1"', 'node = "tn-1"\ntoken_port = 1\napi_port = 2')).toContain("of the same node");
  expect(faultOf('node = "tn-1"\ntoken_port = 8095')).toContain("two listeners have the same address");
  expect(faultOf('node = "tn-1"', 'node = "tn-2"')).toContain("two listeners have the same address");
  expect(faultOf('node = "tn-1"\naddress = "10.0.0.1"')).toContain("needs insecure_lan = true and allow");
  expect(faultOf('node = "tn-1"\naddress = "10.0.0.1"\ninsecure_lan = true')).toContain("and allow");
  expect(faultOf('node = "tn-1"\naddress = "10.0.0.1"\ninsecure_lan = true\nallow = ["10.0.0.0/8"]')).toBe("none");
  expect(faultOf('node = "tn-1"\nusers = { pwebb = "" }')).toContain("shall not be empty");
  expect(faultOf('node = "tn-1"\npassword = "bot"')).toMatch(/agent\.toml:\d+: /);
});
