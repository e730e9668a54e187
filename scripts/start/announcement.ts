/** All that the user is told once it serves. */
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { GatewayConfig } from "../../tunnel/services/gateway/config.ts";
import { type Couple, coupleOf, mtlsLines, type Serving, tokenLines } from "./banner.ts";
import type { IpsecHosts } from "./ipsec-hosts.ts";
import { type IpsecPort, ipsecLines } from "./ipsec-ports.ts";
import { kmsLines, type KmsPorts } from "./kms-ports.ts";
import { type LocalPort, localLines } from "./local-ports.ts";
import { askNetwork } from "./network.ts";
import { isThere } from "./files.ts";
import { availableBitsOf } from "./prefill.ts";
import { readTokens, type Secrets } from "./secrets.ts";
import { askAsStarter } from "./starter-client.ts";
import type { StateFolder } from "./state-folder.ts";

export interface Announced {
  readonly folder: StateFolder;
  readonly secrets: Secrets;
  readonly serving: Serving;
  /** Whose agents run here. */
  readonly sites: readonly string[];
  readonly local: readonly LocalPort[];
  readonly ipsec: readonly IpsecPort[];
  readonly kms: readonly KmsPorts[];
  /** Those that were named. */
  readonly ipsecHosts: IpsecHosts;
  /** Null: there is none. */
  readonly gateway: GatewayConfig | null;
  readonly socket: string;
  /** Null: none yet. */
  readonly network: NetworkDocument | null;
  readonly signal: AbortSignal;
}

export async function announcement(announced: Announced): Promise<string[]> {
  const { serving, sites, local, ipsec, kms, ipsecHosts, gateway, network, folder } = announced;
  const head = [
    `qkd-edge ready: ${network?.name ?? "no network yet"}`,
    `  edge      ${serving.edge}  (dashboard: ${serving.edge}/, documentation: ${serving.edge}/docs/, messenger: ${serving.edge}/messenger/)`,
    ...signInLines(folder, network),
    ...Object.entries(serving.kme).map(([node, url]) => `  KME ${node}  ${url}`),
    ...(sites.length === 0 ? [] : [`  agents    ${sites.join(", ")}  (logs: ${folder.agents}/SITE/agent.log)`]),
    ...localLines(local),
    ...ipsecLines(ipsec, ipsecHosts),
    ...kmsLines(kms),
    ...(gateway === null ? [] : [`  gateway   ${gateway.bind}: ports ${gateway.ports.join(", ")}`]),
    `  state     ${folder.root}`,
    "",
  ];
  if (network === null) return [...head, ...(await firstDocumentLines(announced))];
  const couple = coupleOf(network);
  return couple === null ? head.slice(0, -1) : [...head, ...(await firstKeyLines(announced, network, couple))];
}

/** As the dashboard wants it. Of a network of one's own the token may be elsewhere. */
const signInLines = ({ tokens: file }: StateFolder, network: NetworkDocument | null): string[] =>
  Object.entries(readTokens(file)).flatMap(([name, token]) =>
    isTokenOf(network?.operators ?? [], name, token)
      ? [`  sign in   to the dashboard with the token of "${name}" in ${file}`]
      : [],
  );

async function firstDocumentLines({ folder, secrets, serving, signal }: Announced): Promise<string[]> {
  const { edge } = serving;
  const asBootstrap = await askNetwork(secrets.bootstrapToken, { edge, signal });
  if (asBootstrap.status !== 200) {
    return [
      `No network document yet, and the bootstrap token is more than an hour old: remove ${folder.bootstrapToken}`,
      "and start again for a new one.",
    ];
  }
  return [
    "No network document yet. Its first operator is whoever holds the bootstrap token, once, within an hour:",
    `  sed 's/^/Authorization: Bearer /' ${folder.bootstrapToken} | curl -sS -H @- -H 'If-Match: "0"' -T network.json ${edge}/api/v1/network`,
  ];
}

/** Lines to paste, as far as certificates and tokens for them are in the folder. */
async function firstKeyLines(
  { folder, serving, socket, signal }: Announced,
  network: NetworkDocument,
  couple: Couple,
): Promise<string[]> {
  const { link, master, slave } = couple;
  const ends = [master, slave];
  const byCertificate = ends.every(
    ({ sae, node }) => serving.kme[node] !== undefined && isThere(`${folder.certs}/${sae}.crt`),
  );
  const tokens = readTokens(folder.tokens);
  const byToken = ends.every(({ sae }) => isTokenOf(network.saes, sae, tokens[sae]));
  const ways = [
    ...(byCertificate ? [["each at its own KME (mutual TLS)", mtlsLines(serving, couple, folder.certs)] as const] : []),
    ...(byToken ? [["at the edge, with bearer tokens", tokenLines(serving.edge, couple, folder.tokens)] as const] : []),
  ];
  if (ways.length === 0) return [];
  const available = availableBitsOf(await askAsStarter(socket, `/api/v1/links/${link.id}`, signal));
  const isReady =
    available >= network.policy.key_size_bits.default || (link.source === "simulated" && link.key_rate_bps > 0);
  const key = `key for ${master.sae}, and the same key for ${slave.sae}`;
  const intro = isReady
    ? `A ${key}`
    : `Link ${link.id} holds no key material yet. Once some is pushed (npm run qkd -- ingest --help), a ${key}`;
  return ways.flatMap(([how, lines], index) => [
    ...(index === 0 ? [`${intro}, ${how}:`] : ["", `The same ${how}:`]),
    ...lines,
  ]);
}

/** Tokens of another network may lie in the folder. */
const isTokenOf = (
  principals: NetworkDocument["saes"] | NetworkDocument["operators"],
  name: string,
  token: string | undefined,
): boolean =>
  token !== undefined &&
  principals.some(
    ({ id, credentials }) =>
      id === name && credentials.some((each) => each.type === "token" && each.sha256 === tokenSha256(token)),
  );
