/** What shells are told of the commands: from their table, so that nothing is written down twice. Pure. */
import type { OptionSpec } from "../args.ts";
import type { Command } from "../command.ts";

/** Those everywhere. */
export const EVERYWHERE = { help: "what the command does and takes", "no-color": "no colours" } as const;

/** What comes behind an option. */
export type ValueKind = "none" | "file" | "folder" | "other";

export function kindOf({ type, value }: OptionSpec): ValueKind {
  if (type === "boolean") return "none";
  if (value === "<file>") return "file";
  return value === "<dir>" ? "folder" : "other";
}

/** Do its arguments name files? */
export const takesFiles = ({ positional }: Command): boolean => /\b(?:FILE|REQUEST)/.test(positional.name);

/** First words, each with the second ones that may follow, and what either says. */
export function firstWords(commands: readonly Command[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const { name, summary } of commands) {
    const [first = "", second] = name.split(" ");
    const seconds = found.get(first) ?? new Map<string, string>();
    found.set(first, seconds);
    if (second !== undefined) seconds.set(second, summary);
  }
  return found;
}

/** A command's own summary, or what its second words are. */
export function summaryOf(commands: readonly Command[], first: string): string {
  const own = commands.find(({ name }) => name === first);
  const seconds = [...(firstWords(commands).get(first)?.keys() ?? [])];
  return own?.summary ?? seconds.join(", ");
}

/** Within single quotes of bash and zsh. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
