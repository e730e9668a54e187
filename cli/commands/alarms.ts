/** `qkd alarms`: what the pools of links and of relayed key, the sites' hubs, the nodes that relay and their IPsec hosts want looked into, and clearing it. */
import type * as v from "valibot";
import { AlarmsClearedSchema, LinkSchema } from "../../shared/api/schemas.ts";
import { type SiteAlarmSchema, SiteSchema, SitesSchema } from "../../shared/api/site-schemas.ts";
import { isProxyAlarmCode } from "../../shared/ipsec/alarms.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Args } from "../lib/args.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { ipsecAlarmsOf, ipsecPath, listIpsecNodesIfAllowed } from "../lib/ipsec.ts";
import { listLinks, noSuchLink } from "../lib/links.ts";
import { listNodesIfAllowed, nodePath, readNode } from "../lib/nodes.ts";
import { listPairs, pairPath } from "../lib/pairs.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { plural, renderTable } from "../lib/text.ts";

/** What every alarm has; those of links and nodes have more. */
type Told = v.InferOutput<typeof SiteAlarmSchema>;
type Alarm = Whose & Told;
/** What an alarm is of. */
type Whose =
  | { readonly link: string }
  | { readonly pair: string }
  | { readonly site: string }
  | { readonly node: string };

const linkPath = (link: string): string => `/api/v1/links/${encodeURIComponent(link)}`;
const sitePath = (site: string): string => `/api/v1/sites/${encodeURIComponent(site)}`;

function nameOf(whose: Whose): string {
  if ("link" in whose) return whose.link;
  if ("pair" in whose) return `pair ${whose.pair}`;
  return "site" in whose ? `site ${whose.site}` : `node ${whose.node}`;
}

export const alarms: Command = {
  name: "alarms",
  summary: "show standing alarms of links, relayed pairs, nodes and sites, or clear those of one code",
  positional: { name: "[clear CODE]", min: 0, max: 2 },
  options: {
    link: { type: "string", value: "<id>", help: "of this link only; clear needs it, or another of these" },
    pair: { type: "string", value: "<id|id>", help: "of the relayed key of these two nodes only" },
    node: { type: "string", value: "<id>", help: "of this node, and of its IPsec host, only" },
    site: { type: "string", value: "<id>", help: "of this site only" },
    ...COMMON_OPTIONS,
  },
  notes: [
    "An alarm stands until its cause is gone or an operator clears it: clear what has been looked into.",
    "",
    "Example: npm run qkd -- alarms clear twin-missing --link tn-1-tn-2",
  ],
  async run(context) {
    const [verb, code, ...rest] = context.args.positionals;
    const whose = whoseWanted(context.args);
    if (verb === undefined) return await show(context, whose);
    if (verb !== "clear" || code === undefined || rest.length > 0) {
      throw new CliFailure("alarms takes nothing, or: clear CODE and one of --link, --pair, --node and --site");
    }
    if (whose === null) throw new CliFailure("--link is required, or --pair, --node or --site");
    return await clear(context, code, whose);
  },
};

/** Null: all. */
function whoseWanted(args: Args): Whose | null {
  const [link, pair, node, site] = ["link", "pair", "node", "site"].map((option) => args.text(option));
  const named = [
    link === undefined ? [] : { link },
    pair === undefined ? [] : { pair: pair.split("|").sort().join("|") },
    node === undefined ? [] : { node },
    site === undefined ? [] : { site },
  ];
  const [whose = null, ...others] = named.flat();
  if (others.length > 0) throw new CliFailure("alarms takes one of --link, --pair, --node and --site, not both");
  return whose;
}

async function linksWanted(api: Api, link: string | undefined): Promise<readonly string[]> {
  const known = await listLinks(api);
  if (link === undefined) return known;
  if (!known.includes(link)) throw noSuchLink(link, known);
  return [link];
}

async function ofLinks(api: Api, link: string | undefined): Promise<readonly Alarm[]> {
  const standing: Alarm[] = [];
  for (const each of await linksWanted(api, link)) {
    // One after the other: a network may have thousands of links.
    const body = expectShape(LinkSchema, (await api.get(linkPath(each))).json);
    standing.push(...(body.alarms ?? []).map((alarm) => ({ link: each, ...alarm })));
  }
  return standing;
}

/** Of all pairs, or of one. None for a caller who may read links only. */
async function ofPairs(api: Api, named?: string): Promise<readonly Alarm[]> {
  const pools = (await listPairs(api)).filter(({ pair }) => named === undefined || pair === named);
  return pools.flatMap(({ pair, alarms: standing }) => standing.map((alarm) => ({ pair, ...alarm })));
}

