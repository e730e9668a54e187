/**
 * `qkd-agent host-key agent.toml`: the SSH keys that the IPsec hosts show, for somebody to compare with what the hosts
 * themselves say, and to pin.
 */
import { appendFile, mkdir } from "node:fs/promises";
import path from "node:path";
import type { IpsecConfig } from "../services/ipsec/config.ts";
import type { NetconfConfig } from "../services/netconf/config.ts";
import { fetchHostKey, hostKeyFault, pinsFor } from "../services/netconf/host-key.ts";
import { reasonOf } from "./reason.ts";

export interface Dialogue {
  readonly print: (line: string) => void;
  /** Null: there is nobody to answer. */
  readonly ask: (question: string) => Promise<string | null>;
}

/** @returns whether each host's key is pinned now */
export async function pinHostKeys(configs: readonly IpsecConfig[], dialogue: Dialogue): Promise<boolean> {
  let arePinned = true;
  for (const { node, netconf } of configs) {
    try {
      arePinned = (await pinOne(node, netconf, dialogue)) && arePinned;
    } catch (thrown) {
      dialogue.print(`FAILED  ipsec of ${node}: ${reasonOf(thrown)}`);
      arePinned = false;
    }
  }
  return arePinned;
}

async function pinOne(node: string, config: NetconfConfig, { print, ask }: Dialogue): Promise<boolean> {
  const shown = await fetchHostKey(config, config.timeout_ms);
  const name = `ipsec of ${node}`;
  if (!shown.ok) {
    print(`FAILED  ${name}: ${shown.error.message}`);
    return false;
  }
  const { key, type, fingerprint, line } = shown.value;
  const pins = await pinsFor(config);
  if (pins !== null) {
    const fault = hostKeyFault(key, pins, config);
    if (fault === null) print(`ok      ${name}: ${type} ${fingerprint}, as pinned`);
    else
      print(`FAILED  ${name}: ${fault.message}. If the host has a new key, take the old one out of ${whereOf(config)}`);
    return fault === null;
  }
  print(`${name}: ${config.host} port ${config.port} shows ${type} ${fingerprint}`);
  print(
    `On the host itself, \`ssh-keygen -l -f /etc/ssh/ssh_host_${SHORT[type] ?? "..."}_key.pub\` tells which it has.`,
  );
  const { host_key_file: file = "" } = config;
  const answer = await ask(`Is it the same? Then type yes, and it is written into ${file}: `);
  if (answer?.trim() !== "yes") {
    print(`FAILED  ${name}: not pinned. The line would be: ${line}`);
    return false;
  }
  await mkdir(path.dirname(file), { recursive: true });
  await appendFile(file, `${line}\n`, { mode: 0o644 });
  print(`ok      ${name}: pinned in ${file}`);
  return true;
}

const whereOf = ({ host_key_file: file }: NetconfConfig): string => file ?? "agent.toml (host_key)";

/** As such files are called. */
const SHORT: Readonly<Record<string, string>> = {
  "ssh-ed25519": "ed25519",
  "ssh-rsa": "rsa",
  "ecdsa-sha2-nistp256": "ecdsa",
  "ecdsa-sha2-nistp384": "ecdsa",
  "ecdsa-sha2-nistp521": "ecdsa",
};
