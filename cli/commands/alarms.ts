/** `qkd alarms`: what the links' pools want looked into, and clearing it. */
import type * as v from "valibot";
import { AlarmsClearedSchema, type LinkAlarmSchema, LinkSchema } from "../../shared/api/schemas.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { listLinks, noSuchLink } from "../lib/links.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { plural, renderTable } from "../lib/text.ts";

type Alarm = { readonly link: string } & v.InferOutput<typeof LinkAlarmSchema>;

const linkPath = (link: string): string => `/api/v1/links/${encodeURIComponent(link)}`;

export const alarms: Command = {
  name: "alarms",
  summary: "show standing alarms of links, or clear those of one code",
  positional: { name: "[clear CODE]", min: 0, max: 2 },
  options: {
    link: { type: "string", value: "<id>", help: "of this link only; clear needs it" },
    ...COMMON_OPTIONS,
  },
  notes: [
    "An alarm stands until its cause is gone or an operator clears it: clear what has been looked into.",
    "",
    "Example: npm run qkd -- alarms clear twin-missing --link tn-1-tn-2",
  ],
  async run(context) {
    const [verb, code, ...rest] = context.args.positionals;
    if (verb === undefined) return await show(context);
    if (verb !== "clear" || code === undefined || rest.length > 0) {
      throw new CliFailure("alarms takes nothing, or: clear CODE --link LINK");
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

async function show({ args, terminal, api }: CommandContext): Promise<ExitCode> {
  const standing: Alarm[] = [];
  for (const link of await linksWanted(api(), args.text("link"))) {
    // One after the other: a network may have thousands of links.
    const body = expectShape(LinkSchema, (await api().get(linkPath(link))).json);
    standing.push(...(body.alarms ?? []).map((alarm) => ({ link, ...alarm })));
  }
  if (args.flag("json")) terminal.line(JSON.stringify({ alarms: standing }));
  else for (const line of describe(standing)) terminal.line(line);
  return EXIT.ok;
}

function describe(standing: readonly Alarm[]): string[] {
  if (standing.length === 0) return ["no alarm stands"];
  const rows = standing.map(({ link, code, subject, count, last, detail }) => [
    link,
    code,
    subject,
    String(count),
    last,
    detail,
  ]);
  return renderTable(["link", "alarm", "subject", "count", "last", "detail"], rows, new Set(["count"]));
}

async function clear({ args, terminal, api }: CommandContext, code: string): Promise<ExitCode> {
  const [link = ""] = await linksWanted(api(), args.required("link"));
  const path = `${linkPath(link)}/alarms/${encodeURIComponent(code)}`;
  const answer = await api().call({ method: "DELETE", path, retry: true });
  const { cleared } = expectShape(AlarmsClearedSchema, answer.json);
  terminal.line(args.flag("json") ? JSON.stringify({ cleared }) : `cleared ${plural(cleared, "alarm")} of ${link}`);
  return EXIT.ok;
}
