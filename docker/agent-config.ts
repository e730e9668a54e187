/**
 * agent.toml from the build arguments of the originals' images: CFGFILE and TRUSTED_PEERS_INFO of a hybridization module, or
 * CFGFILE and PUBLIC_NODE_INFO of a proxy agent; and AGENT_TOML, lines of agent.toml that these do not tell of. No CFGFILE:
 * no file, it is mounted.
 *
 * node docker/agent-config.ts FILE
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const TOKEN_FILE = "/run/secrets/qkd-agent-token";
const STATE = "/var/lib/qkd-agent";

/** Names of files are relative to agent.toml, in whose folder an image has none of them. */
const PLACES = [
  [/^(password_file|host_key_file|(?:# )?shared_seed_file) = "(?!\/)/gm, '$1 = "/run/secrets/'],
  [/^path = "(?!\/)(?:[^"]*\/)?/gm, `path = "${STATE}/`],
] as const;

const given = (name: string): string => process.env[name]?.trim() ?? "";

function fail(reason: string): never {
  process.stderr.write(`docker/agent-config.ts: ${reason}\n`);
  process.exit(1);
}

const [out = fail("which file shall it write?")] = process.argv.slice(2);
const files = ["CFGFILE", "TRUSTED_PEERS_INFO", "PUBLIC_NODE_INFO"].map(given).filter((file) => file !== "");
if (files.length > 0) {
  if (given("CFGFILE") === "") fail("TRUSTED_PEERS_INFO and PUBLIC_NODE_INFO go with CFGFILE");
  for (const name of ["EDGE", "SITE"]) if (given(name) === "") fail(`${name} is missing: which edge, of which site?`);
  const options = ["--node", given("NODE"), "--sae", given("SAE")];
  const args = ["cli/qkd.ts", "import", "--json", ...files, ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) fail(stderr.trim());
  const { toml } = JSON.parse(stdout) as { toml: string };
  const more = given("AGENT_TOML") === "" ? "" : readFileSync(given("AGENT_TOML"), "utf8");
  const head = { edge: given("EDGE"), site: given("SITE"), token_file: TOKEN_FILE, state: STATE };
  const lines = Object.entries(head).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const placed = PLACES.reduce((text, [name, place]) => text.replace(name, place), toml);
  writeFileSync(out, `${lines.join("\n")}\n\n${placed}\n${more}`, { mode: 0o644 });
}
