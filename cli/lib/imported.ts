/** `qkd import`: files of other projects as parsed, and what became of their keys. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import type { ImportedKeys } from "../../shared/imported-keys.ts";
import { originalText } from "../../shared/open-qkd-network/original-files.ts";
import { CliFailure } from "./failure.ts";
import { renderTable } from "./text.ts";

/** Those of a qkd-module have half a kilobyte; a list of trusted peers has 200 bytes for each. */
const FILE_BYTES_MAX = 64 * 1024;
/** Aliases may make a small file a large value. */
const ALIASES_MAX = 16;

export interface ReadFile {
  /** As it was called. */
  readonly name: string;
  readonly text: string;
  /** Null where it is none of these. */
  readonly parsed: unknown;
}

/** YAML, and so JSON too; or lines that a reader of ours knows. @throws CliFailure where it cannot be read */
export async function readConfigFile(cwd: string, name: string): Promise<ReadFile> {
  let text: string;
  try {
    const file = path.resolve(cwd, name);
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) throw new CliFailure(`${name}: more than ${FILE_BYTES_MAX} bytes`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw new CliFailure(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (originalText(text) !== null) return { name, text, parsed: null };
  try {
    return { name, text, parsed: parse(text, { maxAliasCount: ALIASES_MAX }) };
  } catch (error) {
    throw new CliFailure(`${name} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const keyTables = ({ mapped, ignored }: Pick<ImportedKeys, "mapped" | "ignored">): readonly string[] => [
  ...renderTable(
    ["key", "becomes"],
    mapped.map(({ key, becomes }) => [key, becomes]),
  ),
  "",
  ...renderTable(
    ["ignored key", "why"],
    ignored.map(({ key, why }) => [key, why]),
  ),
];
