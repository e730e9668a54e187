/** Finds the command, parses its arguments, runs it, and turns what goes wrong into one clear line and an exit code. */
import { COMMANDS } from "./commands/index.ts";
import { Api, ApiFailure } from "./lib/api.ts";
import { describeOptions, parseCommandArgs } from "./lib/args.ts";
import { painted, unpainted } from "./lib/colour.ts";
import type { Command } from "./lib/command.ts";
import { loadUserConfig } from "./lib/config.ts";
import { CliFailure, EXIT, EXIT_WORDS, type ExitCode } from "./lib/failure.ts";
import { describeFaults } from "./lib/faults.ts";
import { resolveSettings, type Surroundings } from "./lib/settings.ts";
import { didYouMean } from "./lib/suggest.ts";
import type { Terminal } from "./lib/terminal.ts";

/** Runs `qkd` with these arguments. Never throws for what a user can cause. */
export async function runCli(argv: readonly string[], terminal: Terminal, around: Surroundings): Promise<ExitCode> {
  try {
    return await dispatch(argv, terminal, around);
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    terminal.note(`qkd: ${error.message}`);
    if (error instanceof ApiFailure) for (const line of describeFaults(error.details)) terminal.note(line);
    if (error.hint !== undefined) terminal.note(`  (${error.hint})`);
    return EXIT.error;
  }
}

const NO_COLOUR = "--no-color";

/** What follows `--` belongs to the command alone. */
function splitOwn(argv: readonly string[]): readonly [own: readonly string[], passed: readonly string[]] {
  const end = argv.indexOf("--");
  return end === -1 ? [argv, []] : [argv.slice(0, end), argv.slice(end)];
}

async function dispatch(all: readonly string[], terminal: Terminal, around: Surroundings): Promise<ExitCode> {
  const [given, passed] = splitOwn(all);
  const argv = given.filter((word) => word !== NO_COLOUR);
  const isPlain = argv.length < given.length || Boolean(around.env["NO_COLOR"]);
  const isHelp = argv.some((word) => word === "--help" || word === "-h") || argv[0] === "help";
  const words = argv.filter((word) => word !== "--help" && word !== "-h" && word !== "help");
  if (words.length === 0) {
    for (const line of overview()) terminal.line(line);
    return isHelp ? EXIT.ok : EXIT.error;
  }
  const group = isHelp && words.length === 1 ? groupOf(words[0]) : [];
  if (group.length > 0 && !COMMANDS.some(({ name }) => name === words[0])) {
    for (const line of overview(group)) terminal.line(line);
    return EXIT.ok;
  }
  const { command, rest } = findCommand(isHelp ? words : argv);
  if (isHelp) {
    const more = group.length === 0 ? [] : ["", "There are too:", ...listOf(group)];
    for (const line of [...helpOf(command), ...more]) terminal.line(line);
    return EXIT.ok;
  }
  const args = parseCommandArgs([...rest, ...passed], command.options, command.positional);
  const configured = "edge" in command.options ? { ...around, config: loadUserConfig(around.env) } : around;
  let api: Api | undefined;
  const report = (reason: string, delayMs: number, attempt: number): void =>
    terminal.note(`${reason}; asking again in ${(delayMs / 1000).toFixed(1)} s (attempt ${attempt})`);
  return command.run({
    args,
    terminal,
    around: configured,
    paint: terminal.colours && !isPlain ? painted : unpainted,
    api: () => (api ??= new Api(resolveSettings(args, configured), report)),
  });
}

/** The command whose words, the most of them, the arguments begin with. @throws CliFailure with the nearest one */
function findCommand(argv: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const count of [2, 1]) {
    const typed = argv.slice(0, count).join(" ");
    const command = COMMANDS.find(({ name }) => name === typed);
    if (command !== undefined && !isMistyped(command, argv[1])) {
      return { command, rest: argv.slice(command.name.split(" ").length) };
    }
  }
  const group = groupOf(argv[0]).map(({ name }) => name);
  if (group.length > 0) {
    const typed = argv.slice(0, 2).join(" ");
    throw new CliFailure(`no command "${typed}".${didYouMean(typed, group)}`, `there are: ${group.join(", ")}`);
  }
  const typed = argv[0] ?? "";
  const first = COMMANDS.map(({ name }) => name.split(" ")[0] ?? name);
  throw new CliFailure(`no command "${typed.slice(0, 40)}".${didYouMean(typed, first)}`, "`qkd --help` lists them");
}

/** `audit verfiy`: a word behind a command that takes none, and that begins others. */
const isMistyped = ({ name, positional }: Command, next: string | undefined): boolean =>
  !name.includes(" ") && positional.max === 0 && next?.startsWith("-") === false && groupOf(name).length > 0;

/** The commands of two words that begin with this one. */
const groupOf = (word = ""): readonly Command[] => COMMANDS.filter(({ name }) => name.startsWith(`${word} `));

function overview(commands: readonly Command[] = COMMANDS): string[] {
  return [
    "qkd: run a qkd-edge deployment from the command line",
    "",
    "Usage: npm run qkd -- <command> [options]     (qkd <command> --help tells more)",
    "",
    ...listOf(commands),
    "",
    "With `npm start` running in this folder, commands talk to it as its operator. Elsewhere: --edge or QKD_EDGE, and",
    "--token-file, QKD_TOKEN_FILE or QKD_TOKEN; or all of it in ~/.config/qkd/config.toml. docs/cli.md tells more.",
    "Colours: on terminals; not with --no-color, nor where NO_COLOR is set.",
    "",
    "Exit codes:",
    ...exitCodes().map(([code, means]) => `  ${code}  ${means}`),
  ];
}

function listOf(commands: readonly Command[]): readonly string[] {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
}

/** Each with what it says. */
const exitCodes = (): readonly (readonly [ExitCode, string])[] =>
  (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => [EXIT[name], EXIT_WORDS[name]]);

function helpOf(command: Command): string[] {
  const positional = command.positional.name === "" ? "" : ` ${command.positional.name}`;
  return [
    `qkd ${command.name}: ${command.summary}`,
    "",
    `Usage: npm run qkd -- ${command.name}${positional} [options]`,
    ...(Object.keys(command.options).length === 0 ? [] : ["", ...describeOptions(command.options)]),
    ...(command.notes === undefined ? [] : ["", ...command.notes]),
  ];
}
