/** `qkd import` of settings-tnN.json: what nodes of qkd-trusted-node become here. */
import { isOriginalSettings, readSettings } from "../../shared/qkd-trusted-node/settings.ts";
import { type ImportedNetwork, importedNetwork } from "../../shared/qkd-trusted-node/settings-parts.ts";
import type { CommandContext } from "../lib/command.ts";
import { CliFailure } from "../lib/failure.ts";
import { keyTables, type ReadFile } from "../lib/imported.ts";

export const TRUSTED_NODE_FILES_MAX = 64;

export function runTrustedNodes({ args, terminal }: CommandContext, files: readonly ReadFile[]): void {
  const other = files.find(({ parsed }) => !isOriginalSettings(parsed));
  if (other !== undefined) throw new CliFailure(`${other.name}: no settings-tnN.json of qkd-trusted-node`);
  const read = files.map(({ name, parsed }) => ({ name, ...readSettings(parsed) }));
  const wrong = read.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
  if (wrong.length > 0) throw new CliFailure(wrong.join("; "));
  const nodes = read.map(({ node }) => node);
  const hosted = args.text("hosted")?.split(",") ?? nodes.map(({ id }) => id);
  const imported = importedNetwork(nodes, new Set(hosted));
  if (imported.problems.length > 0) throw new CliFailure(imported.problems.join("; "));
  const keys = {
    mapped: once(read.flatMap(({ mapped }) => mapped)),
    ignored: once(read.flatMap(({ ignored }) => ignored)),
  };
  if (args.flag("json")) terminal.line(JSON.stringify({ ...jsonOf(imported), ...keys }));
  else for (const line of [...describe(imported), "", ...keyTables(keys)]) terminal.line(line);
}

/** Each key once, whichever of the files has it. */
const once = <T extends { readonly key: string }>(entries: readonly T[]): readonly T[] => [
  ...new Map(entries.map((entry) => [entry.key, entry])).values(),
];

const jsonOf = ({ parts, agents, open }: ImportedNetwork) => ({
  parts,
  agents: Object.fromEntries(Object.entries(agents).map(([site, lines]) => [site, lines.join("\n")])),
  open,
});

const describe = ({ parts, agents, open }: ImportedNetwork): readonly string[] => [
  "parts of the network document (network show, network apply):",
  "",
  ...JSON.stringify(parts, null, 2).split("\n"),
  ...Object.values(agents).flatMap((lines) =>
    lines.length === 0 ? [] : ["", "lines of that site's agent.toml, besides edge:", "", ...lines],
  ),
  ...(open.length === 0 ? [] : ["", "what the files do not tell:", "", ...open.map((line) => `- ${line}`)]),
];
