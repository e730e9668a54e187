/**
 * Which edge, and as whom. In this order: options, environment, the user's configuration, the state folder of a running
 * `npm start`. Tokens never come as arguments: anybody on the machine can read those.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isRecord } from "../../shared/records.ts";
import type { Args, OptionTable } from "./args.ts";
import type { UserConfig } from "./config.ts";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";
import type { TlsFiles } from "./tls-fetch.ts";

export interface Settings {
  /** Origin of the edge, without a trailing slash. */
  readonly edge: string;
  /** Bearer token; null: calls go out without one. */
  readonly token: string | null;
  /** Null: no certificate is shown, and the authorities that Node knows count. */
  readonly tls: TlsFiles | null;
}

/** Of every command that talks to an edge: where that is. */
export const EDGE_OPTIONS = {
  edge: {
    type: "string",
    value: "<url>",
    help: "the edge; else QKD_EDGE, the configuration, that of the state folder",
  },
  ca: { type: "string", value: "<file>", help: "PEM: authorities of the edge's certificate; else QKD_CA" },
  "token-file": {
    type: "string",
    value: "<file>",
    help: "file with the bare token or a tokens.json; else QKD_TOKEN_FILE, QKD_TOKEN, the state folder's",
  },
  as: {
    type: "string",
    value: "<name>",
    help: "whose token to take from a tokens.json; else QKD_AS (default operator)",
  },
  state: { type: "string", value: "<dir>", help: "state folder of `npm start`; else QKD_STATE (default .qkd)" },
} as const satisfies OptionTable;

/** Options of every command that talks to an edge as one principal. */
export const CONNECTION_OPTIONS = {
  ...EDGE_OPTIONS,
  cert: { type: "string", value: "<file>", help: "PEM: a client certificate, in place of a token; else QKD_CERT" },
  key: { type: "string", value: "<file>", help: "PEM: its key; else QKD_KEY" },
} as const satisfies OptionTable;

/** Of every command that prints an answer. */
export const JSON_OPTION = { json: { type: "boolean", help: "print JSON" } } as const satisfies OptionTable;

/** Of those that talk to an edge for it. */
export const COMMON_OPTIONS = {
  ...JSON_OPTION,
  ...CONNECTION_OPTIONS,
} as const satisfies OptionTable;

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Of the user's file; none where absent. */
  readonly config?: UserConfig;
  /** Asks for a secret; the terminal, or what is piped in, where absent. */
  readonly readSecret?: (what: string) => Promise<string>;
  /** Asks a question, and gives the line typed; undefined where nobody answers. The terminal, where absent. */
  readonly readLine?: (question: string, signal: AbortSignal) => Promise<string | undefined>;
}

/** Of `npm start`: its tokens, certificates and ports. An empty variable says as much as none. @returns its whole path */
export const stateFolder = (args: Args, { env, cwd }: Surroundings): string =>
  path.resolve(cwd, args.text("state") ?? (env["QKD_STATE"] || ".qkd"));

/** @throws CliFailure when no edge is known, or a file cannot be read */
export function resolveSettings(args: Args, around: Surroundings): Settings {
  const { config = {} } = around;
  const isStateGiven = args.text("state") !== undefined || Boolean(around.env["QKD_STATE"]);
  const state = stateFolder(args, around);
  const local = readLocalEdge(state);
  const named = args.text("edge") ?? (around.env["QKD_EDGE"] || undefined);
  const edge = named ?? (isStateGiven ? (local ?? config.edge) : (config.edge ?? local));
  if (edge === null || edge === undefined) {
    throw new CliFailure(
      "no edge to talk to",
      `no ports.json in ${state}: run \`npm start\`, name its folder by --state <dir>, or give --edge <url> or QKD_EDGE`,
    );
  }
  const origin = checkEdge(edge);
  const name = args.text("as") ?? (around.env["QKD_AS"] || undefined) ?? config.as ?? "operator";
  const layers = [
    optionLayer(args, around.cwd),
    environmentLayer(around),
    // They are for the edge that stands beside them.
    ...(config.edge === undefined || checkEdge(config.edge) === origin ? [configLayer(config)] : []),
    // The demo's token goes to the demo's edge only.
    ...(local !== null && local === origin ? [stateLayer(state)] : []),
  ];
  return { edge: origin, ...credentialsOf(layers, name, origin) };
}

/** What one place says of who is calling, in absolute paths. */
interface Layer {
  readonly tokenFile?: string | undefined;
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  /** What its certificate and key are called there. */
  readonly names: readonly [cert: string, key: string];
}

