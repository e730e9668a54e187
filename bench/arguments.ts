/** Arguments that all benches take, and values of those. Pure. All throw an Error with one line for the user. */
import { parseArgs } from "node:util";

/** A whole number from 1 to `max`. */
export function wholeNumber(name: string, text: string, max: number): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Error(`${name} takes whole numbers from 1 to ${max}, not "${text}"`);
  return value;
}

/** What `--only` names, in the order of `parts`. */
export function partsOf<Part extends string>(text: string, parts: readonly Part[]): Part[] {
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only takes some of ${parts.join(",")}, not "${unknown}"`);
  return parts.filter((part) => wanted.includes(part));
}

/** What every bench is told. */
export interface CommonOptions<Part extends string> {
  /** Measurements of each kind, in turns with what they are compared with; medians count. */
  readonly rounds: number;
  readonly parts: readonly Part[];
  /** Where to write all figures as JSON. */
  readonly json: string | null;
  /** Less of everything. */
  readonly quick: boolean;
}

export interface CommonArguments<Part extends string> {
  readonly common: CommonOptions<Part>;
  /** Null: not told. */
  readonly seconds: number | null;
  /** As given, of the bench's own. */
  readonly own: Readonly<Record<string, string | undefined>>;
}

/** @param own names of arguments with a value that only this bench takes */
export function commonArguments<Part extends string>(
  argv: readonly string[],
  parts: readonly Part[],
  defaultRounds: number,
  own: readonly string[] = [],
): CommonArguments<Part> {
  const text = { type: "string" } as const;
  const options = Object.fromEntries(["rounds", "seconds", "only", "json", ...own].map((name) => [name, text]));
  const { values } = parseArgs({
    args: [...argv],
    options: { ...options, quick: { type: "boolean", default: false } },
  });
  const { quick, ...given } = values as { quick: boolean } & Record<string, string | undefined>;
  const { rounds, seconds, only, json } = given;
  const common = {
    rounds: wholeNumber("--rounds", rounds ?? (quick ? "2" : String(defaultRounds)), 100),
    parts: only === undefined ? parts : partsOf(only, parts),
    json: json ?? null,
    quick,
  };
  return { common, seconds: seconds === undefined ? null : wholeNumber("--seconds", seconds, 600), own: given };
}
