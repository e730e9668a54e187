/**
 * The two files of a hybridization module (QUBIP), `config.json` and `trusted_peers_info.json`: what each key becomes in
 * `agent.toml`, or why it becomes nothing. Takes them as parsed. A seed is a secret: its value is not repeated.
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
import {
  agentToml,
  type ImportAs,
  isForThisMachineOnly,
  ORIGINAL_LEVELS,
  type OriginalLevel,
  type OriginalPlace,
  type OriginalSettings,
} from "./original-toml.ts";

export interface ImportedModule extends ImportedKeys {
  /** Lines of `agent.toml`. */
  readonly toml: readonly string[];
}

export type OriginalFile = "config" | "peers";

/** @returns which of the two it is, by what is in it; null for neither */
export function originalFile(parsed: unknown): OriginalFile | null {
  if (!isRecord(parsed)) return null;
  if (isRecord(parsed["hybridization_server_address"]) && isRecord(parsed["peer_local_address"])) return "config";
  const entries = Object.values(parsed);
  return entries.length > 0 && entries.every((entry) => isRecord(entry) && isRecord(entry["address"])) ? "peers" : null;
}

type Reader = KeyReader<OriginalSettings>;

const pathOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" && value.length <= 4096 ? value : null;

function levelOf(value: unknown): OriginalLevel | null {
  const text = typeof value === "string" ? value.toLowerCase() : "";
  return ORIGINAL_LEVELS.find((level) => level === text) ?? null;
}

const reader = readersInto<OriginalSettings>();

const certificate = (name: "cert" | "key" | "ca"): Reader =>
  reader(pathOf, (settings, path) => {
    settings.certificate[name] = path;
    return `[hybrid.module] ${name}: the same file, as this machine calls it`;
  });

const LAN_NOTE = "with insecure_lan = true, as other machines reach it: name them in allow";

const READERS: Readonly<Record<string, Reader>> = {
  uuid: reader(uuidOf, (settings, uuid) => {
    settings.uuid = uuid;
    return "[[hybrid.node]] uuid";
  }),
  "logging_config.console_log_type": reader(levelOf, (settings, level) => {
    settings.console.level = level;
    return `[log.console] level = "${level}"`;
  }),
  "logging_config.colorless_console_log": reader(
    (value) => (typeof value === "boolean" ? value : null),
    (settings, isColorless) => {
      settings.console.isColorless = isColorless;
      return isColorless ? "[log.console] color = false" : "[log.console] without color: where it is a terminal";
    },
  ),
  "logging_config.file_log_type": reader(levelOf, (settings, level) => {
    settings.file.level = level;
    return level === "none" ? "no [log.file]" : `[log.file] level = "${level}"`;
  }),
  "logging_config.filename": reader(
    (value) => (value === "" ? "hybrid.log" : pathOf(value)),
    (settings, path) => {
      settings.file.path = path;
      return "[log.file] path: relative to agent.toml";
    },
  ),
  "certificate_config.cert_authority_path": certificate("ca"),
  "certificate_config.cert_path": certificate("cert"),
  "certificate_config.key_path": certificate("key"),
  "hybridization_server_address.host": reader(hostOf, (settings, host) => {
    settings.server.host = host;
    return `[[etsi004]] json-tcp address${isForThisMachineOnly(settings.server) ? "" : `, ${LAN_NOTE}`}`;
  }),
  "hybridization_server_address.port": reader(portOf, (settings, port) => {
    settings.server.port = port;
    return `[[etsi004]] json-tcp port = ${port}`;
  }),
  "peer_local_address.host": reader(hostOf, (settings, host) => {
    settings.peerLocal.host = host;
    return "[hybrid.module] listen";
  }),
  "peer_local_address.port": reader(portOf, (settings, port) => {
    settings.peerLocal.port = port;
    return "[hybrid.module] listen";
  }),
};

