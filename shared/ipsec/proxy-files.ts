/**
 * The two files of QUBIP's proxy agent, `proxy_agent.json` and `public_node_info.json`: what each key becomes in
 * `agent.toml` or the network document, or why it becomes nothing. Takes them as parsed, in the present form or the one
 * before (`cfgs/`). The password is a secret: its value is not repeated.
 */
import {
  hostOf,
  type IgnoredKey,
  type ImportedKeys,
  type KeyReader,
  type MappedKey,
  portOf,
  readersInto,
  readKeys,
  uuidOf,
} from "../imported-keys.ts";
import { isRecord } from "../records.ts";
import { canonicalPrefix } from "./addresses.ts";
import { type ProxyAs, type ProxyPlace, type ProxySettings, proxyToml } from "./proxy-toml.ts";

/** What a node's entry of the network document gets; the node itself is the one of this UUID. */
export interface ImportedNode {
  readonly uuid: string;
  readonly ipsec: {
    readonly prefixes: readonly string[];
    readonly addresses: readonly string[];
    readonly registry: "pfkey";
    readonly compat: "ccips-agent";
    readonly qkd_required: boolean;
  };
}

export interface ImportedProxy extends ImportedKeys {
  /** Lines of `agent.toml`. */
  readonly toml: readonly string[];
  readonly nodes: readonly ImportedNode[];
  /** What is taken, but is not what it seems. */
  readonly warnings: readonly string[];
}

export type ProxyFile = "config" | "nodes";

/** @returns which of the two it is, by what is in it; null for neither */
export function proxyFile(parsed: unknown): ProxyFile | null {
  if (!isRecord(parsed)) return null;
  if (isRecord(parsed["ccips_agent"]) && isRecord(parsed["hybrid_module"])) return "config";
  const entries = Object.values(parsed);
  return entries.length > 0 && entries.every((entry) => isRecord(entry) && nodeUuid(entry) !== null) ? "nodes" : null;
}

type Reader = KeyReader<ProxySettings>;

const textOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" && value.length <= 255 ? value : null;

/** `node_id` today, `id` before. */
const nodeUuid = (entry: Readonly<Record<string, unknown>>): string | null => uuidOf(entry["node_id"] ?? entry["id"]);

const reader = readersInto<ProxySettings>();

type PlaceName = {
  [Name in keyof ProxySettings]: ProxySettings[Name] extends ProxyPlace ? Name : never;
}[keyof ProxySettings];
const host = (name: PlaceName, becomes: string): Reader =>
  reader(hostOf, (settings, value) => {
    settings[name].host = value;
    return becomes;
  });
const port = (name: PlaceName, becomes: string): Reader =>
  reader(portOf, (settings, value) => {
    settings[name].port = value;
    return becomes;
  });

const LEVELS: Readonly<Record<string, string>> = {
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
  critical: "error",
};
const levelOf = (value: unknown): string | null => LEVELS[textOf(value)?.toLowerCase() ?? ""] ?? null;

const LISTEN = "[ipsec.listen]";
const NETCONF = "[ipsec.netconf]";
const MODULE = "[[ipsec]] hybrid_module, unless the agent makes the keys itself: sae";
const user = reader(textOf, (settings, value) => {
  settings.user = value;
  return `${NETCONF} user`;
});
const logFile = reader(textOf, (settings, value) => {
  settings.log.file = value;
  return "[log.file] path: relative to agent.toml";
});
const logLevel = reader(levelOf, (settings, value) => {
  settings.log.level = value;
  return `[log.file] level = "${value}"; no key is ever in a log`;
});

const READERS: Readonly<Record<string, Reader>> = {
  input_format: (value) =>
    value === "json" || value === "xml" ? "nothing to be set: JSON and XML are both read, whichever comes" : null,
  "proxy_agent_address.host": host("listen", `${LISTEN} address`),
  "proxy_agent_address.port": port("listen", `${LISTEN} port`),
  "log.file": logFile,
  "log.level": logLevel,
  "hybrid_module.address.host": host("hybridModule", MODULE),
  "hybrid_module.address.port": port("hybridModule", MODULE),
  "hybrid_module.public_node_info_path": (value) => (textOf(value) === null ? null : "the other file: nodes[].ipsec"),
  "hybrid_module.qkd_required_if_used": reader(
    (value) => (typeof value === "boolean" ? value : null),
    (settings, isRequired) => {
      settings.qkdRequired = isRequired;
      return `nodes[].ipsec.qkd_required = ${isRequired}`;
    },
  ),
  "ccips_agent.address.host": host("netconf", `${NETCONF} host`),
  "ccips_agent.address.port": port("netconf", `${NETCONF} port`),
  "ccips_agent.credentials.username": user,
  // The form before.
  "proxy_agent.ip": host("listen", `${LISTEN} address`),
  "proxy_agent.port": port("listen", `${LISTEN} port`),
  "proxy_agent.log.file": logFile,
  "proxy_agent.log.level": logLevel,
  "hybrid_module.address.0": host("hybridModule", MODULE),
  "hybrid_module.address.1": port("hybridModule", MODULE),
  "ccips_agent.address.0": host("netconf", `${NETCONF} host`),
  "ccips_agent.address.1": port("netconf", `${NETCONF} port`),
  "ccips_agent.user": user,
};

