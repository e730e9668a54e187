/** `~/.config/qkd/config.toml`: what neither an option nor a variable says. Paths in it are relative to it. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { parseToml, type TomlFault } from "../../shared/toml.ts";
import { CliFailure } from "./failure.ts";
import { readText } from "./settings.ts";
import { didYouMean } from "./suggest.ts";

const text = v.optional(v.pipe(v.string("shall be a text"), v.minLength(1, "shall not be empty"), v.maxLength(4096)));

const ConfigSchema = v.strictObject({ edge: text, as: text, token_file: text, ca: text, cert: text, key: text });
const PATHS = ["token_file", "ca", "cert", "key"] as const;
const NAMES = Object.keys(ConfigSchema.entries);

export type UserConfig = v.InferOutput<typeof ConfigSchema>;

/** Far more than six lines. */
const FILE_BYTES_MAX = 64 * 1024;

/** By the XDG Base Directory Specification; null where nobody's home is known. */
export function configFile(env: Readonly<Record<string, string | undefined>>): string | null {
  const { XDG_CONFIG_HOME: given, HOME: home } = env;
  // One that is not absolute is to be ignored.
  const folder = given !== undefined && path.isAbsolute(given) ? given : home ? path.join(home, ".config") : null;
  return folder === null ? null : path.join(folder, "qkd", "config.toml");
}

/** Nothing where there is no such file. @throws CliFailure with a line for each fault */
export function loadUserConfig(env: Readonly<Record<string, string | undefined>>): UserConfig {
  const file = configFile(env);
  if (file === null || !existsSync(file)) return {};
  if (statSync(file).size > FILE_BYTES_MAX) throw new CliFailure(`${file}: more than ${FILE_BYTES_MAX} bytes`);
  const parsed = parseToml(readText(file), ConfigSchema);
  if (!parsed.ok) throw new CliFailure(parsed.error.map((fault) => faultInWords(file, fault)).join("\n"));
  const config = parsed.value;
  const paths = PATHS.flatMap((name) => {
    const value = config[name];
    return value === undefined ? [] : [[name, path.resolve(path.dirname(file), value)]];
  });
  return { ...config, ...(Object.fromEntries(paths) as UserConfig) };
}

function faultInWords(file: string, { line, field, message }: TomlFault): string {
  if (field === "token") return `${file}:${line}: a token stands in a file of its own: token_file`;
  const isUnknown = field !== "" && !NAMES.includes(field);
  const meant = isUnknown ? `.${didYouMean(field, NAMES)}` : "";
  return `${file}:${line}: ${field === "" ? "" : `${field}: `}${message}${meant}`;
}
