/** `qkd alarms`: what the deployment wants looked into, who looks into it, and whom it has told. */
import { AlarmsSchema, WebhooksSchema } from "../../shared/api/alarm-schemas.ts";
import {
  type MonitorAlarm,
  MonitorAlarmSchema,
  type MonitorView,
  MonitorViewSchema,
} from "../../shared/api/monitor-schemas.ts";
import { AlarmsClearedSchema } from "../../shared/api/schemas.ts";
import { isProxyAlarmCode } from "../../shared/ipsec/alarms.ts";
import type { AlarmState } from "../../shared/monitor/alarm-rpc.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Args, OptionTable } from "../lib/args.ts";
import type { Paint } from "../lib/colour.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { ipsecPath } from "../lib/ipsec.ts";
import { nodePath } from "../lib/nodes.ts";
import { pairPath } from "../lib/pairs.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { plural, renderTable } from "../lib/text.ts";

type Kind = "link" | "pair" | "node" | "site";
/** What alarms are of. */
interface Whose {
  readonly kind: Kind;
  readonly id: string;
}

/** Where those of a code are cleared, and which of these there are. */
const PLACES: Readonly<
  Record<Kind, { path: (id: string) => string; known: (view: MonitorView) => readonly string[] }>
> = {
  link: { path: (id) => `/api/v1/links/${encodeURIComponent(id)}`, known: ({ links }) => links.map(({ id }) => id) },
  pair: { path: pairPath, known: ({ pairs }) => pairs.map(({ id }) => pairOf(id)) },
  node: { path: nodePath, known: ({ nodes }) => nodes.map(({ id }) => id) },
  site: { path: (id) => `/api/v1/sites/${encodeURIComponent(id)}`, known: ({ sites }) => sites.map(({ id }) => id) },
};
const KINDS = Object.keys(PLACES) as Kind[];

