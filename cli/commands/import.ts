/**
 * `qkd import`: what a configuration of qkd-module, a hybridization module, a proxy agent, qkd-trusted-node or
 * Open-QKD-Network becomes here. It changes nothing.
 */
import { importModule, originalFile } from "../../shared/hybrid/original-config.ts";
import { proxyFile } from "../../shared/ipsec/proxy-files.ts";
import { type ImportedConfig, importConfig } from "../../shared/qkd-module/original-config.ts";
import { isOriginalSettings } from "../../shared/qkd-trusted-node/settings.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { keyTables, readConfigFile, type ReadFile } from "../lib/imported.ts";
import { runOpenQkdNetwork, siteFileOf } from "./import-open-qkd-network.ts";
import { runProxyAgent } from "./import-proxy-agent.ts";
import { runTrustedNodes, TRUSTED_NODE_FILES_MAX } from "./import-trusted-node.ts";

export const importCommand: Command = {
  name: "import",
  summary:
    "read files of qkd-module, a hybridization module, a proxy agent, qkd-trusted-node or Open-QKD-Network: what they become, what is ignored",
  positional: { name: "FILE...", min: 1, max: TRUSTED_NODE_FILES_MAX },
  options: {
    link: {
      type: "string",
      value: "<id>",
      help: "of a qkd-module: id of the link it becomes (default: its two nodes)",
    },
    nodes: {
      type: "string",
      value: "<a,b>",
      help: "of a qkd-module: the sender's node, the receiver's (default: tn-1,tn-2); of Open-QKD-Network: A=tn-1,B=tn-2, which node a site is (default: its id in small letters)",
    },
    node: { type: "string", value: "<id>", help: "of a hybridization module or proxy agent: its node (default: tn-1)" },
    hosted: {
      type: "string",
      value: "<a,b>",
      help: "of qkd-trusted-node: the nodes that become hosted ones (default: all whose files are given)",
    },
    sae: {
      type: "string",
      value: "<id>",
      help: "the application at it that is served (default: sae-a); of a proxy agent: for which the agent makes the keys itself",
    },
    json: { type: "boolean", help: "print one JSON object" },
  },
  notes: [
    "What a file is shows in what it holds. configM.yaml of qkd-module becomes a link: put it into the network document",
    "(network show, network apply). One link stands for both modules' configurations: the two must agree but for their",
    "role. config.json and trusted_peers_info.json of a hybridization module, given together, become lines of agent.toml.",
    "So do proxy_agent.json and public_node_info.json of a proxy agent, and `ipsec` of nodes in the document.",
    "settings-tnN.json of qkd-trusted-node become parts of the document and lines of agent.toml. With --hosted the other",
    "files tell only what is behind the neighbours of the hosted nodes.",
    "kms.conf, site.properties, routes.json and config.yaml of one site of Open-QKD-Network become parts of the document",
    "and lines of agent.toml, too.",
    "",
    "Example: npm run qkd -- import configM.yaml --nodes tn-1,tn-2",
    "         npm run qkd -- import config.json trusted_peers_info.json --node tn-1 --sae sae-a",
    "         npm run qkd -- import proxy_agent.json public_node_info.json --node tn-1 --sae sae-a",
    "         npm run qkd -- import settings-tn1.json settings-tn2.json --hosted tn-1-a2b2",
    "         npm run qkd -- import kms.conf routes.json site.properties --nodes A=tn-1,B=tn-2",
  ],
  run: runImport,
};

async function runImport(context: CommandContext): Promise<ExitCode> {
  const { args, around } = context;
  const files = await Promise.all(args.positionals.map((name) => readConfigFile(around.cwd, name)));
  const [file, second] = files;
  if (file === undefined) throw new CliFailure("import takes a file");
  if (files.some((each) => siteFileOf(each) !== null)) runOpenQkdNetwork(context, files);
  else if (files.some(({ parsed }) => isOriginalSettings(parsed))) runTrustedNodes(context, files);
  else if (files.some(({ parsed }) => proxyFile(parsed) !== null)) runProxyAgent(context, files);
  else if (files.some(({ parsed }) => originalFile(parsed) !== null)) runHybrid(context, files);
  else if (second === undefined) runLink(context, file);
  else
    throw new CliFailure(`${file.name}, ${second.name}: two files are one hybridization module's, and these are not`);
  return EXIT.ok;
}

/** It may have been meant for one of another kind. */
const KNOWN_FILES = "qkd import --help tells which files are known, and by what";

function runLink({ args, terminal }: CommandContext, { name, parsed }: ReadFile): void {
  const nodes = (args.text("nodes") ?? "tn-1,tn-2").split(",");
  if (nodes.length !== 2 || nodes.includes("") || nodes[0] === nodes[1]) {
    throw new CliFailure("--nodes takes two different nodes: tn-1,tn-2");
  }
  const config = importConfig(parsed);
  const { role, mapped, ignored, problems } = config;
  if (problems.length > 0) throw new CliFailure(`${name}: ${problems.join("; ")}`, KNOWN_FILES);
  const link = linkOf(config, args.text("link") ?? nodes.join("-"), nodes);
  if (args.flag("json")) terminal.line(JSON.stringify({ role, link, mapped, ignored }));
  else for (const line of describeLink(config, link)) terminal.line(line);
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

const describeLink = (config: ImportedConfig, link: object): readonly string[] => [
  `the ${config.role}'s end of this link, an entry of links in the network document:`,
  "",
  ...JSON.stringify(link, null, 2).split("\n"),
  "",
  ...keyTables(config),
];

/** Both files, in any order. */
function runHybrid({ args, terminal }: CommandContext, files: readonly ReadFile[]): void {
  const config = files.find(({ parsed }) => originalFile(parsed) === "config");
  const peers = files.find(({ parsed }) => originalFile(parsed) === "peers");
  if (config === undefined || peers === undefined) {
    const names = files.map(({ name }) => name).join(", ");
    throw new CliFailure(
      `${names}: a hybridization module has two files, config.json and trusted_peers_info.json`,
      "qkd import config.json trusted_peers_info.json",
    );
  }
  const as = { node: args.text("node") ?? "tn-1", sae: args.text("sae") ?? "sae-a" };
  const imported = importModule(config.parsed, peers.parsed, as);
  const { toml, mapped, ignored, problems } = imported;
  if (problems.length > 0) throw new CliFailure(`${config.name}, ${peers.name}: ${problems.join("; ")}`);
  if (args.flag("json")) {
    terminal.line(JSON.stringify({ toml: toml.join("\n"), mapped, ignored }));
    return;
  }
  const isGuessed = args.text("node") === undefined || args.text("sae") === undefined;
  const lines = [
    "lines of the agent's agent.toml, besides edge and site:",
    ...(isGuessed ? [`(${as.node} and ${as.sae} stand for what the files do not tell: --node, --sae)`] : []),
    "",
    ...toml,
    "",
    ...keyTables(imported),
  ];
  for (const line of lines) terminal.line(line);
}
