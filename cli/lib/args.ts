/**
 * Command-line arguments after the command's own words, parsed by its option table. The same table prints the help.
 */
import { parseArgs } from "node:util";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** Shown in help as `--name <value>`. */
  readonly value?: string;
  readonly help: string;
}
export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface PositionalSpec {
  /** As shown in help: `FILE...`. */
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** What the first of them is one of. */
  readonly choices?: readonly string[];
}

export class Args {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** @throws CliFailure when absent or empty */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw new CliFailure(`--${name} is required`);
    return value;
  }

  /** @throws CliFailure when not a whole number of min..max */
  wholeNumber(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : parseWholeNumber(`--${name}`, value, min, max);
  }

  /** The first positional argument; its presence is checked by `parseCommandArgs`. */
  first(): string {
    const [value] = this.positionals;
    if (value === undefined) throw new CliFailure("an argument is missing");
    return value;
  }
}

/** @throws CliFailure naming the bound */
export function parseWholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new CliFailure(`${what} must be a whole number from ${min} to ${max}, not "${text.slice(0, 40)}"`);
  }
  return value;
}

/**
 * Parses a command's arguments.
 * @throws CliFailure for unknown options (with a suggestion), missing values and a wrong number of positionals
 */
export function parseCommandArgs(argv: readonly string[], options: OptionTable, positional: PositionalSpec): Args {
  refuseUnknownOptions(argv, options);
  const { values, positionals } = parseStrictly(argv, options);
  if (positionals.length < positional.min) throw new CliFailure(`${positional.name} is missing`);
  if (positionals.length > positional.max) {
    throw new CliFailure(`unexpected argument "${positionals[positional.max]?.slice(0, 80)}"`);
  }
  return new Args(values, positionals);
}

function refuseUnknownOptions(argv: readonly string[], options: OptionTable): void {
  const { tokens } = parseArgs({ args: [...argv], options: toParseArgs(options), strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== "option" || Object.hasOwn(options, token.name)) continue;
    throw new CliFailure(`unknown option "${token.rawName}".${didYouMean(token.name, Object.keys(options))}`);
  }
}

function parseStrictly(argv: readonly string[], options: OptionTable) {
  try {
    return parseArgs({ args: [...argv], options: toParseArgs(options), strict: true, allowPositionals: true });
  } catch (error) {
    throw new CliFailure(misuseInWords(error));
  }
}

/** What `parseArgs` threw, in one line; it takes `-1` behind `--last` for an option, and says a good deal about that. */
export function misuseInWords(error: unknown): string {
  const [reason = ""] = (error instanceof Error ? error.message : String(error)).split(/\n|\. /);
  const named = /^Option '(.+?)[ '].*is ambiguous/.exec(reason)?.[1];
  return named === undefined ? reason : `${named} takes no value that begins with "-"`;
}

function toParseArgs(options: OptionTable): Record<string, { type: "string" | "boolean" }> {
  return Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }]));
}

/** One help line an option, aligned. */
export function describeOptions(options: OptionTable): string[] {
  const left = Object.entries(options).map(
    ([name, { value }]) => `  --${name}${value === undefined ? "" : ` ${value}`}`,
  );
  const width = Math.max(0, ...left.map((text) => text.length));
  return Object.values(options).map(({ help }, index) => `${(left[index] ?? "").padEnd(width)}  ${help}`);
}
