/** `qkd-agent`'s arguments. Options of one letter are ssh's. */
import { homedir } from "node:os";
import path from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { ALLOW_WORDS } from "../../../shared/tunnel/services.ts";
import { messageOf } from "../../log.ts";
import { AgentFailure } from "../failure.ts";
import { parseLocalForward, parseRemoteForward, type RemoteForward } from "./forwards.ts";
import { checkConfig, loadConfig } from "./load.ts";
import { type AgentConfig, type AgentConfigInput, LOG_LEVELS, type LogThreshold } from "./schema.ts";

/** `state` filled in. */
export type AgentSettings = AgentConfig & { readonly state: string };

const COMMANDS = ["run", "check", "health", "host-key"] as const;
type Command = (typeof COMMANDS)[number];
const isCommandName = (word: string): word is Command => (COMMANDS as readonly string[]).includes(word);

export type Invocation =
  | { readonly command: "help" }
  | {
      readonly command: Command;
      readonly settings: AgentSettings;
      /** -f */
      readonly background: boolean;
      /** What was decided for the user: a line each. */
      readonly notes: readonly string[];
    };

export interface Around {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Any port that is not among these, for `-R 0:...`. */
  readonly choosePort: (taken: ReadonlySet<number>) => number;
}

const OPTIONS = {
  R: { type: "string", short: "R", multiple: true },
  L: { type: "string", short: "L", multiple: true },
  N: { type: "boolean", short: "N" },
  f: { type: "boolean", short: "f" },
  v: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
  site: { type: "string" },
  "token-file": { type: "string" },
  allow: { type: "string", multiple: true },
  state: { type: "string" },
  standby: { type: "boolean" },
  wait: { type: "string" },
  ca: { type: "string" },
  "insecure-http": { type: "boolean" },
  tls: { type: "boolean" },
  cert: { type: "string" },
  key: { type: "string" },
  "site-ca": { type: "string" },
  "log-level": { type: "string" },
  "log-file": { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>["values"];

/** @throws AgentFailure with one line (a line a fault for a file) and exit code 2 */
export function parseCommandLine(argv: readonly string[], around: Around): Invocation {
  const { values, positionals } = parseStrictly(argv);
  if (values.help === true || argv.length === 0) return { command: "help" };
  const [first = "", ...rest] = positionals;
  const isCommand = isCommandName(first);
  const command = isCommand ? first : "run";
  const target = isCommand ? rest[0] : first;
  const surplus = isCommand ? rest[1] : rest[0];
  if (target === undefined || target === "") {
    throw usage(isCommand ? `${first} needs a configuration file or a URL` : "the edge's URL is missing");
  }
  if (surplus !== undefined) throw usage(`"${surplus}" is one argument too many`);
  const background = values.f === true;
  if (isCommand && !target.includes("://")) {
    const odd = Object.keys(values).find((name) => !["N", "f", "v"].includes(name));
    if (odd !== undefined) throw usage(`-${odd.length === 1 ? "" : "-"}${odd} belongs into ${target}`);
    const settings = settingsOf(verbose(loadConfig(target), values), around);
    return { command, settings, background, notes: [] };
  }
  if (command === "host-key") throw usage("host-key needs a configuration file");
  const { input, notes } = configOf(target, values, around);
  return { command, settings: settingsOf(checkConfig(input), around), background, notes };
}

const usage = (message: string): AgentFailure => new AgentFailure(`${message} (qkd-agent --help tells more)`, 2);

function parseStrictly(argv: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (thrown) {
    // The parser adds advice on how to pass a positional argument that begins with a dash: there are none here.
    throw usage(messageOf(thrown).split(/[.\n]/)[0] ?? "");
  }
}

function verbose(config: AgentConfig, values: Values): AgentConfig {
  if (values.v !== true) return config;
  return { ...config, log: { ...config.log, console: { ...config.log.console, level: "debug" } } };
}

/** Of URL and options, before it is checked. */
function configOf(url: string, values: Values, around: Around): { input: AgentConfigInput; notes: readonly string[] } {
  if (!URL.canParse(url)) throw usage(`"${url}" is no URL, as https://edge.example is`);
  if (values.site === undefined) throw usage("--site is missing: which site's agent this is");
  const remote = (values.R ?? []).map((text) => orUsage(parseRemoteForward(text)));
  const local = (values.L ?? []).map((text) => orUsage(parseLocalForward(text)));
  if (remote.length + local.length === 0) throw usage("nothing to do: give -R or -L, or `run agent.toml`");
  const { services, notes } = servicesOf(remote, values, around);
  const tls = values.tls === true;
  const input: AgentConfigInput = {
    edge: url,
    site: values.site,
    ...only("token_file", values["token-file"]),
    ...only("state", values.state),
    ...only("ca", values.ca),
    standby: values.standby === true,
    insecure_http: values["insecure-http"] === true,
    service: services,
    listen: local.map(({ bind, ...rest }) => ({
      ...rest,
      ...(bind === null ? {} : { bind: bind === "" ? "*" : bind }),
      tls,
      wait_ms: secondsOf(values.wait) * 1000,
    })),
    ...(tls ? { certificate: certificateOf(values) } : {}),
    log: logOf(values),
  };
  return { input, notes };
}

function servicesOf(remote: readonly RemoteForward[], values: Values, { choosePort }: Around) {
  const taken = new Set(remote.map(({ port }) => port));
  const notes: string[] = [];
  const allow = values.allow ?? [ALLOW_WORDS.linked];
  const services = remote.map(({ bind, port: asked, host, hostPort }) => {
    const port = asked === 0 ? choosePort(taken) : asked;
    taken.add(port);
    if (asked === 0) notes.push(`Allocated port ${port} for remote forward to ${host}:${hostPort}`);
    if (bind !== null) notes.push(`-R ${port}: who listens for it decides on the address, not "${bind}"`);
    return { name: String(port), host, port: hostPort, allow, tls: values.tls === true, listen_port: port };
  });
  if (services.length > 0 && values.allow === undefined) {
    notes.push(`no --allow: open to the sites that have a QKD link with ${values.site} (${ALLOW_WORDS.linked})`);
  }
  return { services, notes };
}

function certificateOf(values: Values): NonNullable<AgentConfigInput["certificate"]> {
  const { cert, key, "site-ca": ca } = values;
  if (cert === undefined || key === undefined || ca === undefined) {
    throw usage("--tls needs --cert, --key and --site-ca");
  }
  return { cert, key, ca };
}

function logOf(values: Values): NonNullable<AgentConfigInput["log"]> {
  const level = values.v === true ? "debug" : (values["log-level"] ?? "info");
  if (!isLevel(level)) throw usage(`--log-level ${level}: shall be ${LOG_LEVELS.join(", ")}`);
  const file = values["log-file"];
  return { console: { level }, ...(file === undefined ? {} : { file: { level, path: file } }) };
}

const isLevel = (text: string): text is LogThreshold => (LOG_LEVELS as readonly string[]).includes(text);

function secondsOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,4}$/.test(text)) throw usage(`--wait ${text}: shall be a whole number of seconds`);
  return Number(text);
}

function orUsage<T>(parsed: { ok: true; value: T } | { ok: false; error: string }): T {
  if (!parsed.ok) throw usage(parsed.error);
  return parsed.value;
}

const only = <Name extends string>(name: Name, value: string | undefined): { [N in Name]?: string } =>
  (value === undefined ? {} : { [name]: value }) as { [N in Name]?: string };

/** A folder for each edge and site, so that one machine may be several sites' agent. */
function settingsOf(config: AgentConfig, { env }: Around): AgentSettings {
  const base = env["XDG_STATE_HOME"] || path.join(homedir(), ".local", "state");
  const { host } = new URL(config.edge);
  return {
    ...config,
    state: path.resolve(
      config.state ?? path.join(base, "qkd-agent", host.replaceAll(/[^A-Za-z0-9.-]/g, "_"), config.site),
    ),
  };
}
