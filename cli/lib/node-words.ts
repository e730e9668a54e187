/** A node's state in words. Pure. */
import type { HostedNode, NodeState } from "./nodes.ts";
import { formatCount, plural, renderTable } from "./text.ts";

export function describeNode(node: NodeState): string[] {
  if (!node.hosted) {
    const said =
      node.asked === null
        ? "no node here could be asked of it"
        : node.heard === null
          ? `${node.asked} has not heard of it`
          : `${node.asked} heard of it ${ago(node.heard.age_ms)}: ${saying(node.heard)}`;
    return [`${node.node}: of the deployment at ${node.url}`, `  ${said}`];
  }
  return [
    `${node.node}: hosted here, relay ${node.relay_enabled ? "enabled" : "NOT ENABLED"}`,
    ...section("links", linkRows(node)),
    ...section("heard of", heardRows(node)),
    ...notHeard(node),
    ...node.avoided.map(
      ({ link, node: avoided, left_ms: leftMs }) =>
        `  avoided for ${leftMs} ms: ${link === null ? `node ${avoided}` : `link ${link}`}`,
    ),
    ...relayLines(node),
    ...section("alarms", alarmRows(node)),
  ];
}

type Heard = Pick<HostedNode["heard"][number], "links" | "saes" | "signed">;

const saying = ({ links, saes, signed }: Heard): string =>
  `${plural(links, "link")}, ${plural(saes, "SAE")}, ${signed ? "signed" : "not signed"}`;

const ago = (ms: number): string => `${formatCount(Math.round(ms / 1000))} s ago`;

interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly right?: readonly string[];
}

const section = (title: string, { headings, rows, right = [] }: Table): string[] =>
  rows.length === 0
    ? [`  ${title}: none`]
    : [`  ${title}:`, ...renderTable(headings, rows, new Set(right)).map((line) => `    ${line}`)];

const orDash = (figure: number | null): string => (figure === null ? "-" : formatCount(figure));

const linkRows = ({ links }: HostedNode): Table => ({
  headings: ["link", "to", "relays", "available bits", "key rate bit/s", "QBER"],
  right: ["available bits", "key rate bit/s", "QBER"],
  rows: links.map((link) => [
    link.link,
    link.peer,
    link.problem === null ? "yes" : `NO: ${link.problem}`,
    orDash(link.available_bits),
    orDash(link.key_rate_bps),
    link.qber === null ? "-" : `${(link.qber * 100).toFixed(1)} %`,
  ]),
});

const heardRows = ({ heard }: HostedNode): Table => ({
  headings: ["node", "hosted", "heard", "sequence", "links", "SAEs", "signed"],
  right: ["heard", "sequence", "links", "SAEs"],
  rows: heard.map((each) => [
    each.node,
    each.hosted ? "here" : "elsewhere",
    ago(each.age_ms),
    String(each.sequence),
    String(each.links),
    String(each.saes),
    each.signed ? "yes" : "no",
  ]),
});

/** Hosted ones say nothing before relays come to them: that is no trouble. */
function notHeard({ not_heard: missing }: HostedNode): string[] {
  const [here, elsewhere] = [true, false].map((hosted) =>
    missing.filter((each) => each.hosted === hosted).map(({ node }) => node),
  );
  return [
    ...(elsewhere?.length ? [`  not heard of: ${elsewhere.join(" ")}`] : []),
    ...(here?.length ? [`  not heard of, hosted here, taken as the network document says: ${here.join(" ")}`] : []),
  ];
}

function relayLines({ relays: { since, keys, troubles, steps } }: HostedNode): string[] {
  return [
    `  relays since ${since}:`,
    `    begun here  ${countsOf(keys)}`,
    `    steps       ${countsOf(steps)}`,
    ...(Object.keys(troubles).length === 0 ? [] : [`    paths that failed: ${tally(troubles)}`]),
  ];
}

function countsOf({ begun, done, failed }: HostedNode["relays"]["keys"]): string {
  const of = Object.keys(failed).length === 0 ? "" : `: ${tally(failed)}`;
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  return `${formatCount(begun)} begun, ${formatCount(done)} done, ${formatCount(failures)} failed${of}`;
}

const tally = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${what} ${formatCount(count)}`)
    .join(", ");

const alarmRows = ({ alarms }: HostedNode): Table => ({
  headings: ["alarm", "subject", "count", "last", "detail"],
  right: ["count"],
  rows: alarms.map(({ code, subject, count, last, detail }) => [code, subject, String(count), last, detail]),
});
