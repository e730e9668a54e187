/** A hybridization module's settings, as lines of `agent.toml`. */

export const ORIGINAL_LEVELS = ["none", "debug", "info", "warning", "error"] as const;
export type OriginalLevel = (typeof ORIGINAL_LEVELS)[number];

export interface OriginalPlace {
  host: string;
  port: number;
}

export interface OriginalPeer {
  readonly uuid: string;
  readonly place: OriginalPlace;
  readonly hasSeed: boolean;
}

export interface OriginalSettings {
  uuid: string;
  readonly server: OriginalPlace;
  readonly peerLocal: OriginalPlace;
  readonly certificate: { cert: string; key: string; ca: string };
  readonly console: { level: OriginalLevel; isColorless: boolean };
  readonly file: { level: OriginalLevel; path: string };
  readonly peers: OriginalPeer[];
}

/** What the module has no word for: the node's name here, and the application it serves. */
export interface ImportAs {
  readonly node: string;
  readonly sae: string;
}

/** A basic string (TOML 1.0): what JSON escapes it reads alike. */
const quoted = (text: string): string => JSON.stringify(text);
const placeText = ({ host, port }: OriginalPlace): string =>
  quoted(`${host.includes(":") ? `[${host}]` : host}:${port}`);

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i;
const ANY = /^(?:0\.0\.0\.0|::)$/;

/** Of the addresses that may connect at least one has to be named: this machine's own, to begin with. */
const firstAllowed = (host: string): string => (ADDRESS.test(host) && !ANY.test(host) ? host : "127.0.0.1");

export const isForThisMachineOnly = ({ host }: OriginalPlace): boolean => LOOPBACK.test(host);

function applications({ server }: OriginalSettings, { node, sae }: ImportAs): readonly string[] {
  const lines = [
    "[[etsi004]]",
    'kind = "json-tcp"',
    `address = ${quoted(server.host)}`,
    `port = ${server.port}`,
    `sae = ${quoted(sae)}`,
    `node = ${quoted(node)}`,
  ];
  if (isForThisMachineOnly(server)) return lines;
  return [
    ...lines,
    "# Other machines reach it without TLS and prove nothing, as they do today; an alarm stands while this is so.",
    "insecure_lan = true",
    "# This machine may anyway: name those of the applications.",
    `allow = [${quoted(firstAllowed(server.host))}]`,
  ];
}

const seedLines = (uuid: string): readonly string[] => [
  "# Only where one source's key shall be combined with the seed's, the same for ever: the seed in a file of mode 0600.",
  "# allow_seed_fallback = true",
  `# shared_seed_file = ${quoted(`${uuid}.seed`)}`,
];

const peer = ({ uuid, place, hasSeed }: OriginalPeer): readonly string[] => [
  "[[hybrid.peer]]",
  `uuid = ${quoted(uuid)}`,
  `module = ${placeText(place)}`,
  ...(hasSeed ? seedLines(uuid) : []),
];

function log({ console: own, file }: OriginalSettings): readonly (readonly string[])[] {
  const color = own.isColorless ? ["color = false"] : [];
  const lines = [["[log.console]", `level = ${quoted(own.level)}`, ...color]];
  if (file.level === "none") return lines;
  return [...lines, ["[log.file]", `level = ${quoted(file.level)}`, `path = ${quoted(file.path)}`]];
}

/** In tables, with an empty line between two. */
export function agentToml(settings: OriginalSettings, as: ImportAs): readonly string[] {
  const { uuid, peerLocal, certificate, peers } = settings;
  const tables = [
    applications(settings, as),
    ["[[hybrid.node]]", `id = ${quoted(as.node)}`, `uuid = ${quoted(uuid)}`],
    ...peers.map(peer),
    [
      "[hybrid.module]",
      `listen = ${placeText(peerLocal)}`,
      `cert = ${quoted(certificate.cert)}`,
      `key = ${quoted(certificate.key)}`,
      `ca = ${quoted(certificate.ca)}`,
    ],
    ...log(settings),
  ];
  return tables.flatMap((lines, at) => (at === 0 ? lines : ["", ...lines]));
}
