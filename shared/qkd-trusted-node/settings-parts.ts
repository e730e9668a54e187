/** Parts of a network document and lines of `agent.toml`, from the settings of one or several nodes of qkd-trusted-node. */
import type { NetworkDocumentInput } from "../network/document.ts";
import type { OriginalKme, OriginalNeighbour, OriginalNode } from "./settings.ts";

type Legacy = NonNullable<NetworkDocumentInput["legacy_nodes"]>[number];
export type DocumentParts = Pick<NetworkDocumentInput, "nodes" | "links" | "saes" | "legacy_nodes"> & {
  readonly policy?: Pick<NonNullable<NetworkDocumentInput["policy"]>, "key_size_bits" | "max_key_per_request">;
};

export interface ImportedNetwork {
  readonly parts: DocumentParts;
  /** Lines of agent.toml by site: one a node. */
  readonly agents: Readonly<Record<string, readonly string[]>>;
  /** What the files do not tell, and the operator has to. */
  readonly open: readonly string[];
  readonly problems: readonly string[];
}

const byName = (value: string) => [{ type: "certificate" as const, match: "cn" as const, value }];
const quoted = (text: string): string => JSON.stringify(text);

/** @param hosted ids of the nodes that become hosted ones; the files of others tell what is behind a neighbour */
export function importedNetwork(all: readonly OriginalNode[], hosted: ReadonlySet<string>): ImportedNetwork {
  const files: Files = { given: new Map(all.map((node) => [node.id, node])), hosted };
  const nodes = all.filter(({ id }) => hosted.has(id));
  const missing = [...hosted].filter((id) => !files.given.has(id));
  const problems = [
    ...(files.given.size < all.length ? ["two files are of the same node"] : []),
    ...missing.map((id) => `no file is of the node ${id}`),
  ];
  const links = linksAmong(nodes, hosted);
  const beside = nodes.flatMap((node) => besideOf(node, files));
  return {
    parts: {
      nodes: nodes.map(({ id }) => ({ id })),
      links,
      saes: nodes.flatMap(({ id: node, saes }) => saes.map((id) => ({ id, node, credentials: byName(id) }))),
      legacy_nodes: withSaes(beside, files),
      ...policyOf(nodes),
    },
    agents: Object.fromEntries(nodes.map((node) => [node.id, agentLines(node, besideOf(node, files))])),
    open: [...beside.flatMap(openOf(files)), ...links.map(({ id }) => `links ${id}: ${FEED_NOTE}`)],
    problems,
  };
}

const FEED_NOTE = 'the agents of both sites feed it from the KMEs: [[feed]] with type = "etsi014-device"';

interface Files {
  readonly given: ReadonlyMap<string, OriginalNode>;
  readonly hosted: ReadonlySet<string>;
}

/** A hosted node, a neighbour that stays what it is, and the KME between them; null: the files do not tell which. */
interface Beside {
  readonly node: OriginalNode;
  readonly neighbour: OriginalNeighbour;
  readonly kme: OriginalKme | null;
}

const leadsTo = (other: OriginalNode | undefined, { linkedTo }: OriginalKme): boolean =>
  other?.kmes.some(({ isOurs, id }) => isOurs && id === linkedTo) === true;

function besideOf(node: OriginalNode, { given, hosted }: Files): readonly Beside[] {
  const ours = node.kmes.filter(({ isOurs }) => isOurs);
  return node.neighbours
    .filter(({ id }) => !hosted.has(id))
    .map((neighbour) => {
      const sure = ours.find((kme) => leadsTo(given.get(neighbour.id), kme));
      const others = node.neighbours.filter(({ id }) => id !== neighbour.id).map(({ id }) => given.get(id));
      const [only, ...more] = ours.filter((kme) => !others.some((other) => leadsTo(other, kme)));
      return { node, neighbour, kme: sure ?? (more.length === 0 ? (only ?? null) : null) };
    });
}