const QKD_NOTE = "QKD key comes from the edge, through the agent's tunnel: there is no QKD node to be named";
const IGNORED: Readonly<Record<string, string>> = {
  "qkd_address.host": QKD_NOTE,
  "qkd_address.port": QKD_NOTE,
  "certificate_config.certificate_ip":
    "the module certifies itself for it at each start; here a certificate is taken as it is: it has to name the address by which peers reach this end",
};

const NEEDED = [
  "uuid",
  "certificate_config.cert_authority_path",
  "certificate_config.cert_path",
  "certificate_config.key_path",
  "hybridization_server_address.host",
  "hybridization_server_address.port",
  "peer_local_address.host",
  "peer_local_address.port",
] as const;

const UNKNOWN = "a hybridization module knows no such key";
const SEED_NOTE =
  "a secret, and so not repeated: write it into a file of mode 0600 and name that as shared_seed_file with allow_seed_fallback = true, if one source's key shall be combined with it";

interface Draft {
  readonly settings: OriginalSettings;
  readonly mapped: MappedKey[];
  readonly ignored: IgnoredKey[];
  readonly problems: string[];
}

/** @param config, peers what the two files hold */
export function importModule(config: unknown, peers: unknown, as: ImportAs): ImportedModule {
  const draft: Draft = { settings: blank(), mapped: [], ignored: [], problems: [] };
  readConfig(config, draft);
  readPeers(peers, draft);
  const { settings, ...keys } = draft;
  return { ...keys, toml: agentToml(settings, as) };
}

const blank = (): OriginalSettings => ({
  uuid: "",
  server: { host: "", port: 0 },
  peerLocal: { host: "", port: 0 },
  certificate: { cert: "", key: "", ca: "" },
  console: { level: "info", isColorless: false },
  file: { level: "none", path: "hybrid.log" },
  peers: [],
});

function readConfig(config: unknown, draft: Draft): void {
  const keys = new Map(isRecord(config) ? entriesOf(config) : []);
  readKeys(keys, { readers: READERS, ignored: IGNORED, unknown: UNKNOWN }, draft.settings, draft);
  for (const key of NEEDED) if (!keys.has(key)) draft.problems.push(`${key}: missing`);
}

/** Keys of the two levels that the file has. */
function* entriesOf(config: Readonly<Record<string, unknown>>): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(config)) {
    if (isRecord(value)) for (const [member, inner] of Object.entries(value)) yield [`${name}.${member}`, inner];
    else yield [name, value];
  }
}

function readPeers(peers: unknown, draft: Draft): void {
  for (const [name, entry] of Object.entries(isRecord(peers) ? peers : {})) {
    if (isRecord(entry)) readPeer(name, entry, draft);
    else draft.problems.push(`${name}: not a peer`);
  }
}

function readPeer(
  name: string,
  { address, shared_seed: seed, ...others }: Readonly<Record<string, unknown>>,
  { settings, mapped, ignored, problems }: Draft,
): void {
  const uuid = uuidOf(name);
  const place = placeOf(address);
  if (uuid === null) problems.push(`${name}: no UUID`);
  else if (uuid === settings.uuid) {
    ignored.push({ key: name, why: "this node itself, which is no peer of its own" });
    return;
  } else if (place === null) problems.push(`${name}.address: no host with a port`);
  else {
    settings.peers.push({ uuid, place, hasSeed: seed !== undefined });
    mapped.push({ key: `${name}.address`, becomes: "[[hybrid.peer]] uuid, module" });
  }
  if (seed !== undefined) ignored.push({ key: `${name}.shared_seed`, why: SEED_NOTE });
  for (const key of Object.keys(others)) ignored.push({ key: `${name}.${key}`, why: UNKNOWN });
}

function placeOf(address: unknown): OriginalPlace | null {
  if (!isRecord(address)) return null;
  const [host, port] = [hostOf(address["host"]), portOf(address["port"])];
  return host === null || port === null ? null : { host, port };
}
