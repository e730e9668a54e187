/** Settings of QUBIP's proxy agent, as lines of `agent.toml`. */

export interface ProxyPlace {
  host: string;
  port: number;
}

export interface ProxySettings {
  readonly listen: ProxyPlace;
  readonly hybridModule: ProxyPlace;
  readonly netconf: ProxyPlace;
  user: string;
  readonly log: { file: string; level: string };
  qkdRequired: boolean;
}

/** What the files have no word for. */
export interface ProxyAs {
  /** The node whose IPsec host it is. */
  readonly node: string;
  /** For which application the agent makes the keys itself; null: they come from the hybridization module, as before. */
  readonly sae: string | null;
}

/** A basic string (TOML 1.0): what JSON escapes it reads alike. */
const quoted = (text: string): string => JSON.stringify(text);
const placeText = ({ host, port }: ProxyPlace): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

function listenLines({ listen }: ProxySettings): readonly string[] {
  const lines = ["[ipsec.listen]", `address = ${quoted(listen.host)}`, `port = ${listen.port}`];
  if (LOOPBACK.test(listen.host)) return lines;
  return [
    ...lines,
    "# Controllers on other machines reach it without TLS and prove nothing, as they do today: name their addresses.",
    "insecure_lan = true",
    'allow = ["127.0.0.1"]',
  ];
}

function logLines({ log: { file, level } }: ProxySettings): readonly (readonly string[])[] {
  return file === "" ? [] : [["[log.file]", `level = ${quoted(level)}`, `path = ${quoted(file)}`]];
}

/** In tables, with an empty line between two. */
export function proxyToml(settings: ProxySettings, { node, sae }: ProxyAs): readonly string[] {
  const { hybridModule, netconf, user } = settings;
  const keys =
    sae === null
      ? ["# Or, where this agent makes them: sae = ... instead.", `hybrid_module = ${quoted(placeText(hybridModule))}`]
      : [
          `sae = ${quoted(sae)}`,
          "# For keys that the agent makes itself it needs [hybrid] with both nodes, and [certificate].",
        ];
  const tables = [
    ["[[ipsec]]", `node = ${quoted(node)}`, ...keys],
    [
      "[ipsec.netconf]",
      `host = ${quoted(netconf.host)}`,
      `port = ${netconf.port}`,
      `user = ${quoted(user)}`,
      "# The password alone, mode 0600.",
      'password_file = "netconf.password"',
      "# The host's key, once it has been looked at: the proxy agent took any.",
      'host_key_file = "netconf.known_hosts"',
    ],
    listenLines(settings),
    ...logLines(settings),
  ];
  return tables.flatMap((lines, at) => (at === 0 ? lines : ["", ...lines]));
}
