/** What of docs/cli.md comes from the table of commands. Pure. */
import { CONNECTION_OPTIONS } from "../../cli/lib/settings.ts";
import { describeOptions, type OptionTable } from "../../cli/lib/args.ts";
import type { Command } from "../../cli/lib/command.ts";
import { EXIT, EXIT_WORDS } from "../../cli/lib/failure.ts";

/** @param page as it is: the rest of it is written by hand. @throws Error where a mark is missing */
export function cliPage(page: string, commands: readonly Command[]): string {
  const sections = { connection: connectionTable(), "exit-codes": exitCodesTable(), commands: reference(commands) };
  return Object.entries(sections).reduce((text, [mark, section]) => withSection(text, mark, section), page);
}

/** `<!-- MARK: begin -->` and `<!-- MARK: end -->` stand around what is generated. */
function withSection(page: string, mark: string, section: readonly string[]): string {
  const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`docs/cli.md lacks ${begin} ... ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${section.join("\n")}\n\n${page.slice(to)}`;
}

/** As a cell of a table. */
const cell = (text: string): string => text.replaceAll("|", String.raw`\|`);
const table = (headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  `| ${headings.join(" | ")} |`,
  `|${" --- |".repeat(headings.length)}`,
  ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
];

const connectionTable = (): readonly string[] =>
  table(
    ["option", "what"],
    Object.entries(CONNECTION_OPTIONS).map(([name, { value, help }]) => [`\`--${name} ${value}\``, help]),
  );

const exitCodesTable = (): readonly string[] =>
  table(
    ["exit code", "says"],
    (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => [String(EXIT[name]), EXIT_WORDS[name]]),
  );

function reference(commands: readonly Command[]): readonly string[] {
  const rows = commands.map(({ name, summary }) => [`[\`${name}\`](#${name.replaceAll(" ", "-")})`, summary]);
  return [...table(["command", "what it does"], rows), ...commands.flatMap(sectionOf)];
}

/** In full but for the options by which an edge is reached. */
function sectionOf({ name, summary, positional, options, notes = [] }: Command): readonly string[] {
  const common: OptionTable = CONNECTION_OPTIONS;
  const own = Object.fromEntries(Object.entries(options).filter(([option, spec]) => common[option] !== spec));
  const isOfEdge = Object.keys(own).length < Object.keys(options).length;
  const usage = `qkd ${name}${positional.name === "" ? "" : ` ${positional.name}`}`;
  return [
    "",
    `### ${name}`,
    "",
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.${isOfEdge ? " Talks to [an edge](#which-edge-and-as-whom)." : ""}`,
    "",
    "```text",
    usage,
    ...describeOptions(own),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "```",
  ];
}