const ofSite = ({ site, alarms: standing = [] }: v.InferOutput<typeof SiteSchema>): readonly Alarm[] =>
  standing.map((alarm) => ({ site, ...alarm }));

/** Of its relays. Of another deployment's node: none, that deployment has them. */
async function ofNode(api: Api, node: string): Promise<readonly Alarm[]> {
  const state = await readNode(api, node);
  return state.hosted ? state.alarms.map((alarm) => ({ node, ...alarm })) : [];
}

const ofIpsec = async (api: Api, node: string): Promise<readonly Alarm[]> =>
  (await ipsecAlarmsOf(api, node)).map((alarm) => ({ node, ...alarm }));

/** None for a caller who may not read which nodes have one. */
async function ofIpsecHosts(api: Api): Promise<readonly Alarm[]> {
  const standing: Alarm[] = [];
  for (const { node, isElsewhere } of (await listIpsecNodesIfAllowed(api)) ?? []) {
    if (!isElsewhere) standing.push(...(await ofIpsec(api, node)));
  }
  return standing;
}

/** None for a caller who may read links only. */
async function ofNodes(api: Api): Promise<readonly Alarm[]> {
  const standing: Alarm[] = [];
  for (const { node, hosted } of (await listNodesIfAllowed(api)) ?? []) {
    if (hosted) standing.push(...(await ofNode(api, node)));
  }
  return standing;
}

/** None for a caller who may read links only. */
async function ofSites(api: Api): Promise<readonly Alarm[]> {
  const standing: Alarm[] = [];
  for (let after: string | null = ""; after !== null;) {
    const path: string = `/api/v1/sites?after=${encodeURIComponent(after)}`;
    const answer = await api.call({ path, retry: true, accept: [403] });
    if (answer.status === 403) break;
    const { sites, next } = expectShape(SitesSchema, answer.json);
    standing.push(...sites.flatMap(ofSite));
    after = next;
  }
  return standing;
}

async function wanted(api: Api, whose: Whose | null): Promise<readonly Alarm[]> {
  if (whose === null) {
    const ofPools = [...(await ofLinks(api, undefined)), ...(await ofPairs(api))];
    return [...ofPools, ...(await ofNodes(api)), ...(await ofIpsecHosts(api)), ...(await ofSites(api))];
  }
  if ("link" in whose) return await ofLinks(api, whose.link);
  if ("pair" in whose) return await ofPairs(api, whose.pair);
  if ("node" in whose) return [...(await ofNode(api, whose.node)), ...(await ofIpsec(api, whose.node))];
  return ofSite(expectShape(SiteSchema, (await api.get(sitePath(whose.site))).json));
}

async function show({ args, terminal, api }: CommandContext, whose: Whose | null): Promise<ExitCode> {
  const standing = await wanted(api(), whose);
  if (args.flag("json")) terminal.line(JSON.stringify({ alarms: standing }));
  else for (const line of describe(standing)) terminal.line(line);
  return EXIT.ok;
}

function describe(standing: readonly Alarm[]): string[] {
  if (standing.length === 0) return ["no alarm stands"];
  const rows = standing.map((alarm) => [
    nameOf(alarm),
    alarm.code,
    alarm.subject,
    String(alarm.count),
    alarm.last,
    alarm.detail,
  ]);
  return renderTable(["of", "alarm", "subject", "count", "last", "detail"], rows, new Set(["count"]));
}

async function pathOf(api: Api, whose: Whose, code: string): Promise<string> {
  const rest = `alarms/${encodeURIComponent(code)}`;
  if ("pair" in whose) return `${pairPath(whose.pair)}/${rest}`;
  if ("node" in whose) {
    return isProxyAlarmCode(code) ? ipsecPath(whose.node, rest) : `${nodePath(whose.node)}/${rest}`;
  }
  if ("site" in whose) return `${sitePath(whose.site)}/${rest}`;
  await linksWanted(api, whose.link);
  return `${linkPath(whose.link)}/${rest}`;
}

async function clear({ args, terminal, api }: CommandContext, code: string, whose: Whose): Promise<ExitCode> {
  const path = await pathOf(api(), whose, code);
  const answer = await api().call({ method: "DELETE", path, retry: true });
  const { cleared } = expectShape(AlarmsClearedSchema, answer.json);
  const told = `cleared ${plural(cleared, "alarm")} of ${nameOf(whose)}`;
  terminal.line(args.flag("json") ? JSON.stringify({ cleared }) : told);
  return EXIT.ok;
}
