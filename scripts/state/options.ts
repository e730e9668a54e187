/** The command lines of `npm run backup`, `npm run restore` and `npm run upgrade`. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { misuseInWords } from "../../cli/lib/args.ts";
import { StartFailure } from "../start/failure.ts";

export const USAGE = `usage: npm run backup  -- [--state DIR] [--out FILE]
       npm run restore -- FILE [--state DIR] [--replace]
       npm run upgrade -- [--state DIR] [--out FILE]

For the state folder of npm start (default .qkd), while it is stopped.

  backup    writes the folder into one file (default: beside it, named by the time). Without the keys that protect key
            material at rest: no key can be had from it. Certificates and tokens can: keep it as you keep those.
  restore   puts a backup back. All key material in it is voided with the next start, as some of it may have been given
            out since. --replace moves what is in the folder aside first.
  upgrade   run with the new release's code: a backup, then a start on free ports with no agents, which tells whether the
            new release can have this state. Then npm start as always.

docs/operating.md has what else there is to do.
`;

export type StateCommand =
  | { readonly name: "backup" | "upgrade"; readonly state: string; readonly out: string | null }
  | { readonly name: "restore"; readonly state: string; readonly file: string; readonly replace: boolean }
  | { readonly name: "help" };

/** @param args the command's name first. @throws StartFailure naming what is wrong */
export function parseStateCommand(args: readonly string[]): StateCommand {
  const [name, ...rest] = args;
  if (name !== "backup" && name !== "restore" && name !== "upgrade")
    throw new StartFailure(`no command "${name ?? ""}"`);
  const { values, positionals } = parse(name, rest);
  if (values["help"] === true) return { name: "help" };
  const state = textOf(values, "state") ?? ".qkd";
  const [file, ...more] = positionals;
  if (name === "restore") {
    if (file === undefined) throw new StartFailure("npm run restore -- FILE: which backup?");
    if (more.length > 0) throw new StartFailure(`unexpected argument "${more[0]}"`);
    return { name, state, file, replace: values["replace"] === true };
  }
  if (file !== undefined) throw new StartFailure(`unexpected argument "${file}"`);
  return { name, state, out: textOf(values, "out") ?? null };
}

type Options = NonNullable<ParseArgsConfig["options"]>;
const COMMON: Options = { state: { type: "string" }, help: { type: "boolean", short: "h" } };
const OUT: Options = { ...COMMON, out: { type: "string" } };
const OPTIONS: Readonly<Record<"backup" | "upgrade" | "restore", Options>> = {
  backup: OUT,
  upgrade: OUT,
  restore: { ...COMMON, replace: { type: "boolean" } },
};

type Values = Readonly<Record<string, unknown>>;

function parse(name: keyof typeof OPTIONS, args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: OPTIONS[name], allowPositionals: true, strict: true });
  } catch (thrown) {
    throw new StartFailure(`${misuseInWords(thrown)} (npm run ${name} -- --help lists the options)`, { cause: thrown });
  }
}

function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  if (value === "") throw new StartFailure(`--${name} is empty`);
  return typeof value === "string" ? value : undefined;
}
