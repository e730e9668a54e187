/** `agent.toml` of the demo's site agents: which site feeds which link, from what. */
import { join } from "node:path";
import { siteOf } from "../../shared/auth/policy.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { KEY_FILES } from "../demo/key-files.ts";
import { enrolmentOf, FED_LINK, FEEDS, type FeedType } from "../demo/network.ts";
import { type IpsecPort, ipsecTables } from "./ipsec-ports.ts";
import { type KmsPorts, kmsTables } from "./kms-ports.ts";
import { type LocalPort, localTable } from "./local-ports.ts";

/** One feed's end: what an agent does for one node and link. */
export interface FeedEnd {
  readonly type: FeedType;
  readonly link: string;
  readonly node: string;
  /** Place of the node in the link: the first asks a device for keys, the second fetches the same. */
  readonly end: "a" | "b";
}

export interface SitePlan {
  readonly site: string;
  /** Its node: each of the demo's sites has one. */
  readonly node: string;
  /** In `tokens.json`. */
  readonly tokenName: string;
  readonly feeds: readonly FeedEnd[];
}

/** The sites whose agents have something to feed, as the network is now: none where its links are not made for it. */
export function sitePlans({ nodes, links }: NetworkDocument): readonly SitePlan[] {
  const fed = links.filter(({ id, source, feed }) => id === FED_LINK && source === "push" && feed === "two-ended");
  const ends = fed.flatMap(({ id: link, nodes: [first, second] }) =>
    FEEDS.flatMap((type): FeedEnd[] => [
      { type, link, node: first, end: "a" },
      { type, link, node: second, end: "b" },
    ]),
  );
  return nodes.flatMap((node) => {
    const feeds = ends.filter((each) => each.node === node.id);
    return feeds.length === 0 ? [] : [{ site: siteOf(node), node: node.id, tokenName: enrolmentOf(node.id), feeds }];
  });
}

/** Where a site's agent finds the files of its end of a link. */
const inboxOf = (agents: string, site: string, link: string): string => join(agents, site, `inbox-${link}`);

/** Folders that the file-dropping device writes into: both ends', or none. */
export const inboxes = (agents: string, plans: readonly SitePlan[]): readonly string[] =>
  plans.flatMap(({ site, feeds }) =>
    feeds.filter(({ type }) => type === "directory").map(({ link }) => inboxOf(agents, site, link)),
  );

/** Whose applications share hybrid keys: a node of each of these sites. */
export interface HybridNode {
  readonly site: string;
  readonly id: string;
  readonly uuid: string;
}

export interface AgentSurroundings {
  readonly edge: string;
  /** PEM of the authority of the sites' certificates, and its key: agents sign their own. */
  readonly authority: { readonly ca: string; readonly ca_key: string };
  readonly hybrid: readonly HybridNode[];
  /** Folder of the agents' own ones. */
  readonly agents: string;
  /** Base URLs of the two ends of the device pair that speaks ETSI 014. */
  readonly device: { readonly a: string; readonly b: string };
}

const OTHER = { a: "b", b: "a" } as const;
const ROLES = { a: "enc", b: "dec" } as const;
/** About three seconds' worth: few enough requests that nobody notices them. */
const KEYS_PER_BLOCK = 1024;
const MAX_RATE_BPS = 100_000;
const POLL_MS = 2000;

type Table = Readonly<Record<string, string | number | readonly string[]>>;

const FEED_TABLES: Readonly<Record<FeedType, (end: FeedEnd, site: string, around: AgentSurroundings) => Table>> = {
  "etsi014-device": ({ end }, _site, { device }) => ({
    role: ROLES[end],
    url: device[end],
    peer_sae: `agent-${OTHER[end]}`,
    keys_per_block: KEYS_PER_BLOCK,
    max_rate_bps: MAX_RATE_BPS,
    poll_ms: POLL_MS,
  }),
  directory: ({ link }, site, { agents }) => ({
    path: inboxOf(agents, site, link),
    pattern: KEY_FILES,
    complete: "rename",
    poll_ms: POLL_MS,
    after: "delete",
  }),
};

/** What agents serve to applications and controllers of their sites, of all sites. */
export interface Served {
  readonly local?: readonly LocalPort[];
  readonly ipsec?: readonly IpsecPort[];
  readonly kms?: readonly KmsPorts[];
}

export function agentToml(
  { site, node: own, feeds }: SitePlan,
  around: AgentSurroundings,
  { local = [], ipsec = [], kms = [] }: Served = {},
): string {
  const tables = feeds.map((feed) => {
    const { type, link, node } = feed;
    const name = `${link}-${type}`;
    return `\n[[feed]]\n${lines({ type, name, link, node, ...FEED_TABLES[type](feed, site, around) })}`;
  });
  return [
    "# Written by npm start, each time.\n",
    lines({ edge: around.edge, site, token_file: "token", state: "state" }),
    `\n[log.console]\n${lines({ level: "error" })}`,
    `\n[log.file]\n${lines({ path: "agent.log", format: "pretty" })}`,
    ...hybridTables(site, around),
    ...tables,
    ...local.filter((each) => each.node === own).map((each) => `\n[[etsi004]]\n${lines(localTable(each))}`),
    ...[
      ...ipsec.filter((each) => each.node === own).flatMap(ipsecTables),
      ...kms.filter((each) => each.node === own).flatMap(kmsTables),
    ].map(([heading, table]) => `\n${heading}\n${lines(table)}`),
  ].join("");
}

function hybridTables(site: string, { authority, hybrid }: AgentSurroundings): readonly string[] {
  const own = hybrid.filter((each) => each.site === site);
  if (own.length === 0) return [];
  return [
    `\n[certificate]\n${lines({ cert: "site.crt", key: "site.key", ...authority })}`,
    ...own.map(({ id, uuid }) => `\n[[hybrid.node]]\n${lines({ id, uuid })}`),
    ...hybrid
      .filter((each) => each.site !== site)
      .map((each) => `\n[[hybrid.peer]]\n${lines({ uuid: each.uuid, site: each.site })}`),
  ];
}

/** TOML's basic strings escape as JSON's do. */
const lines = (table: Table): string =>
  Object.entries(table)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
