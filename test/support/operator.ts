/** What an operator does to a running network: the documented command line, and changes of the network document. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { RunningNetwork } from "./run-network.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

export interface QkdResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `npm run qkd -- ...` against this network, as its operator. */
export function qkd(network: Pick<RunningNetwork, "edge" | "state">, ...argv: string[]): Promise<QkdResult> {
  const env = { ...process.env, QKD_EDGE: network.edge, QKD_TOKEN_FILE: join(network.state, "tokens.json") };
  const child = spawn("npm", ["run", "--silent", "qkd", "--", ...argv], { cwd: PROJECT, env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

/** What is needed of a network to ask its edge. */
export type Reached = Pick<RunningNetwork, "fetch">;

export interface Versioned {
  readonly version: number;
  readonly document: NetworkDocument;
}

export async function readNetwork(network: Reached): Promise<Versioned> {
  const response = await network.fetch("/api/v1/network", "operator");
  if (response.status !== 200) throw new Error(`the network cannot be read: ${response.status}`);
  const version = Number(/^"(\d+)"$/.exec(response.headers.get("etag") ?? "")?.[1]);
  return { version, document: (await response.json()) as NetworkDocument };
}

/** Puts a changed document in force at once. @returns its version */
export async function changeNetwork(network: Reached, change: (document: NetworkDocument) => unknown): Promise<number> {
  const { version, document } = await readNetwork(network);
  const response = await putNetwork(network, change(document), version);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`the network was refused: ${response.status} ${text}`);
  return (JSON.parse(text) as { version: number }).version;
}

export const putNetwork = (network: Reached, document: unknown, ifMatch: number | null): Promise<Response> =>
  network.fetch("/api/v1/network", "operator", {
    method: "PUT",
    headers: ifMatch === null ? {} : { "if-match": `"${ifMatch}"` },
    body: JSON.stringify(document),
  });

export interface LinkState {
  readonly ledger_bits: Readonly<Record<string, number>>;
  readonly ingested_bits: number;
  readonly conserved: boolean;
  readonly state: string;
  /** Of each; what they have lent to pools of relayed key is theirs no more. */
  readonly shards: readonly { readonly transferred_bits: number }[];
}

/** A link's pool, summed over its shards. */
export async function linkState(network: Reached, link: string): Promise<LinkState> {
  const response = await network.fetch(`/api/v1/links/${link}`, "operator");
  if (response.status !== 200) throw new Error(`link ${link}: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { pool: LinkState }).pool;
}

/** Asks until `good`; fails after `withinMs`. Prints no answer: it may hold keys. */
export async function eventually<T>(ask: () => Promise<T>, good: (value: T) => boolean, withinMs: number): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (good(value)) return value;
    if (performance.now() > untilMs) throw new Error(`not within ${withinMs} ms: ${good.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
