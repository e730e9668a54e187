/** `--ipsec-hosts FILE`: how the demo's agents reach the IPsec hosts of their nodes, by NETCONF. Its paths are relative to it. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { parseToml } from "../../shared/toml.ts";
import { NETCONF_PATHS, type NetconfConfig, NetconfSchema } from "../../tunnel/services/netconf/config.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { HOST } from "./ports.ts";

/** By node. */
export type IpsecHosts = Readonly<Record<string, NetconfConfig>>;

/** What a node's host is called while nobody has said which it is: without the password's file nothing is ever dialled. */
const UNSAID: NetconfConfig = {
  host: HOST,
  port: 830,
  user: "netconf",
  password_file: "ipsec-host-password",
  host_key_file: "ipsec-host-key",
  timeout_ms: 10_000,
  keep_alive_ms: 15_000,
};

export const hostOf = (hosts: IpsecHosts, node: string): NetconfConfig => hosts[node] ?? UNSAID;

/** @param nodes that may have one @throws StartFailure with the first fault */
export function readIpsecHosts(file: string, nodes: readonly string[]): IpsecHosts {
  const invalid = (where: string, reason: string): StartFailure =>
    new StartFailure(`--ipsec-hosts ${file}${where}: ${reason}`);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    throw invalid("", `cannot be read: ${messageOf(thrown)}`);
  }
  const parsed = parseToml(text, v.record(v.string(), NetconfSchema));
  if (!parsed.ok) {
    const [fault] = parsed.error;
    throw invalid(`:${fault?.line}`, [fault?.field, fault?.message].filter(Boolean).join(": "));
  }
  const stranger = Object.keys(parsed.value).find((node) => !nodes.includes(node));
  if (stranger !== undefined) throw invalid("", `${stranger} is none of ${nodes.join(", ")}`);
  const folder = dirname(resolve(file));
  return Object.fromEntries(Object.entries(parsed.value).map(([node, host]) => [node, withPathsFrom(folder, host)]));
}

const withPathsFrom = (folder: string, host: NetconfConfig): NetconfConfig => ({
  ...host,
  ...Object.fromEntries(
    NETCONF_PATHS.flatMap((name) => (host[name] === undefined ? [] : [[name, resolve(folder, host[name])]])),
  ),
});
