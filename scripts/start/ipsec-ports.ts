/**
 * On which ports the demo's site agents are proxy agents of IPsec hosts, for controllers that know the original one (RFC
 * 9061's templates), and which hosts those are.
 */
import type { NetworkDocument } from "../../shared/network/document.ts";
import { defined } from "../../shared/records.ts";
import type { NetconfConfig } from "../../tunnel/services/netconf/config.ts";
import { hostOf, type IpsecHosts } from "./ipsec-hosts.ts";
import { type Listens, portOrNote } from "./local-ports.ts";
import { HOST, localUrl } from "./ports.ts";

export interface IpsecPort extends Listens {
  readonly node: string;
  /** For whom its keys are made. */
  readonly sae: string;
  readonly port: number;
  readonly host: NetconfConfig;
}

const USUAL = [
  { node: "tn-1", sae: "sae-a", port: 3000 },
  { node: "tn-2", sae: "sae-c", port: 3001 },
] as const;

/** Nodes of the demo that have an IPsec host. */
export const IPSEC_NODES: readonly string[] = USUAL.map(({ node }) => node);

export interface IpsecPlan {
  readonly ipsec: readonly IpsecPort[];
  readonly notes: readonly string[];
}

/**
 * A port that is taken is left out, with a note.
 * @param nodes of the sites whose agents run
 */
export async function ipsecPorts(
  network: NetworkDocument,
  nodes: readonly string[],
  hosts: IpsecHosts,
  random: boolean,
): Promise<IpsecPlan> {
  const ipsec: IpsecPort[] = [];
  const notes: string[] = [];
  for (const { node, sae, port: usual } of USUAL) {
    const isThere = network.nodes.some(({ id, ipsec: host }) => id === node && host !== undefined);
    const isServed = network.saes.some((each) => each.id === sae && each.node === node);
    if (!nodes.includes(node) || !isThere || !isServed) continue;
    const taken = await portOrNote(usual, `the IPsec of ${node}`, random);
    if ("note" in taken) notes.push(taken.note);
    else ipsec.push({ node, sae, ...taken, address: localUrl(taken.port), host: hostOf(hosts, node) });
  }
  return { ipsec, notes };
}

type Tables = readonly (readonly [heading: string, table: Readonly<Record<string, string | number>>])[];

/** As it stands in agent.toml. */
export const ipsecTables = ({ node, sae, port, host }: IpsecPort): Tables => [
  ["[[ipsec]]", { node, sae }],
  ["[ipsec.netconf]", defined(host)],
  ["[ipsec.listen]", { address: HOST, port }],
];

/** For ports.json. */
export const ipsecPortsFile = (ports: readonly IpsecPort[]): { readonly ipsec?: Readonly<Record<string, string>> } =>
  ports.length === 0 ? {} : { ipsec: Object.fromEntries(ports.map(({ node, address }) => [node, address])) };

/** A line of the banner. */
export function ipsecLines(ports: readonly IpsecPort[], hosts: IpsecHosts): string[] {
  if (ports.length === 0) return [];
  const places = ports.map(
    ({ node, address, host }) =>
      `${node} ${address}${hosts[node] === undefined ? "" : ` for ${host.host}:${host.port}`}`,
  );
  const isUnsaid = ports.some(({ node }) => hosts[node] === undefined);
  return [`  IPsec     ${places.join(", ")}${isUnsaid ? "  (which hosts: --ipsec-hosts FILE)" : ""}`];
}
