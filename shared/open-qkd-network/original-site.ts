/**
 * What the configuration of one site of Open-QKD-Network becomes in the network document and in the site's `agent.toml`, key
 * by key, or why a key becomes nothing.
 */
import type { IgnoredKey, ImportedKeys, MappedKey } from "../imported-keys.ts";
import type { NetworkDocumentInput } from "../network/document.ts";
import { PLAIN_ID } from "../network/plain-id.ts";
import type { OriginalFile, SiteFile } from "./original-files.ts";
import { type KmsConf, kmsConfLine, kmsToml } from "./original-kms-conf.ts";

export interface ImportedSite extends ImportedKeys {
  readonly parts: Pick<NetworkDocumentInput, "nodes" | "links" | "saes">;
  /** Lines of `agent.toml`. */
  readonly toml: readonly string[];
  /** What the files do not tell, and the operator has to. */
  readonly open: readonly string[];
}

interface Draft {
  readonly mapped: MappedKey[];
  readonly ignored: IgnoredKey[];
  readonly problems: string[];
  /** Own site -> the keys that say so. */
  readonly sites: Map<string, string>;
  readonly neighbours: Set<string>;
  readonly kms: KmsConf;
}

/** @returns what the key becomes; null for a value it cannot have; undefined where it becomes nothing */
type Reader = (value: string, draft: Draft, key: string) => string | null | undefined;

const SITE_CHARS = 64;
const SITE_BECOMES = "nodes[].kms_site_id of the own node";
const siteReader: Reader = (value, { sites }, key) => {
  if (!isSite(value)) return null;
  sites.set(value, key);
  return SITE_BECOMES;
};
const isSite = (text: string): boolean => text !== "" && text.length <= SITE_CHARS;

/** Hexadecimal digits of a key, always: the clients have room for no others. */
const KEY_BYTES = "32";

const READERS: Readonly<Partial<Record<OriginalFile, Readonly<Record<string, Reader>>>>> = {
  "site.properties": {
    "kms.site.id": siteReader,
    "kms.keys.bytesize": (value) =>
      value === KEY_BYTES ? "nothing to be set: keys of this API have 32 bytes always" : null,
  },
  "config.yaml": { siteId: siteReader },
};

const ONE_BLOCK = "a block is one key here: its id is the key's, its index 0";
const NO_QNL = "the edge is KMS and router in one: nothing is called at an address of its own";
const POOLS = "keys lie in the edge's pools, sealed, and in no folder";
const FEED = "devices feed a link by [[feed]] of agent.toml; files of hexadecimal lines are not read";
const RELAY = "hop by hop keys are padded with key of the links' own pools";
const BY_ADDRESS = "who asks is known by a token, never by the address";

const IGNORED: Readonly<Partial<Record<OriginalFile, Readonly<Record<string, string>>>>> = {
  "site.properties": {
    "kms.keys.blocksize": ONE_BLOCK,
    "kms.keys.dir": POOLS,
    "kms.remote.subnet.siteid.prop.location": BY_ADDRESS,
    "qnl.ip": NO_QNL,
    "qnl.port": NO_QNL,
  },
  "config.yaml": {
    base: POOLS,
    poolLoc: POOLS,
    keyByteSz: "keys of this API have 32 bytes always",
    routeConfigLoc: "give routes.json to this command as well",
    qnlSiteKeyLoc: FEED,
    qkdLinkConfigLoc: FEED,
    siteAgentConfigLoc: "the site's agent is the one of this project: it dials the edge, and nobody dials it",
    port: NO_QNL,
    keyBytesSz: "keys of this API have 32 bytes always",
    keyBlockSz: ONE_BLOCK,
    qllBlockSz: FEED,
    headerSz: FEED,
    kmsIP: NO_QNL,
    kmsPort: NO_QNL,
    "OTPConfig.keyBlockSz": RELAY,
    "OTPConfig.keyLoc": RELAY,
  },
};