/** Those at a neighbour, or beyond it without coming back to a hosted node. Each is behind one neighbour only. */
function withSaes(beside: readonly Beside[], { given, hosted }: Files): Legacy[] {
  const claimed = new Set<string>();
  return beside.map((each) => {
    const nodes = new Set([each.neighbour.id]);
    for (const id of nodes)
      for (const next of given.get(id)?.neighbours ?? []) if (!hosted.has(next.id)) nodes.add(next.id);
    const saes = [...nodes].flatMap((id) => given.get(id)?.saes ?? []).filter((sae) => !claimed.has(sae));
    for (const sae of saes) claimed.add(sae);
    return legacyNode(each, saes);
  });
}

const openOf =
  ({ given }: Files) =>
  ({ node, neighbour: { id }, kme }: Beside): readonly string[] => [
    `legacy_nodes ${id}: key_in_clear: true, or no key goes: it hands keys back in clear`,
    ...(given.has(id) ? [] : [`legacy_nodes ${id}: saes, those that it may speak for: its own file tells`]),
    ...(kme === null ? [`legacy_nodes ${id}: link, which of ${node.id}'s KMEs leads to it: its own file tells`] : []),
  ];

function linksAmong(nodes: readonly OriginalNode[], hosted: ReadonlySet<string>) {
  const links = new Map<string, DocumentParts["links"][number]>();
  for (const node of nodes) {
    for (const { id } of node.neighbours) {
      if (!hosted.has(id)) continue;
      const [low = "", high = ""] = [node.id, id].toSorted();
      const name = `${low}-${high}`.slice(0, LINK_ID_CHARS);
      links.set(name, { id: name, nodes: [low, high], ...FED });
    }
  }
  return [...links.values()];
}
const FED = { source: "push", feed: "two-ended", health: "reject", key_rate_bps: 0 } as const;
const LINK_ID_CHARS = 64;

const legacyNode = ({ node, neighbour: { id }, kme }: Beside, saes: string[]): Legacy => ({
  id,
  node: node.id,
  own_id: node.id,
  credentials: byName(id),
  service: id,
  link: { service: kme?.id ?? "", kme_id: kme?.id ?? "", peer_kme_id: kme?.linkedTo ?? "" },
  saes,
  key_in_clear: false,
});

/** The widest that all allow; the first file's default. */
function policyOf(nodes: readonly OriginalNode[]): Pick<DocumentParts, "policy"> {
  const sizes = nodes.flatMap(({ keySizeBits }) => (keySizeBits === null ? [] : [keySizeBits]));
  const counts = nodes.flatMap(({ maxKeysPerRequest }) => (maxKeysPerRequest === null ? [] : [maxKeysPerRequest]));
  const [first] = sizes;
  if (first === undefined && counts.length === 0) return {};
  return {
    policy: {
      ...(first === undefined
        ? {}
        : {
            key_size_bits: {
              min: Math.max(...sizes.map(({ min }) => min)),
              default: first.default,
              max: Math.min(...sizes.map(({ max }) => max)),
            },
          }),
      ...(counts.length === 0 ? {} : { max_key_per_request: Math.min(...counts) }),
    },
  };
}

/** Services that lead to neighbours and to the KMEs of their links. */
function agentLines(node: OriginalNode, beside: readonly Beside[]): readonly string[] {
  const reached = beside.flatMap(({ neighbour, kme }) => [neighbour, ...(kme === null ? [] : [kme])]);
  const services = reached.flatMap(({ id, host, port, cert, key }) => [
    "",
    "[[service]]",
    `name = ${quoted(id)}`,
    `host = ${quoted(host)}`,
    `port = ${port}`,
    'allow = ["@edge"]',
    `https = { ca = ${quoted(node.ca)}, cert = ${quoted(cert)}, key = ${quoted(key)} }`,
  ]);
  return services.length === 0 ? [] : [`site = ${quoted(node.id)}`, ...services];
}
