/** `qkd import`: what a configuration of qkd-module becomes here. It changes nothing. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { type ImportedConfig, importConfig } from "../../shared/qkd-module/original-config.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { renderTable } from "../lib/text.ts";

/** Its own has half a kilobyte. */
const FILE_BYTES_MAX = 64 * 1024;
/** Aliases may make a small file a large value. */
const ALIASES_MAX = 16;

export const importCommand: Command = {
  name: "import",
  summary: "read the configM.yaml of qkd-module: which link it becomes, and what of it is ignored",
  positional: { name: "FILE", min: 1, max: 1 },
  options: {
    link: { type: "string", value: "<id>", help: "id of the link it becomes (default: its two nodes)" },
    nodes: { type: "string", value: "<a,b>", help: "the sender's node, the receiver's (default: tn-1,tn-2)" },
    json: { type: "boolean", help: "print one JSON object" },
  },
  notes: [
    "Put the link into the network document (network show, network apply). One link stands for both modules'",
    "configurations: the two must agree but for their role.",
    "",
    "Example: npm run qkd -- import configM.yaml --nodes tn-1,tn-2",
  ],
  run: runImport,
};

async function runImport({ args, terminal, around }: CommandContext): Promise<ExitCode> {
  const [name = ""] = args.positionals;
  const nodes = (args.text("nodes") ?? "tn-1,tn-2").split(",");
  if (nodes.length !== 2 || nodes.includes("") || nodes[0] === nodes[1]) {
    throw new CliFailure("--nodes takes two different nodes: tn-1,tn-2");
  }
  const config = importConfig(await readYaml(path.resolve(around.cwd, name), name));
  const [problem] = config.problems;
  if (problem !== undefined) throw new CliFailure(`${name}: ${config.problems.join("; ")}`);
  const link = linkOf(config, args.text("link") ?? nodes.join("-"), nodes);
  const { role, mapped, ignored } = config;
  if (args.flag("json")) terminal.line(JSON.stringify({ role, link, mapped, ignored }));
  else for (const line of describe(config, link)) terminal.line(line);
  return EXIT.ok;
}

async function readYaml(file: string, name: string): Promise<unknown> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) throw new CliFailure(`${name}: more than ${FILE_BYTES_MAX} bytes`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw new CliFailure(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return parse(text, { maxAliasCount: ALIASES_MAX });
  } catch (error) {
    throw new CliFailure(`${name} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** As an entry of `links`. Rate and channel are this project's own: the original has none. */
function linkOf({ sim, module }: ImportedConfig, id: string, nodes: readonly string[]) {
  return {
    id,
    nodes,
    source: sim,
    feed: "two-ended",
    health: "reject",
    key_rate_bps: sim === "fake" ? FAKE_RATE_BPS : 0,
    ...(Object.keys(module).length === 0 ? {} : { module }),
  };
}
const FAKE_RATE_BPS = 100_000;

function describe({ role, mapped, ignored }: ImportedConfig, link: object): string[] {
  return [
    `the ${role}'s end of this link, an entry of links in the network document:`,
    "",
    ...JSON.stringify(link, null, 2).split("\n"),
    "",
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
}