function optionLayer(args: Args, cwd: string): Layer {
  const file = (name: string) => (args.text(name) === undefined ? undefined : path.resolve(cwd, args.text(name) ?? ""));
  const [tokenFile, cert, key, ca] = [file("token-file"), file("cert"), file("key"), file("ca")];
  return { tokenFile, cert, key, ca, names: ["--cert", "--key"] };
}

function environmentLayer({ env, cwd }: Surroundings): Layer {
  const file = (name: string) => (env[name] ? path.resolve(cwd, env[name]) : undefined);
  const [tokenFile, cert, key, ca] = [file("QKD_TOKEN_FILE"), file("QKD_CERT"), file("QKD_KEY"), file("QKD_CA")];
  const token = tokenFile === undefined ? env["QKD_TOKEN"]?.trim() || undefined : undefined;
  return { tokenFile, token, cert, key, ca, names: ["QKD_CERT", "QKD_KEY"] };
}

const configLayer = ({ token_file: tokenFile, cert, key, ca }: UserConfig): Layer => ({
  tokenFile,
  cert,
  key,
  ca,
  names: ["cert", "key"],
});

function stateLayer(state: string): Layer {
  const tokens = path.join(state, "tokens.json");
  return { tokenFile: existsSync(tokens) ? tokens : undefined, names: ["", ""] };
}

/** Of the first place that says who is calling: token and certificate of different places are seldom one principal's. */
function credentialsOf(layers: readonly Layer[], name: string, origin: string): Pick<Settings, "token" | "tls"> {
  const chosen = layers.find((layer) => [layer.token, layer.tokenFile, layer.cert, layer.key].some(isThere));
  const token =
    chosen?.tokenFile === undefined
      ? chosen?.token === undefined
        ? null
        : checkToken(chosen.token, "QKD_TOKEN")
      : readTokenFile(chosen.tokenFile, name);
  const { cert, key, names = ["--cert", "--key"] } = chosen ?? {};
  if (isThere(cert) !== isThere(key)) throw new CliFailure(`${names[0]} and ${names[1]} go together`);
  if (isThere(cert) && !origin.startsWith("https:")) {
    throw new CliFailure(`${origin} cannot be shown a certificate`, "certificates take https://, as KMEs have");
  }
  const ca = layers.find((layer) => isThere(layer.ca))?.ca;
  const files = Object.entries({ ca, cert, key }).flatMap(([kind, file]) =>
    file === undefined ? [] : [[kind, readText(file)] as const],
  );
  return { token, tls: files.length === 0 || origin.startsWith("http:") ? null : Object.fromEntries(files) };
}

const isThere = (text: string | undefined): text is string => text !== undefined;

/** The edge of a running or former `npm start`; null where there is none. */
function readLocalEdge(state: string): string | null {
  const file = path.join(state, "ports.json");
  if (!existsSync(file)) return null;
  const ports = readJson(file);
  const edge = isRecord(ports) ? ports["edge"] : undefined;
  return typeof edge === "string" ? checkEdge(edge) : null;
}

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** @throws CliFailure unless https, or http on loopback: a token in clear text belongs to whoever listens */
export function checkEdge(edge: string): string {
  if (!URL.canParse(edge))
    throw new CliFailure(`"${edge.slice(0, 80)}" is not a URL`, "for example https://kms.example.org");
  const url = new URL(edge);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    throw new CliFailure(`${url.origin} would carry the token in clear text`, "use https://, or http:// on loopback");
  }
  return url.origin;
}

/** A file with the bare token, or a JSON object of name -> token. */
export function readTokenFile(file: string, name: string): string {
  const text = readText(file).trim();
  if (!text.startsWith("{")) return checkToken(text, file);
  const tokens = parseJson(text, file);
  const names = isRecord(tokens) ? Object.keys(tokens) : [];
  const token = isRecord(tokens) && Object.hasOwn(tokens, name) ? tokens[name] : undefined;
  if (typeof token !== "string") {
    throw new CliFailure(
      `${file} holds no token of "${name}".${didYouMean(name, names)}`,
      `it has: ${names.join(", ")}`,
    );
  }
  return checkToken(token, file);
}

function checkToken(token: string, from: string): string {
  if (!/^[A-Za-z0-9._~+/=-]{16,512}$/.test(token)) throw new CliFailure(`${from} does not hold a bearer token`);
  return token;
}

/** @throws CliFailure with the system's reason */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliFailure(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws CliFailure with the parser's reason */
export function parseJson(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliFailure(`${from} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const readJson = (file: string): unknown => parseJson(readText(file), file);
