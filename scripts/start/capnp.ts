/**
 * The engine's configuration (workerd's Cap'n Proto text). It holds no secret: those come by environment. The Worker calls
 * out to no address but those of other deployments in the network document; unix sockets are out of its reach.
 */

/**
 * Durable Object classes and where their data lies. A unique key never changes: with another one, the engine would
 * look for the data elsewhere, and find none. A test holds the table equal to wrangler.toml.
 */
export const OBJECT_CLASSES = [
  { className: "Directory", binding: "DIRECTORY", uniqueKey: "qkd-edge-directory" },
  { className: "KeyPool", binding: "KEY_POOL", uniqueKey: "qkd-edge-key-pool" },
  { className: "KeyStream", binding: "KEY_STREAM", uniqueKey: "qkd-edge-key-stream" },
  { className: "QkdModule", binding: "QKD_MODULE", uniqueKey: "qkd-edge-qkd-module" },
  { className: "LegacyNode", binding: "LEGACY_NODE", uniqueKey: "qkd-edge-legacy-node" },
  { className: "AuditLog", binding: "AUDIT_LOG", uniqueKey: "qkd-edge-audit-log" },
  { className: "TunnelHub", binding: "TUNNEL_HUB", uniqueKey: "qkd-edge-tunnel-hub" },
  { className: "TrustedNode", binding: "TRUSTED_NODE", uniqueKey: "qkd-edge-trusted-node" },
  { className: "KmsPeer", binding: "KMS_PEER", uniqueKey: "qkd-edge-kms-peer" },
  { className: "ProxyAgent", binding: "PROXY_AGENT", uniqueKey: "qkd-edge-proxy-agent" },
  { className: "TokenIssuer", binding: "TOKEN_ISSUER", uniqueKey: "qkd-edge-token-issuer" },
  { className: "Room", binding: "ROOM", uniqueKey: "qkd-edge-room" },
  { className: "Monitor", binding: "MONITOR", uniqueKey: "qkd-edge-monitor" },
  { className: "OperatorSessions", binding: "OPERATOR_SESSIONS", uniqueKey: "qkd-edge-operator-sessions" },
] as const;

export const COMPATIBILITY_DATE = "2026-10-01";
export const COMPATIBILITY_FLAGS = ["no_web_socket_compression"] as const;

/** Sockets by name, as the engine reports them. */
export const SOCKETS = { fronts: "fronts", edge: "edge" } as const;

export interface EngineSettings {
  /** Folder of the objects' data. */
  readonly storage: string;
  /** Folder of the pages' files: an absolute path. */
  readonly pages: string;
  /** Unix socket of the keeper of the epoch keys. */
  readonly epochKeysSocket: string;
  /** Unix socket of the fronts; only here may `request.cf` be set from outside. */
  readonly frontsSocket: string;
  /** Host and port of the edge; port 0 for a free one. */
  readonly edgeAddress: string;
  /** Files of the bundle, relative to the configuration. The first is the entry. */
  readonly modules: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  /** Names of environment variables that become bindings. */
  readonly secrets: readonly string[];
  /** PEM, one certificate each: trusted with the TLS of other deployments, as those that browsers trust are. */
  readonly authorities: readonly string[];
}

export function engineConfig(settings: EngineSettings): string {
  const { storage, pages, epochKeysSocket, frontsSocket, edgeAddress, modules, vars, secrets, authorities } = settings;
  const bindings = [
    ...Object.entries(vars).map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`),
    ...secrets.map((name) => `(name = ${quoted(name)}, fromEnvironment = ${quoted(name)})`),
    '(name = "EPOCH_KEYS", service = "epoch-keys")',
    '(name = "ASSETS", service = "pages")',
    ...OBJECT_CLASSES.map(
      ({ binding, className }) => `(name = ${quoted(binding)}, durableObjectNamespace = ${quoted(className)})`,
    ),
  ];
  const namespaces = OBJECT_CLASSES.map(
    ({ className, uniqueKey }) =>
      `(className = ${quoted(className)}, uniqueKey = ${quoted(uniqueKey)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "disk", disk = (path = ${quoted(storage)}, writable = true)),
    (name = "pages", disk = (path = ${quoted(pages)}, writable = false)),
    (name = "epoch-keys", external = (address = ${quoted(`unix:${epochKeysSocket}`)}, http = ())),
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true, trustedCertificates = ${list(authorities.map(quoted))}))),
  ],
  sockets = [
    (name = ${quoted(SOCKETS.fronts)}, address = ${quoted(`unix:${frontsSocket}`)}, http = (cfBlobHeader = "X-Cf-Blob"), service = "main"),
    (name = ${quoted(SOCKETS.edge)}, address = ${quoted(edgeAddress)}, http = (), service = "main"),
  ],
);

const main :Workerd.Worker = (
  modules = ${list(modules.map((file) => moduleOf(file)))},
  compatibilityDate = ${quoted(COMPATIBILITY_DATE)},
  compatibilityFlags = ${list(COMPATIBILITY_FLAGS.map(quoted))},
  bindings = ${list(bindings)},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "disk"),
);
`;
}

const KINDS: Readonly<Record<string, string>> = {
  js: "esModule",
  mjs: "esModule",
  wasm: "wasm",
  bin: "data",
  txt: "text",
};

/** @param from where it lies, if under another name than it is imported by */
export function moduleOf(file: string, from = file): string {
  const kind = KINDS[file.split(".").at(-1) ?? ""];
  if (kind === undefined) throw new Error(`no module kind for ${file}`);
  return `(name = ${quoted(file)}, ${kind} = embed ${quoted(from)})`;
}

export const isModule = (file: string): boolean => (file.split(".").at(-1) ?? "") in KINDS;

const list = (items: readonly string[]): string => `[\n${items.map((item) => `    ${item},\n`).join("")}  ]`;
/** Cap'n Proto's text strings escape as C's do; JSON's escapes are among them, once non-ASCII characters stay as they are. */
const quoted = (text: string): string => JSON.stringify(text);
