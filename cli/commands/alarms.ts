/** `qkd alarms`: what the links' pools and the sites' hubs want looked into, and clearing it. */
import type * as v from "valibot";
import { AlarmsClearedSchema, LinkSchema } from "../../shared/api/schemas.ts";
import { type SiteAlarmSchema, SiteSchema, SitesSchema } from "../../shared/api/site-schemas.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { listLinks, noSuchLink } from "../lib/links.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { plural, renderTable } from "../lib/text.ts";

/** What every alarm has; those of links have more. */
type Told = v.InferOutput<typeof SiteAlarmSchema>;
type Alarm = ({ readonly link: string } | { readonly site: string }) & Told;

const linkPath = (link: string): string => `/api/v1/links/${encodeURIComponent(link)}`;
const sitePath = (site: string): string => `/api/v1/sites/${encodeURIComponent(site)}`;

export const alarms: Command = {
  name: "alarms",
  summary: "show standing alarms of links and sites, or clear those of one code",
  positional: { name: "[clear CODE]", min: 0, max: 2 },
  options: {
    link: { type: "string", value: "<id>", help: "of this link only; clear needs it, or --site" },
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
    if (context.args.text("link") !== undefined && context.args.text("site") !== undefined) {
      throw new CliFailure("alarms takes --link or --site, not both");
    }
    if (verb === undefined) return await show(context);
    if (verb !== "clear" || code === undefined || rest.length > 0) {
      throw new CliFailure("alarms takes nothing, or: clear CODE --link LINK, or --site SITE");
    }
    return await clear(context, code);
  },
};

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

const ofSite = ({ site, alarms: standing = [] }: v.InferOutput<typeof SiteSchema>): readonly Alarm[] =>
  standing.map((alarm) => ({ site, ...alarm }));

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

async function wanted(api: Api, link: string | undefined, site: string | undefined): Promise<readonly Alarm[]> {
  if (link !== undefined) return await ofLinks(api, link);
  if (site !== undefined) return ofSite(expectShape(SiteSchema, (await api.get(sitePath(site))).json));
  return [...(await ofLinks(api, undefined)), ...(await ofSites(api))];
}

async function show({ args, terminal, api }: CommandContext): Promise<ExitCode> {
  const standing = await wanted(api(), args.text("link"), args.text("site"));
  if (args.flag("json")) terminal.line(JSON.stringify({ alarms: standing }));
  else for (const line of describe(standing)) terminal.line(line);
  return EXIT.ok;
}

function describe(standing: readonly Alarm[]): string[] {
  if (standing.length === 0) return ["no alarm stands"];
  const rows = standing.map((alarm) => [
    "link" in alarm ? alarm.link : `site ${alarm.site}`,
    alarm.code,
    alarm.subject,
    String(alarm.count),
    alarm.last,
    alarm.detail,
  ]);
  return renderTable(["of", "alarm", "subject", "count", "last", "detail"], rows, new Set(["count"]));
}

async function clear({ args, terminal, api }: CommandContext, code: string): Promise<ExitCode> {
  const site = args.text("site");
  const [link = ""] = site === undefined ? await linksWanted(api(), args.required("link")) : [];
  const path = `${site === undefined ? linkPath(link) : sitePath(site)}/alarms/${encodeURIComponent(code)}`;
  const answer = await api().call({ method: "DELETE", path, retry: true });
  const { cleared } = expectShape(AlarmsClearedSchema, answer.json);
  const of = site === undefined ? link : `site ${site}`;
  terminal.line(args.flag("json") ? JSON.stringify({ cleared }) : `cleared ${plural(cleared, "alarm")} of ${of}`);
  return EXIT.ok;
}
