/** On which ports the demo's site agents serve the KMS API of Open-QKD-Network to applications that have a kms.conf. */
import type { NetworkDocument } from "../../shared/network/document.ts";
import { KMS_PORTS, type KmsPort } from "../../tunnel/services/open-qkd-network/config.ts";
import { type Listens, portOrNote } from "./local-ports.ts";
import { HOST, localUrl } from "./ports.ts";

export interface KmsPorts {
  readonly node: string;
  readonly ports: Readonly<Record<KmsPort, number>>;
  /** Applications have one user built in; the sites of the demo have one each. */
  readonly users: Readonly<Record<string, string>>;
}

/** Those of the original's kms.conf at the first site. */
const USUAL: readonly KmsPorts[] = [
  { node: "tn-1", ports: { token: 9992, api: 8095 }, users: {} },
  { node: "tn-2", ports: { token: 9993, api: 8096 }, users: { pwebb: "site2" } },
];

export interface KmsPlan {
  readonly kms: readonly KmsPorts[];
  readonly notes: readonly string[];
}

const isServed = ({ nodes, kms_users: users = [] }: NetworkDocument, node: string): boolean =>
  nodes.some(({ id, kms_sae: sae }) => id === node && sae !== undefined) && users.some((user) => user.node === node);

/**
 * A node one of whose two ports is taken is left out, with a note.
 * @param nodes of the sites whose agents run
 */
export async function kmsPorts(network: NetworkDocument, nodes: readonly string[], random: boolean): Promise<KmsPlan> {
  const kms: KmsPorts[] = [];
  const notes: string[] = [];
  for (const { node, ports: usual, users } of USUAL) {
    if (!nodes.includes(node) || !isServed(network, node)) continue;
    const token = await portOrNote(usual.token, `the tokens of the KMS API of ${node}`, random);
    const api = await portOrNote(usual.api, `the KMS API of ${node}`, random);
    if ("port" in token && "port" in api) kms.push({ node, ports: { token: token.port, api: api.port }, users });
    else notes.push(...[token, api].flatMap((each) => ("note" in each ? [each.note] : [])));
  }
  return { kms, notes };
}

/** What is waited for. */
export const kmsListens = (kms: readonly KmsPorts[]): readonly Listens[] =>
  kms.flatMap(({ ports }) => KMS_PORTS.map((which) => ({ port: ports[which], address: localUrl(ports[which]) })));

/** As it stands in agent.toml. */
export const kmsTables = ({ node, ports, users }: KmsPorts) =>
  [
    ["[[open_qkd_network]]", { node, address: HOST, token_port: ports.token, api_port: ports.api }],
    ...(Object.keys(users).length === 0 ? [] : [["[open_qkd_network.users]", users] as const]),
  ] as const;

/** For ports.json. */
export const kmsPortsFile = (kms: readonly KmsPorts[]) =>
  kms.length === 0
    ? {}
    : {
        openQkdNetwork: Object.fromEntries(
          kms.map(({ node, ports }) => [node, { token: localUrl(ports.token), api: localUrl(ports.api) }]),
        ),
      };

/** A line of the banner. */
export const kmsLines = (kms: readonly KmsPorts[]): string[] =>
  kms.length === 0
    ? []
    : [
        `  KMS API   ${kms.map(({ node, ports }) => `${node} ${localUrl(ports.api)}, tokens ${localUrl(ports.token)}`).join("; ")}`,
      ];