const PASSWORD = `a secret, and so not repeated: write it into a file of mode 0600, ${NETCONF} password_file`;
const IGNORED: Readonly<Record<string, string>> = {
  "ccips_agent.credentials.password": PASSWORD,
  "ccips_agent.pass": PASSWORD,
};
const UNKNOWN = "a proxy agent knows no such key";
const ROLE = "the proxy agent never looks at it: who is source is told by an entry's traffic selector";

/** Values without which there is nothing to connect; `port` stands for the place. */
const NEEDED: readonly (readonly [what: string, isThere: (settings: ProxySettings) => boolean])[] = [
  ["proxy_agent_address", ({ listen }) => listen.port > 0 && listen.host !== ""],
  ["hybrid_module.address", ({ hybridModule }) => hybridModule.port > 0 && hybridModule.host !== ""],
  ["ccips_agent.address", ({ netconf }) => netconf.port > 0 && netconf.host !== ""],
  ["ccips_agent.credentials.username", (settings) => settings.user !== ""],
];

interface Draft {
  readonly settings: ProxySettings;
  readonly mapped: MappedKey[];
  readonly ignored: IgnoredKey[];
  readonly problems: string[];
  readonly warnings: string[];
  readonly nodes: Map<string, { readonly prefixes: Set<string>; readonly addresses: Set<string> }>;
}

/** @param config, nodes what the two files hold */
export function importProxy(config: unknown, nodes: unknown, as: ProxyAs): ImportedProxy {
  const draft: Draft = { settings: blank(), mapped: [], ignored: [], problems: [], warnings: [], nodes: new Map() };
  readConfig(config, draft);
  for (const [prefix, entry] of Object.entries(isRecord(nodes) ? nodes : {})) {
    if (isRecord(entry)) readNode(prefix, entry, draft);
    else draft.problems.push(`${prefix}: not a node`);
  }
  const { settings, mapped, ignored, problems, warnings } = draft;
  return { mapped, ignored, problems, warnings, toml: proxyToml(settings, as), nodes: nodesOf(draft) };
}

const blank = (): ProxySettings => ({
  listen: { host: "", port: 0 },
  hybridModule: { host: "", port: 0 },
  netconf: { host: "", port: 0 },
  user: "",
  log: { file: "", level: "info" },
  qkdRequired: false,
});

function readConfig(config: unknown, draft: Draft): void {
  const { settings, problems } = draft;
  readKeys(leavesOf(config, ""), { readers: READERS, ignored: IGNORED, unknown: UNKNOWN }, settings, draft);
  for (const [what, isThere] of NEEDED) if (!isThere(settings)) problems.push(`${what}: missing`);
}

/** The files have three levels. */
const DEPTH = 4;

function* leavesOf(value: unknown, at: string, depth = DEPTH): Generator<readonly [key: string, value: unknown]> {
  if (typeof value !== "object" || value === null || depth === 0) {
    if (at !== "") yield [at, value];
    return;
  }
  for (const [name, inner] of Object.entries(value))
    yield* leavesOf(inner, at === "" ? name : `${at}.${name}`, depth - 1);
}

const NODE_KEYS: ReadonlySet<string> = new Set(["node_id", "id", "proxy_agent_ip", "role"]);

function readNode(text: string, entry: Readonly<Record<string, unknown>>, draft: Draft): void {
  const { mapped, ignored, problems, warnings } = draft;
  const uuid = nodeUuid(entry);
  if (uuid === null) {
    problems.push(`${text}.node_id: no UUID`);
    return;
  }
  for (const key of Object.keys(entry)) if (!NODE_KEYS.has(key)) ignored.push({ key: `${text}.${key}`, why: UNKNOWN });
  if (entry["role"] !== undefined) ignored.push({ key: `${text}.role`, why: ROLE });
  const prefix = canonicalPrefix(text);
  if (prefix === null) {
    warnings.push(`${text}: no IP prefix, and so never that of an entry: left out`);
    ignored.push({ key: text, why: "no IP prefix" });
    return;
  }
  if (prefix !== text) warnings.push(`${text}: taken as ${prefix}`);
  mapped.push({ key: text, becomes: `nodes[].ipsec.prefixes of the node with the UUID ${uuid}` });
  const node = draft.nodes.get(uuid) ?? { prefixes: new Set(), addresses: new Set() };
  draft.nodes.set(uuid, node);
  node.prefixes.add(prefix);
  readAddress(text, entry["proxy_agent_ip"], node.addresses, draft);
}

/** The form before has none. */
function readAddress(text: string, value: unknown, addresses: Set<string>, { mapped, problems }: Draft): void {
  const key = `${text}.proxy_agent_ip`;
  const address = hostOf(value);
  if (value === undefined) return;
  if (address === null) problems.push(`${key}: no address`);
  else {
    addresses.add(address);
    mapped.push({ key, becomes: "nodes[].ipsec.addresses: what /createqkd names as endpoints" });
  }
}

const nodesOf = ({ nodes, settings }: Draft): readonly ImportedNode[] =>
  [...nodes].map(([uuid, { prefixes, addresses }]) => ({
    uuid,
    ipsec: {
      prefixes: [...prefixes],
      addresses: [...addresses],
      registry: "pfkey",
      compat: "ccips-agent",
      qkd_required: settings.qkdRequired,
    },
  }));
