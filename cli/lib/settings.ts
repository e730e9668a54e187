/**
 * Which edge, and with which token. In this order: options, environment, the state folder of a running `npm start`.
 * Tokens never come as arguments: anybody on the machine can read those.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Args, OptionTable } from "./args.ts";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

export interface Settings {
  /** Origin of the edge, without a trailing slash. */
  readonly edge: string;
  /** Bearer token; null: calls go out without one. */
  readonly token: string | null;
}

/** Options of every command that talks to an edge. */
export const CONNECTION_OPTIONS = {
  edge: { type: "string", value: "<url>", help: "the edge; else QKD_EDGE, else that of the state folder" },
  "token-file": {
    type: "string",
    value: "<file>",
    help: "file with the bare token or a tokens.json; else QKD_TOKEN_FILE, QKD_TOKEN, else the state folder's",
  },
  as: { type: "string", value: "<name>", help: "whose token to take from a tokens.json (default operator)" },
  state: { type: "string", value: "<dir>", help: "state folder of `npm start` (default .qkd)" },
} as const satisfies OptionTable;

/** Of those that also print their answer. */
export const COMMON_OPTIONS = {
  json: { type: "boolean", help: "print JSON" },
  ...CONNECTION_OPTIONS,
} as const satisfies OptionTable;

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Asks for a secret; the terminal, or what is piped in, where absent. */
  readonly readSecret?: (what: string) => Promise<string>;
}

/** @throws CliFailure when no edge is known, or a file cannot be read */
export function resolveSettings(args: Args, around: Surroundings): Settings {
  const state = path.resolve(around.cwd, args.text("state") ?? around.env["QKD_STATE"] ?? ".qkd");
  const local = readLocalEdge(state);
  const named = args.text("edge") ?? (around.env["QKD_EDGE"] || undefined);
  const edge = named ?? local;
  if (edge === null) {
    throw new CliFailure(
      "no edge to talk to",
      `give --edge <url> or QKD_EDGE, or run \`npm start\` (no ports.json in ${state})`,
    );
  }
  const origin = checkEdge(edge);
  return { edge: origin, token: resolveToken(args, around, { state, isLocal: local !== null && origin === local }) };
}

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

function resolveToken(args: Args, around: Surroundings, local: { state: string; isLocal: boolean }): string | null {
  const name = args.text("as") ?? "operator";
  const file = args.text("token-file") ?? (around.env["QKD_TOKEN_FILE"] || undefined);
  if (file !== undefined) return readTokenFile(path.resolve(around.cwd, file), name);
  const token = around.env["QKD_TOKEN"]?.trim();
  if (token !== undefined && token !== "") return checkToken(token, "QKD_TOKEN");
  const tokens = path.join(local.state, "tokens.json");
  // The demo's token goes to the demo's edge only.
  return local.isLocal && existsSync(tokens) ? readTokenFile(tokens, name) : null;
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

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
