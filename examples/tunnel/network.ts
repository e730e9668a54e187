/**
 * What an operator does beforehand: the sites written into the network document, each with a node and an agent that has
 * a one-time token.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export interface Operator {
  /** Base URL. */
  readonly edge: string;
  readonly token: string;
}

interface AgentEntry {
  readonly id: string;
  readonly site: string;
  readonly credentials: readonly unknown[];
}
interface NodeEntry {
  readonly id: string;
}
type Document = Readonly<Record<string, unknown>> & {
  readonly nodes: readonly NodeEntry[];
  readonly agents?: readonly AgentEntry[];
};

const ATTEMPTS = 5;
const RETRY_MS = 200;
const PROPAGATION_ATTEMPTS = 25;

/** @returns the tokens by site */
export async function addSites(
  operator: Operator,
  sites: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const tokens = Object.fromEntries(sites.map((site) => [site, randomBytes(32).toString("base64url")]));
  const entries = sites.map((site) => ({
    id: agentOf(site),
    site,
    credentials: [{ type: "token", sha256: sha256(tokens[site] ?? ""), scopes: ["agents.enrol"] }],
  }));
  // A node is at the site of its own name unless it says otherwise.
  await change(operator, (document) => {
    const { nodes, agents } = others(document, sites);
    return { ...document, nodes: [...nodes, ...sites.map((id) => ({ id }))], agents: [...agents, ...entries] };
  });
  await Promise.all(Object.values(tokens).map(async (token) => await untilKnown(operator.edge, token)));
  return tokens;
}

export async function removeSites(operator: Operator, sites: readonly string[]): Promise<void> {
  await change(operator, (document) => ({ ...document, ...others(document, sites) }));
}

const agentOf = (site: string): string => `agent-${site}`;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const others = ({ nodes, agents = [] }: Document, sites: readonly string[]) => ({
  nodes: nodes.filter(({ id }) => !sites.includes(id)),
  agents: agents.filter(({ site }) => !sites.includes(site)),
});

/** Reads, changes and puts it back; once more where another was quicker. */
async function change({ edge, token }: Operator, to: (document: Document) => Document): Promise<void> {
  const url = `${edge}/api/v1/network`;
  const authorization = `Bearer ${token}`;
  for (let attempt = 1; ; attempt++) {
    const read = await fetch(url, { headers: { authorization } });
    if (read.status !== 200) throw new Error(`the network cannot be read: ${read.status} ${await read.text()}`);
    const body = JSON.stringify(to((await read.json()) as Document));
    const headers = { authorization, "if-match": read.headers.get("etag") ?? "" };
    const put = await fetch(url, { method: "PUT", headers, body });
    if (put.ok) return;
    if (put.status !== 412 || attempt === ATTEMPTS)
      throw new Error(`the network cannot be changed: ${put.status} ${await put.text()}`);
    await sleep(RETRY_MS);
  }
}

/** Up to a second passes until every part of the edge knows a new token. */
async function untilKnown(edge: string, token: string): Promise<void> {
  for (let attempt = 0; attempt < PROPAGATION_ATTEMPTS; attempt++) {
    const { status } = await fetch(`${edge}/api/v1/sites`, { headers: { authorization: `Bearer ${token}` } });
    // The token is good for enrolling only: being known, it is forbidden this.
    if (status === 403) return;
    await sleep(RETRY_MS);
  }
  throw new Error("the edge does not know the new tokens");
}