/** Of the id of a pool of relayed key: `tn-1|tn-4#60`. */
const pairOf = (id: string): string => id.replace(/#\d+$/u, "");

const WHOSE: OptionTable = {
  link: { type: "string", value: "<id>", help: "of this link only" },
  pair: { type: "string", value: "<id|id>", help: "of the relayed key of these two nodes only" },
  node: { type: "string", value: "<id>", help: "of this node, and of its IPsec host, only" },
  site: { type: "string", value: "<id>", help: "of this site only" },
};

/** Null: all. */
function whoseWanted(args: Args): Whose | null {
  const named = KINDS.flatMap((kind) => {
    const id = args.text(kind);
    return id === undefined ? [] : [{ kind, id: kind === "pair" ? id.split("|").sort().join("|") : id }];
  });
  const [whose = null, ...others] = named;
  if (others.length > 0) throw new CliFailure("alarms takes one of --link, --pair, --node and --site, not both");
  return whose;
}

function isOf({ of }: MonitorAlarm, whose: Whose | null): boolean {
  if (whose === null) return true;
  const kind = of.kind === "ipsec" ? "node" : of.kind;
  return kind === whose.kind && (kind === "pair" ? pairOf(of.id) : of.id) === whose.id;
}

/** @throws CliFailure where there is none such, naming the one that was meant, perhaps */
async function expectKnown(api: Api, { kind, id }: Whose): Promise<void> {
  const known = PLACES[kind].known(expectShape(MonitorViewSchema, (await api.get("/api/v1/monitor")).json));
  // Of relayed key there is a pool once it was asked for.
  if (kind === "pair" || known.includes(id)) return;
  throw new CliFailure(`no ${kind} "${id.slice(0, 80)}".${didYouMean(id, known)}`);
}

const list: Command = {
  name: "alarms",
  summary: "list the deployment's alarms: those that stand, or that were cleared within a day",
  positional: { name: "[list]", min: 0, max: 1 },
  options: {
    ...WHOSE,
    cleared: { type: "boolean", help: "those that were cleared within a day" },
    all: { type: "boolean", help: "these, and those that stand" },
    ...COMMON_OPTIONS,
  },
  notes: [
    "An alarm stands until its cause is gone, or, where nobody can tell that, an operator clears it: docs/alarms.md.",
    "",
    "Example: npm run qkd -- alarms --link tn-1-tn-2",
  ],
  async run({ args, terminal, paint, api }) {
    const [word = "list"] = args.positionals;
    if (word !== "list") {
      throw new CliFailure(`no command "alarms ${word}".${didYouMean(word, ["list", "ack", "clear", "webhooks"])}`);
    }
    const whose = whoseWanted(args);
    const state: AlarmState = args.flag("all") ? "all" : args.flag("cleared") ? "cleared" : "standing";
    const { alarms } = expectShape(AlarmsSchema, (await api().get(`/api/v1/alarms?state=${state}`)).json);
    const wanted = alarms.filter((alarm) => isOf(alarm, whose));
    if (whose !== null && wanted.length === 0) await expectKnown(api(), whose);
    if (args.flag("json")) terminal.line(JSON.stringify({ alarms: wanted }));
    else if (wanted.length > 0) for (const line of tableOf(wanted, paint)) terminal.line(line);
    else terminal.line(state === "standing" ? "no alarm stands" : "no alarm");
    return EXIT.ok;
  },
};

const nameOf = ({ of: { kind, id } }: MonitorAlarm): string =>
  kind === "link" || kind === "deployment" ? id : `${kind} ${kind === "pair" ? pairOf(id) : id}`;

function tableOf(alarms: readonly MonitorAlarm[], paint: Paint): readonly string[] {
  const headings = ["id", "severity", "of", "alarm", "subject", "count", "last", "acknowledged", "detail"];
  const rows = alarms.map((alarm) => [
    alarm.id,
    paint(alarm.severity),
    nameOf(alarm),
    alarm.code,
    alarm.subject,
    String(alarm.count),
    alarm.cleared === null ? alarm.last : `cleared ${alarm.cleared}`,
    alarm.acknowledged === null ? "-" : `${alarm.acknowledged.by} ${alarm.acknowledged.note}`.trim(),
    alarm.detail,
  ]);
  return renderTable(headings, rows, new Set(["id", "count"]));
}

const acknowledge: Command = {
  name: "alarms ack",
  summary: "note that you have seen an alarm: it goes on standing",
  positional: { name: "ID", min: 1, max: 1 },
  options: {
    note: { type: "string", value: "<text>", help: "for the others: what you are about to do" },
    withdraw: { type: "boolean", help: "take it back" },
    ...COMMON_OPTIONS,
  },
  notes: ["Example: npm run qkd -- alarms ack 17 --note 'on my way to the site'"],
  async run({ args, terminal, api }) {
    const [id = ""] = args.positionals;
    const path = `/api/v1/alarms/${encodeURIComponent(id)}/acknowledge`;
    const note = args.text("note") ?? "";
    const answer = args.flag("withdraw")
      ? await api().call({ method: "DELETE", path, retry: true })
      : await api().call({ method: "POST", path, body: JSON.stringify({ note }), retry: true });
    const alarm = expectShape(MonitorAlarmSchema, answer.json);
    const verb = alarm.acknowledged === null ? "no longer acknowledged" : "acknowledged";
    terminal.line(args.flag("json") ? JSON.stringify(alarm) : `${verb}: ${alarm.code} of ${nameOf(alarm)}`);
    return EXIT.ok;
  },
};

const clear: Command = {
  name: "alarms clear",
  summary: "clear the alarms of one code that an object keeps until somebody has looked into them",
  positional: { name: "CODE", min: 1, max: 1 },
  options: { ...WHOSE, ...COMMON_OPTIONS },
  notes: [
    "Needs one of --link, --pair, --node and --site. What is still wrong raises it again.",
    "",
    "Example: npm run qkd -- alarms clear twin-missing --link tn-1-tn-2",
  ],
  async run({ args, terminal, api }) {
    const [code = ""] = args.positionals;
    const whose = whoseWanted(args);
    if (whose === null) throw new CliFailure("--link is required, or --pair, --node or --site");
    const { kind, id } = whose;
    const rest = `alarms/${encodeURIComponent(code)}`;
    const path = kind === "node" && isProxyAlarmCode(code) ? ipsecPath(id, rest) : `${PLACES[kind].path(id)}/${rest}`;
    const answer = await api().call({ method: "DELETE", path, retry: true, accept: [404] });
    if (answer.status === 404) {
      await expectKnown(api(), whose);
      throw new CliFailure(
        `no alarm of ${kind === "link" ? "a link" : `a ${kind}`} that can be cleared has the code ${code}`,
      );
    }
    const { cleared } = expectShape(AlarmsClearedSchema, answer.json);
    const told = `cleared ${plural(cleared, "alarm")} of ${kind === "link" ? id : `${kind} ${id}`}`;
    terminal.line(args.flag("json") ? JSON.stringify({ cleared }) : told);
    return EXIT.ok;
  },
};

const webhooks: Command = {
  name: "alarms webhooks",
  summary: "show how the webhooks of the network document fare, and the keys that their messages are signed by",
  positional: NO_POSITIONALS,
  options: COMMON_OPTIONS,
  async run({ args, terminal, paint, api }) {
    const states = expectShape(WebhooksSchema, (await api().get("/api/v1/webhooks")).json);
    if (args.flag("json")) {
      terminal.line(JSON.stringify(states));
      return EXIT.ok;
    }
    const rows = states.webhooks.map(({ id, url, public_key: key, waiting, delivered, given_up: givenUp, failing }) => [
      id,
      url,
      paint(failing === null ? "ok" : "down"),
      ...[waiting, delivered, givenUp].map(String),
      key ?? "none: QKD_IDENTITY_SEED is not set, and nothing is sent",
      failing === null ? "" : `${failing.reason}; again ${failing.next}`,
    ]);
    const headings = ["webhook", "url", "state", "waiting", "delivered", "given up", "public key", "why"];
    const right = new Set(["waiting", "delivered", "given up"]);
    for (const line of rows.length === 0
      ? ["no webhook (one that was put into the network document just now shows within seconds)"]
      : renderTable(headings, rows, right))
      terminal.line(line);
    return EXIT.ok;
  },
};

export const alarmCommands: readonly Command[] = [list, acknowledge, clear, webhooks];
