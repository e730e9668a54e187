/** `qkd import` of proxy_agent.json and public_node_info.json: what QUBIP's proxy agent becomes here. */
import { type ImportedProxy, importProxy, proxyFile } from "../../shared/ipsec/proxy-files.ts";
import type { CommandContext } from "../lib/command.ts";
import { CliFailure } from "../lib/failure.ts";
import { keyTables, type ReadFile } from "../lib/imported.ts";

/** Both files, in any order. */
export function runProxyAgent({ args, terminal }: CommandContext, files: readonly ReadFile[]): void {
  const config = files.find(({ parsed }) => proxyFile(parsed) === "config");
  const nodes = files.find(({ parsed }) => proxyFile(parsed) === "nodes");
  if (config === undefined || nodes === undefined || files.length > 2) {
    const names = files.map(({ name }) => name).join(", ");
    throw new CliFailure(
      `${names}: a proxy agent has two files, proxy_agent.json and public_node_info.json`,
      "qkd import proxy_agent.json public_node_info.json",
    );
  }
  const node = args.text("node") ?? "tn-1";
  const imported = importProxy(config.parsed, nodes.parsed, { node, sae: args.text("sae") ?? null });
  const { toml, nodes: parts, mapped, ignored, problems, warnings } = imported;
  if (problems.length > 0) throw new CliFailure(`${config.name}, ${nodes.name}: ${problems.join("; ")}`);
  if (args.flag("json"))
    terminal.line(JSON.stringify({ toml: toml.join("\n"), nodes: parts, mapped, ignored, warnings }));
  else for (const line of describe(imported, args.text("node") === undefined)) terminal.line(line);
}

const describe = (imported: ImportedProxy, isGuessed: boolean): readonly string[] => [
  "lines of the agent's agent.toml, besides edge and site:",
  ...(isGuessed ? ["(tn-1 stands for what the files do not tell: --node)"] : []),
  "",
  ...imported.toml,
  "",
  "ipsec of the nodes with these UUIDs, in the network document (network show, network apply):",
  "",
  ...JSON.stringify(imported.nodes, null, 2).split("\n"),
  ...(imported.warnings.length === 0 ? [] : ["", ...imported.warnings.map((text) => `warning: ${text}`)]),
  "",
  ...keyTables(imported),
];
