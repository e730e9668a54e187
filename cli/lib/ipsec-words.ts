/** What is told of IPsec hosts and their entries, for people. Pure. */
import type { Batch, EntryReport, IpsecNode, IpsecStatus } from "./ipsec.ts";
import { plural, renderTable } from "./text.ts";

export interface OfNode {
  readonly node: string;
  readonly batch: Batch;
}

/** A line for each entry, in the order of the call; what is to be minded comes behind. */
export function describeBatches(batches: readonly OfNode[]): readonly string[] {
  const reports = batches.flatMap(({ node, batch }) => batch.entries.map((report) => ({ node, report })));
  const rows = reports.map(({ node, report }) => [node, ...entryCells(report)]);
  return [
    ...renderTable(["node", ...ENTRY_HEADINGS], rows),
    ...batches.flatMap(({ node, batch }) => (batch.warnings ?? []).map((text) => `warning, ${node}: ${text}`)),
    ...reports.flatMap(({ node, report }) => entryWarnings(report).map((text) => `warning, ${node}, ${text}`)),
  ];
}

const ENTRY_HEADINGS = ["", "entry", "state", ""] as const;
const entryCells = (report: EntryReport): readonly string[] => [
  report.kind ?? "-",
  report.name ?? "-",
  report.state,
  remarkOf(report),
];

/** Why it failed; or what the key was made of. */
function remarkOf({ reason, message, unchanged, sources, dropped = [], rekey }: EntryReport): string {
  if (reason !== undefined) return message === undefined ? reason : `${reason}: ${message}`;
  const parts = [
    ...(unchanged === true ? ["as it was"] : []),
    ...(sources === undefined ? [] : [`key of ${sources.join(" + ")}`]),
    ...(dropped.length === 0 ? [] : [`WITHOUT ${dropped.join(" + ")}`]),
    ...(rekey === undefined ? [] : [`anew at ${rekey}`]),
  ];
  return parts.join(", ");
}

const entryWarnings = ({ name, warnings = [] }: EntryReport): readonly string[] =>
  warnings.map((text) => `${name ?? "an entry"}: ${text}`);

/** `3 installed, 1 failed`, in the order in which the states come. */
export function tallyOf(reports: readonly Pick<EntryReport, "state">[]): string {
  const counts = new Map<string, number>();
  for (const { state } of reports) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
}

export interface ListedIpsec extends IpsecNode {
  /** Null: of nodes elsewhere nothing is known here. */
  readonly status: IpsecStatus | null;
}

export function describeIpsecNodes(nodes: readonly ListedIpsec[]): readonly string[] {
  if (nodes.length === 0) return ["no node has an IPsec host"];
  const rows = nodes.map(({ node, isElsewhere, ipsec, status }) => [
    node,
    isElsewhere ? "elsewhere" : "here",
    ipsec.prefixes.join(" "),
    ipsec.registry,
    typeof ipsec.rekey === "boolean" ? (ipsec.rekey ? "yes" : "no") : ipsec.rekey.join(" "),
    status === null ? "-" : tallyOf(status.entries) || "none",
    status === null ? "-" : String(status.alarms.length),
  ]);
  return renderTable(["node", "hosted", "prefixes", "registry", "rekey", "entries", "alarms"], rows);
}

/** The latest ones; `--json` has them all. */
const NOTIFICATIONS_SHOWN = 10;

export function describeIpsec({
  node,
  entries,
  settings,
  rekeys,
  notifications,
  alarms,
}: IpsecStatus): readonly string[] {
  return [
    `${node}: ${entries.length === 0 ? "no entries" : tallyOf(entries)}`,
    ...titled(
      "entries, the latest change first",
      ["", "entry", "state", "SPI", ""],
      entries.map((report) => {
        const [kind = "", name = "", state = "", remark = ""] = entryCells(report);
        return [kind, name, state, report.spi === undefined ? "" : String(report.spi), remark];
      }),
    ),
    ...entries.flatMap((report) => entryWarnings(report).map((text) => `  warning, ${text}`)),
    ...titled(
      "keys, as set for a pair of proxy agents",
      ["endpoints", "QKD", "KEM", "method"],
      settings.map(({ endpoints, qkd, kem, method }) => [endpoints.join(" "), qkd ? "yes" : "no", kem ?? "-", method]),
    ),
    ...titled(
      "being made anew",
      ["rekey", "phase", "", "since"],
      rekeys.map(({ id, phase, sas, since }) => [id, phase, plural(sas, "SA"), since]),
    ),
    ...titled(
      "the host has told",
      ["at", "what", "of"],
      notifications
        .slice(0, NOTIFICATIONS_SHOWN)
        .map(({ at, notification }) => [at, wordOf(notification), subjectOf(notification)]),
    ),
    ...(alarms.length === 0
      ? ["  alarms: none"]
      : titled(
          "alarms",
          ["alarm", "subject", "count", "last", "detail"],
          alarms.map(({ code, subject, count, last, detail }) => [code, subject, String(count), last, detail]),
        )),
  ];
}

type Notification = IpsecStatus["notifications"][number]["notification"];

function wordOf(notification: Notification): string {
  if (!("soft" in notification)) return notification.kind;
  return `${notification.kind} ${notification.soft ? "soft" : "hard"}`;
}

function subjectOf(notification: Notification): string {
  if ("saName" in notification) return notification.saName;
  return "spi" in notification ? `SPI ${notification.spi}` : notification.policyName;
}

function titled(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0
    ? []
    : [`  ${title}:`, ...renderTable(headings, rows).map((line) => `    ${line}`.trimEnd())];
}