/** @param nodeOf which node a site is, where that is not the site's id in small letters */
export function importSite(files: readonly SiteFile[], nodeOf: ReadonlyMap<string, string>): ImportedSite {
  const draft: Draft = { mapped: [], ignored: [], problems: [], sites: new Map(), neighbours: new Set(), kms: {} };
  for (const { kind, entries } of files) for (const [key, value] of entries) readEntry(kind, key, value, draft);
  const [site, other] = [...draft.sites.keys()];
  if (site === undefined) draft.problems.push("no file tells which site this is: kms.conf or site.properties does");
  if (other !== undefined) {
    draft.problems.push(`files of two sites: ${[...draft.sites].map(([id, key]) => `${id} (${key})`).join(", ")}`);
  }
  const nodes = nodesOf([...(site === undefined ? [] : [site]), ...draft.neighbours], nodeOf, draft.problems);
  const [own, ...neighbours] = nodes;
  const { mapped, ignored, problems } = draft;
  const told = { mapped, ignored, problems };
  if (own === undefined) return { ...told, parts: { nodes: [], links: [], saes: [] }, toml: [], open: [] };
  const links = neighbours.map((neighbour) => linkOf(own.node, neighbour.node));
  return {
    ...told,
    parts: {
      nodes: nodes.map(({ site: id, node }) => ({ id: node, kms_site_id: id, kms_sae: saeOf(node) })),
      links,
      saes: nodes.map(({ node }) => ({ id: saeOf(node), node, credentials: [] })),
    },
    toml: kmsToml(draft.kms, own.node),
    open: [
      ...openOf(draft.kms, own.node),
      ...links.map(({ id }) => `link ${id}: ${FED_BY}`),
      ...unusedOf(nodeOf, nodes),
    ],
  };
}

function readEntry(kind: OriginalFile, key: string, value: string, draft: Draft): void {
  const named = `${kind}: ${key}`;
  const { mapped, ignored, problems } = draft;
  if (kind === "subnet_siteid.json") ignored.push({ key: named, why: BY_ADDRESS });
  else if (kind === "routes.json") readRoute(named, key, draft);
  else {
    const reader = kind === "kms.conf" ? kmsReader : own(READERS[kind], key);
    const why = own(IGNORED[kind], key) ?? "Open-QKD-Network knows no such key";
    const becomes = reader?.(value, draft, key);
    if (becomes === undefined) ignored.push({ key: named, why });
    else if (becomes === null) problems.push(`${named}: ${JSON.stringify(value)} is none of its values`);
    else mapped.push({ key: named, becomes });
  }
}

const own = <T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;

const kmsReader: Reader = (value, draft, key) => {
  if (key === "line 4") return siteReader(value, draft, `kms.conf: ${key}`);
  return kmsConfLine(key, value, draft.kms);
};

/** The address of a neighbour is where the original dials it. */
function readRoute(named: string, key: string, { mapped, ignored, neighbours }: Draft): void {
  const [list, ...rest] = key.split(".");
  const site = rest.join(".");
  if (list === "adjacent" && isSite(site)) {
    neighbours.add(site);
    mapped.push({ key: named, becomes: "a node, and a link to it; its address is not needed: its own agent dials" });
  } else if (list === "nonAdjacent") {
    ignored.push({ key: named, why: "relays find their way by themselves (the original's do, too)" });
  } else ignored.push({ key: named, why: "Open-QKD-Network knows no such key" });
}

interface SiteNode {
  readonly site: string;
  readonly node: string;
}

const PLAIN = new RegExp(`^${PLAIN_ID}$`);

function nodesOf(
  sites: readonly string[],
  nodeOf: ReadonlyMap<string, string>,
  problems: string[],
): readonly SiteNode[] {
  const nodes = [...new Set(sites)].map((site) => ({ site, node: nodeOf.get(site) ?? site.toLowerCase() }));
  for (const { site, node } of nodes) {
    if (!PLAIN.test(node)) problems.push(`site ${site}: no node can be called ${node}: --nodes ${site}=NODE`);
  }
  if (new Set(nodes.map(({ node }) => node)).size < nodes.length) problems.push("two sites would be the same node");
  return nodes;
}

const saeOf = (node: string): string => `kms-${node}`;

const FED_BY = "the site agents feed it: [[feed]] of both ends' agent.toml, or another source";

/** Most likely a slip of the hand. */
const unusedOf = (nodeOf: ReadonlyMap<string, string>, nodes: readonly SiteNode[]): readonly string[] =>
  [...nodeOf.keys()]
    .filter((site) => !nodes.some((each) => each.site === site))
    .map((site) => `--nodes ${site}=${nodeOf.get(site)} is not used: ${site} is neither this site nor one next to it`);

/** The same link, from whichever end's files. */
function linkOf(from: string, to: string) {
  const [low, high] = from < to ? [from, to] : [to, from];
  return {
    id: `${low}-${high}`.slice(0, SITE_CHARS),
    nodes: [low, high] as [string, string],
    source: "push" as const,
    feed: "two-ended" as const,
    health: "reject" as const,
    key_rate_bps: 0,
  };
}

const openOf = ({ host, isWithoutToken }: KmsConf, node: string): readonly string[] => [
  `kms_clients and kms_users, with node = ${node}: the original's are built into it (qkd password makes the hashes)`,
  ...(host === undefined ? [] : [`[[open_qkd_network]] allow: which machines may connect to ${host}`]),
  ...(isWithoutToken === true
    ? ["kms.conf: line 5 is false: such a client asks for no token, and gets no key without [open_qkd_network.sign_in]"]
    : []),
];
