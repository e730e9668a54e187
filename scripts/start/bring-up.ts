/** From an engine that is well to a network that can be served: document, certificates, simulated key. */
import { readFileSync } from "node:fs";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { ensureCertificates, nodesWithCertificates } from "./certificates.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { parseTexts } from "./files.ts";
import {
  appliedConfig,
  DEMO_APPLIED,
  inForceOf,
  putFirst,
  settle,
  type NetworkAccess,
  type WantedNetwork,
} from "./network.ts";
import type { StartOptions } from "./options.ts";
import { prefill } from "./prefill.ts";
import { demoWanted, loadDemoTokens, readTokens, type Secrets } from "./secrets.ts";
import { askAsStarter } from "./starter-client.ts";
import type { StateFolder } from "./state-folder.ts";

/** More fronts than anybody wants on one machine. */
const MAX_FRONTS = 64;
/** Nodes named one by one in a note. */
const MAX_NAMED = 5;

export interface Engaged {
  readonly options: StartOptions;
  /** Of `--config`. */
  readonly config: WantedNetwork | null;
  readonly folder: StateFolder;
  readonly secrets: Secrets;
  readonly edge: string;
  readonly socket: string;
  readonly signal: AbortSignal;
}

export interface BroughtUp {
  /** Null: none yet. */
  readonly network: NetworkDocument | null;
  /** It is the demo's own, as it was or as operators have changed it since. */
  readonly isDemo: boolean;
  /** Nodes that could have a front, in the document's order. */
  readonly nodes: readonly string[];
  /** Those of them that get one. */
  readonly fronted: readonly string[];
  /** What could not be done. */
  readonly notes: readonly string[];
}

export async function bringUp(engaged: Engaged): Promise<BroughtUp> {
  const { options, config, folder, secrets, edge, socket, signal } = engaged;
  const found = inForceOf(await askAsStarter(socket, "/api/v1/network", signal));
  const wanted =
    config ?? (options.demo && found === null ? demoWanted(loadDemoTokens(folder.tokens), options.agents) : null);
  const operatorToken = readOperatorToken(engaged);
  const access: NetworkAccess = { edge, folder, bootstrapToken: secrets.bootstrapToken, operatorToken, signal };
  if (found === null) {
    if (wanted === null) return { network: null, isDemo: false, nodes: [], fronted: [], notes: [] };
    if (options.demo) await ensureCertificates(folder.certs, wanted.document, frontNodes(wanted.document));
    const network = await putFirst(wanted, access);
    return finish(engaged, network, await prefillNetwork(engaged, network, { ...access, isNew: true }));
  }
  // A document that no start has applied was put by an operator: its network is left alone.
  const ours = config !== null || appliedConfig(folder) !== null;
  const { network, notes } =
    wanted === null ? { network: found.document, notes: [] } : await settle(wanted, found, access);
  if (!options.demo) return finish(engaged, network, notes);
  if (!ours) return finish(engaged, network, ["note: not the demo's network: served as with --no-demo"]);
  return finish(engaged, network, [
    ...notes,
    ...(await missingCertificates(folder, network)),
    ...(await prefillNetwork(engaged, network, { ...access, isNew: false })),
  ]);
}

/** The last document that a start has applied was the demo's. */
const isDemoOf = ({ options, config, folder }: Engaged): boolean =>
  options.demo && config === null && appliedConfig(folder) === DEMO_APPLIED;

function finish(engaged: Engaged, network: NetworkDocument, notes: readonly string[]): BroughtUp {
  const { folder } = engaged;
  const nodes = frontNodes(network);
  const fronted = nodesWithCertificates(folder.certs, nodes);
  const beyond = hostedNodes(network).length - nodes.length;
  const tooMany =
    beyond === 0 ? [] : [`note: no KME front for the last ${beyond} nodes: here are at most ${MAX_FRONTS}`];
  const isDemo = isDemoOf(engaged);
  return { network, isDemo, nodes, fronted, notes: [...notes, ...withoutFront(folder, nodes, fronted), ...tooMany] };
}

const hostedNodes = ({ nodes }: NetworkDocument) => nodes.filter(({ remote }) => remote === undefined);

const frontNodes = (network: NetworkDocument): string[] =>
  hostedNodes(network)
    .slice(0, MAX_FRONTS)
    .map(({ id }) => id);

/** Issued for what has come to the network since; where that cannot be, those that are there still serve. */
async function missingCertificates({ certs }: StateFolder, network: NetworkDocument): Promise<string[]> {
  try {
    await ensureCertificates(certs, network, frontNodes(network));
    return [];
  } catch (thrown) {
    if (thrown instanceof StartFailure) return [`note: ${messageOf(thrown)}`];
    throw thrown;
  }
}

function withoutFront({ certs }: StateFolder, nodes: readonly string[], fronted: readonly string[]): string[] {
  const missing = nodes.filter((node) => !fronted.includes(node));
  const [first] = missing;
  if (first === undefined) return [];
  const named = missing.slice(0, MAX_NAMED).join(", ");
  const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : "";
  return [
    `note: no KME front for ${named}${more}: for one, put ca.crt, ${first}.crt and ${first}.key into ${certs} and start again`,
  ];
}

/** A bare token, or a JSON object that holds the operator's. */
function readOperatorToken({ options: { tokenFile }, folder }: Engaged): string | null {
  if (tokenFile === null) return readTokens(folder.tokens)["operator"] ?? null;
  let text: string;
  try {
    text = readFileSync(tokenFile, "utf8").trim();
  } catch (thrown) {
    throw new StartFailure(`the token file ${tokenFile} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  const token = text.startsWith("{") ? parseTexts(tokenFile, text)["operator"] : text;
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token))
    throw new StartFailure(`the token file ${tokenFile} holds no bearer token of an operator`);
  return token;
}

/** In the demo also what agents feed: a newcomer's first key waits for nobody. */
async function prefillNetwork(
  engaged: Engaged,
  { links }: NetworkDocument,
  { operatorToken, ...reach }: Pick<NetworkAccess, "edge" | "operatorToken" | "signal"> & { readonly isNew: boolean },
): Promise<string[]> {
  const { bytes, explicit } = engaged.options.prefill;
  const all = explicit || isDemoOf(engaged);
  const wanted = links.filter(({ source }) => all || source === "simulated");
  if (bytes === 0 || wanted.length === 0) return [];
  if (operatorToken === null)
    return explicit ? ["note: nothing prefilled: that takes an operator's token (--token-file)"] : [];
  const allowed = await prefill(wanted, bytes, { ...reach, operatorToken });
  return allowed
    ? []
    : ["note: nothing prefilled: the operator's token is not accepted (revoked, expired or replaced?)"];
}
