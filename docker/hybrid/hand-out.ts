/**
 * What an operator brings to three sites: to each agent its one-time token, and the authority of the sites' certificates. For
 * docker/compose.hybrid.yaml, once the demo network is there. Runs as root, as the volumes are new; the agents' user gets them.
 *
 * node docker/hybrid/hand-out.ts STATE OUT
 */
import { chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const TOKENS = { alice: "enrol-agent-tn-1", bob: "enrol-agent-tn-2", charlie: "enrol-agent-tn-3" } as const;
const [state = "/var/lib/qkd-edge", out = "/handed-out"] = process.argv.slice(2);
/** The images' own user, whose agents read it. */
const { uid, gid } = statSync(state);
const tokens = JSON.parse(readFileSync(join(state, "tokens.json"), "utf8")) as Record<string, string>;
for (const [name, token] of Object.entries(TOKENS)) {
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "token"), tokens[token] ?? "", { mode: 0o600 });
  for (const file of ["ca.crt", "ca.key"]) copyFileSync(join(state, "certs", file), join(folder, file));
  for (const file of [".", "token", "ca.crt", "ca.key"]) chownSync(join(folder, file), uid, gid);
}
