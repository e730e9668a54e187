/** What `qkd import` prints of a hybridization module's files is an `agent.toml`. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { importModule } from "../../../shared/hybrid/original-config.ts";
import { parseToml } from "../../../shared/toml.ts";
import { AgentConfigSchema } from "../../agent/config/schema.ts";

const EXAMPLES = path.join(import.meta.dirname, "../../../examples/hybrid");
const read = (name: string): unknown => JSON.parse(readFileSync(path.join(EXAMPLES, name), "utf8"));
const TOP = ['edge = "https://edge.example"', 'site = "site-a"', ""];

test.each([
  ["alice", "10.10.11.245", ["10.10.11.246:3001", "10.10.11.247:3001"]],
  ["bob", "10.10.11.246", ["10.10.11.245:3001", "10.10.11.247:3001"]],
  ["charlie", "10.10.11.247", ["10.10.11.245:3001", "10.10.11.246:3001"]],
])("%s", (name, host, modules) => {
  const as = { node: "tn-1", sae: "sae-a" };
  const { toml } = importModule(read(`${name}/config.json`), read(`${name}/trusted_peers_info.json`), as);
  const seeds = toml.map((line) => line.replace(/^# (?=allow_seed|shared_seed)/, ""));
  for (const lines of [toml, seeds]) {
    const parsed = parseToml([...TOP, ...lines].join("\n"), AgentConfigSchema);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const { etsi004, hybrid, log } = parsed.value;
    expect(etsi004).toMatchObject([{ kind: "json-tcp", address: host, port: 65_430, insecure_lan: true }]);
    expect(hybrid?.peer.map(({ module }) => module)).toEqual(modules);
    expect(hybrid?.peer.every((peer) => peer.allow_seed_fallback === (lines === seeds))).toBe(true);
    expect(hybrid?.module?.listen).toBe(`${host}:3001`);
    expect(log).toMatchObject({ console: { level: "info" }, file: { level: "debug", path: "hybrid.log" } });
  }
});
