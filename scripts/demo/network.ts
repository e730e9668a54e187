/**
 * The demo network: a chain of four trusted nodes,
 * `tn-1` (sae-a, sae-a2) - `tn-2` (sae-c, sae-c2) - `tn-3` (sae-d) - `tn-4` (sae-b), each with an SAE more for users of the
 * Open-QKD-Network KMS API, to which they are sites A, B, C and D; and a detour around the link in the middle by `tn-5`,
 * where nobody is attached: what is relayed goes there when that link is cut. All links are simulated; under
 * `npm start` two QKD modules make the first one's key by BB84 on a simulated channel, and site agents feed the second
 * from two kinds of devices.
 */
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

const NODES = [
  { id: "tn-1", letter: "a", saes: ["sae-a", "sae-a2"] },
  { id: "tn-2", letter: "b", saes: ["sae-c", "sae-c2"] },
  { id: "tn-3", letter: "c", saes: ["sae-d"] },
  { id: "tn-4", letter: "d", saes: ["sae-b"] },
] as const;
/** Around `FED_LINK`. */
const DETOUR = "tn-5";
const KEY_RATE_BPS = 100_000;
const OPERATOR = "operator";
const agentOf = (node: string): string => `agent-${node}`;

/**
 * What clients of ETSI GS QKD 004 call the two applications that site agents act for: as the addresses of their QKD
 * modules, and as the examples of the binary binding's clients do.
 */
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "sae-a": ["127.0.0.1:5000", "localhost:5000", "client://localhost"],
  "sae-c": ["127.0.0.1:5001", "localhost:5001", "server://localhost", "server://x"],
};

/** Of those with an IPsec host: its prefix, and its proxy agent's address, as in the proxy agent's example. */
const IPSEC: Readonly<Record<string, NonNullable<NetworkDocumentInput["nodes"][number]["ipsec"]>>> = {
  "tn-1": { prefixes: ["10.0.0.11/32"], addresses: ["192.168.1.11"] },
  "tn-2": { prefixes: ["10.0.0.20/32"], addresses: ["192.168.1.20"] },
};

/** In whose name users of the Open-QKD-Network KMS API get keys at a site: nobody else can call as it. */
const kmsSaeOf = (letter: string): string => `kms-${letter}`;

/**
 * Client and users of that API, under the names and passwords that Open-QKD-Network's own examples have (client secret
 * `password`, passwords `bot`): hashed once and for all, as hashing is slow on purpose. They are good for the demo only.
 */
const KMS_CLIENTS: NetworkDocumentInput["kms_clients"] = [
  {
    id: "html5",
    secret: "$scrypt$ln=15,r=8,p=1$urcvchYCsJ1B8NDc2bNTbg$QTsmLV6iOdV2YMILrcdhTrRBoq0gaJzjoEccsatD6WM",
    grants: ["password", "client_credentials", "refresh_token"],
    node: "tn-1",
  },
];
const KMS_USERS: NetworkDocumentInput["kms_users"] = [
  {
    id: "pwebb",
    password: "$scrypt$ln=15,r=8,p=1$vTvYUhuZkMdxidYp18gUlw$6EbA8QYIPSIigRs4GjC8uPxKIRoNu4ujiZa5RjJLrp8",
    node: "tn-1",
  },
  {
    id: "site2",
    password: "$scrypt$ln=15,r=8,p=1$KrBKntNajSUYdx92G5K5IA$6lkhx6rzLhty/xKH/na7WyP4dDaQMEm2zInsUyW6UFk",
    node: "tn-2",
  },
];

/** The link that site agents feed, and the kinds of its feeds: blocks of both lie in one pool. */
export const FED_LINK = "tn-2-tn-3";
export const FEEDS = ["directory", "etsi014-device"] as const;
export type FeedType = (typeof FEEDS)[number];

/** Name of the one-time token by which a node's site agent enrols. */
export const enrolmentOf = (node: string): string => `enrol-${agentOf(node)}`;

/** Bearer tokens by principal name, as in `tokens.json`. */
export type Tokens = Readonly<Record<string, string>>;

/** Everyone in the demo who has a token. */
export const DEMO_TOKEN_NAMES: readonly string[] = [
  ...NODES.flatMap(({ saes }) => [...saes]),
  ...NODES.flatMap(({ id }) => [agentOf(id), enrolmentOf(id)]),
  OPERATOR,
];

/** `aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa` and so on, as in the hybridization module's example. */
const uuidOf = (letter: string): string => [8, 4, 4, 4, 12].map((digits) => letter.repeat(digits)).join("-");

// The pool's own generator speaks for both ends. Files pushed into the demo need no second end either.
const SIMULATED = { source: "simulated", feed: "one-ended", key_rate_bps: KEY_RATE_BPS } as const;
const FED = { source: "push", feed: "two-ended", key_rate_bps: 0 } as const;
/** A block takes some four seconds, and a small part of a core: the reference channel at 10 dB. */
const BB84 = { source: "bb84", feed: "two-ended", key_rate_bps: 0, module: { loss_db: 10 } } as const;
const BB84_LINK = "tn-1-tn-2";

const LINKS = [
  ["tn-1", "tn-2"],
  ["tn-2", "tn-3"],
  ["tn-3", "tn-4"],
  ["tn-2", DETOUR],
  ["tn-3", DETOUR],
] as const;

function materialOf(link: string, fed: boolean) {
  if (!fed) return SIMULATED;
  if (link === BB84_LINK) return BB84;
  return link === FED_LINK ? FED : SIMULATED;
}

/**
 * @param fed QKD modules make the first link's key, site agents feed `FED_LINK`; otherwise the pools make all themselves
 * @throws Error when a principal has no token
 */
export function demoNetwork(tokens: Tokens, { fed = false } = {}): NetworkDocumentInput {
  const tokenOf = (name: string) => {
    const token = tokens[name];
    if (token === undefined) throw new Error(`no token for ${name}`);
    return { type: "token", sha256: tokenSha256(token) } as const;
  };
  return {
    name: "qkd-edge demo",
    nodes: [
      ...NODES.map(({ id, letter }) => ({
        id,
        uuid: uuidOf(letter),
        site: `site-${letter}`,
        kms_site_id: letter.toUpperCase(),
        kms_sae: kmsSaeOf(letter),
        ...(IPSEC[id] === undefined ? {} : { ipsec: IPSEC[id] }),
      })),
      { id: DETOUR },
    ],
    links: LINKS.map((nodes) => {
      const id = nodes.join("-");
      return { id, nodes: [...nodes], health: "reject", ...materialOf(id, fed) };
    }),
    saes: [
      ...NODES.flatMap(({ id: node, saes }) =>
        saes.map((id) => ({
          id,
          node,
          ...(ADDRESSES[id] === undefined ? {} : { addresses: [...ADDRESSES[id]] }),
          credentials: [{ type: "certificate", match: "cn", value: id } as const, tokenOf(id)],
        })),
      ),
      ...NODES.map(({ id: node, letter }) => ({ id: kmsSaeOf(letter), node, credentials: [] })),
    ],
    agents: NODES.map(({ id, letter }) => ({
      id: agentOf(id),
      site: `site-${letter}`,
      credentials: [tokenOf(agentOf(id)), { ...tokenOf(enrolmentOf(id)), scopes: ["agents.enrol"] }],
    })),
    operators: [{ id: OPERATOR, credentials: [tokenOf(OPERATOR)] }],
    kms_clients: KMS_CLIENTS,
    kms_users: KMS_USERS,
  };
}
