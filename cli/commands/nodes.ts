/** `qkd node list|show|route`: the nodes of the network, what they hear of each other, and the ways between them. */
import type * as v from "valibot";
import { NodeRouteSchema } from "../../shared/api/node-schemas.ts";
import { MAX_DISJOINT_PATHS } from "../../shared/keypool/relay-shard.ts";
import { expectShape } from "../lib/answers.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";
import { type CliFailure, EXIT } from "../lib/failure.ts";
import { ipsecAlarmsOf } from "../lib/ipsec.ts";
import { describeNode } from "../lib/node-words.ts";
import { hostedElsewhere, type ListedNode, listNodes, nodePath, readNode, unknownNode } from "../lib/nodes.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { plural, renderTable } from "../lib/text.ts";

const list: Command = {
  name: "node list",
  summary: "list the nodes, who hosts them, and their neighbours",
  positional: NO_POSITIONALS,
  options: COMMON_OPTIONS,
  async run({ args, terminal, api }) {
    const nodes = await listNodes(api());
    if (args.flag("json")) terminal.line(JSON.stringify({ nodes }));
    else for (const line of nodesTable(nodes)) terminal.line(line);
    return EXIT.ok;
  },
};

function nodesTable(nodes: readonly ListedNode[]): string[] {
  if (nodes.length === 0) return ["no nodes"];
  const rows = nodes.map(({ node, url, saes, neighbours }) => [
    node,
    url ?? "here",
    String(saes),
    neighbours.length === 0 ? "-" : neighbours.join(" "),
  ]);
  return renderTable(["node", "hosted", "SAEs", "neighbours"], rows, new Set(["SAEs"]));
}

const show: Command = {
  name: "node show",
  summary: "show a node's links, what it hears of others, its relays, and its alarms with those of its IPsec host",
  positional: { name: "NODE", min: 1, max: 1 },
  options: COMMON_OPTIONS,
  notes: ["Of a node of another deployment: what a node here has heard of it."],
  async run({ args, terminal, api }) {
    const state = await readNode(api(), args.first());
    const node = state.hosted
      ? { ...state, alarms: [...state.alarms, ...(await ipsecAlarmsOf(api(), state.node))] }
      : state;
    if (args.flag("json")) terminal.line(JSON.stringify(node));
    else for (const line of describeNode(node)) terminal.line(line);
    return EXIT.ok;
  },
};

type Route = v.InferOutput<typeof NodeRouteSchema>;

const route: Command = {
  name: "node route",
  summary: "tell which ways lead from a node to another at present",
  positional: { name: "FROM TO", min: 2, max: 2 },
  options: {
    "disjoint-paths": {
      type: "string",
      value: "<n>",
      help: `so many that share no node between the two (1 to ${MAX_DISJOINT_PATHS}; default 1)`,
    },
    ...COMMON_OPTIONS,
  },
  notes: [
    "FROM is a node of this deployment. Where no path is there, it says what would have to come back, and exits 1.",
    "",
    "Example: npm run qkd -- node route tn-1 tn-4",
  ],
  async run({ args, terminal, api }) {
    const [from = "", to = ""] = args.positionals;
    const paths = args.wholeNumber("disjoint-paths", 1, MAX_DISJOINT_PATHS);
    const query = paths === undefined ? "" : `?disjoint_paths=${paths}`;
    const path = `${nodePath(from)}/routes/${encodeURIComponent(to)}${query}`;
    const answer = await api().call({ path, retry: true, accept: [404] });
    if (answer.status === 404) throw noRoute(await listNodes(api()), from, to);
    const found = expectShape(NodeRouteSchema, answer.json);
    if (args.flag("json")) terminal.line(JSON.stringify(found));
    else for (const line of describeRoute(found)) terminal.line(line);
    return found.paths.length > 0 ? EXIT.ok : EXIT.error;
  },
};

/** Which of the two is not there; or whose routes are not known here. */
function noRoute(known: readonly ListedNode[], from: string, to: string): CliFailure {
  const unknown = [from, to].find((node) => !known.some((each) => each.node === node));
  return unknown === undefined ? hostedElsewhere(from) : unknownNode(unknown, known);
}

function describeRoute({ from, to, disjoint_paths: disjoint, paths, cut, custody }: Route): string[] {
  if (paths.length === 0) {
    const many = disjoint > 1 ? `${plural(disjoint, "node-disjoint path")} are not there` : "no path";
    return [`${from} to ${to}: ${many}`, ...cut.map((way) => `  to come back: ${way}`)];
  }
  const rows = paths.map(({ nodes, links, hops, cost }) => [
    String(hops),
    String(cost),
    nodes.join(" - "),
    links.join(" "),
  ]);
  return [
    ...renderTable(["hops", "cost", "path", "links"], rows, new Set(["hops", "cost"])),
    `relay: ${custody}${custody === "between" ? " deployments" : ""}`,
  ];
}

export const nodeCommands: readonly Command[] = [list, show, route];
