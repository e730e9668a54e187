/**
 * Configuration files of a site of Open-QKD-Network (`~/.qkd`, as its docs/config-files.md has them): which file is which, by
 * what is in it, and its keys and values.
 */
import { isRecord } from "../records.ts";

export const ORIGINAL_FILES = [
  "kms.conf",
  "site.properties",
  "routes.json",
  "config.yaml",
  "subnet_siteid.json",
] as const;
export type OriginalFile = (typeof ORIGINAL_FILES)[number];

export interface SiteFile {
  readonly kind: OriginalFile;
  /** `kms.conf` has lines instead of keys: `line 1`. */
  readonly entries: readonly (readonly [key: string, value: string])[];
}

const URL_LINES = 3;
const PROPERTY = /^\s*(?<key>kms\.[\w.]+|qnl\.[\w.]+)\s*[=:]\s*(?<value>.*?)\s*$/;
const linesOf = (text: string): readonly string[] => text.split(/\r\n|[\r\n]/).map((line) => line.trim());

/** Of a text that is neither JSON nor YAML. */
export function originalText(text: string): SiteFile | null {
  const lines = linesOf(text);
  if (lines.slice(0, URL_LINES).filter((line) => /^https?:\/\/\S+$/i.test(line)).length === URL_LINES) {
    const entries = lines.flatMap((line, at) => (line === "" ? [] : [[`line ${at + 1}`, line] as const]));
    return { kind: "kms.conf", entries };
  }
  const found = lines.flatMap((line) => {
    const { key = "", value = "" } = PROPERTY.exec(line)?.groups ?? {};
    return key === "" ? [] : [[key, value] as const];
  });
  return found.some(([key]) => key === "kms.site.id") ? { kind: "site.properties", entries: found } : null;
}

/** Of a JSON or YAML file, as parsed. */
export function originalObject(parsed: unknown): SiteFile | null {
  if (!isRecord(parsed)) return null;
  const kind = kindOf(parsed);
  return kind === null ? null : { kind, entries: [...leavesOf(parsed, "")] };
}

function kindOf(parsed: Readonly<Record<string, unknown>>): OriginalFile | null {
  if (isRecord(parsed["adjacent"])) return "routes.json";
  if (isRecord(parsed["remote_subnet_siteid"])) return "subnet_siteid.json";
  const isOfRouting = "siteId" in parsed && "routeConfigLoc" in parsed;
  // Of the KMS's end of it.
  return isOfRouting || ("poolLoc" in parsed && "keyByteSz" in parsed) ? "config.yaml" : null;
}

/** The files have two levels. */
const DEPTH = 3;

function* leavesOf(value: unknown, at: string, depth = DEPTH): Generator<readonly [key: string, value: string]> {
  if (!isRecord(value) || depth === 0) {
    if (at !== "") yield [at, typeof value === "string" ? value : (JSON.stringify(value) ?? "")];
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    yield* leavesOf(inner, at === "" ? name : `${at}.${name}`, depth - 1);
  }
}
