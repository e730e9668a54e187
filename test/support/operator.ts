/** What an operator does to a running network: the documented command line, and changes of the network document. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { recordedCli } from "./recorded-cli.ts";
import type { RunningNetwork } from "./run-network.ts";

/** `qkd ...` against this network, as its operator in the state folder. @returns what a process would have printed */
export async function qkd({ edge, state }: Pick<RunningNetwork, "edge" | "state">, ...argv: readonly string[]) {
  const env = { QKD_EDGE: edge, QKD_TOKEN_FILE: join(state, "tokens.json") };
  const { code, out, err } = await recordedCli(argv, { env, cwd: state });
  return { code, out: withEnd(out), err: withEnd(err) };
}

const withEnd = (lines: string): string => (lines === "" ? "" : `${lines}\n`);

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

/** Workers' copies of the network live up to a second. */
const SNAPSHOT_MS = 1100;

/** Resolves once a change that was made counts everywhere. */
export const countsEverywhere = (): Promise<void> => sleep(SNAPSHOT_MS);

/** Resolves once the change counts everywhere. */
export async function changeAndWait(network: Reached, change: (document: NetworkDocument) => unknown): Promise<void> {
  await changeNetwork(network, change);
  await countsEverywhere();
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
