/** The network document: brought to the edge on the first start, and again when a `--config` file has changed. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { type Answer, callEdge, describe, versionOf } from "./edge-client.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { readIfThere, writeAtomic } from "./files.ts";
import type { StateFolder } from "./state-folder.ts";

const NETWORK = "/api/v1/network";

/** What should be in force. `source`: how messages call it. */
export interface WantedNetwork {
  readonly document: NetworkDocument;
  readonly source: string;
  /** SHA-256 of the file's bytes; null for the demo. */
  readonly sha256: string | null;
}

export interface InForce {
  readonly version: number;
  readonly document: NetworkDocument;
}

export interface NetworkAccess {
  readonly edge: string;
  readonly folder: StateFolder;
  readonly bootstrapToken: string;
  readonly operatorToken: string | null;
  readonly signal: AbortSignal;
}

export interface Settled {
  readonly network: NetworkDocument;
  /** What was wanted and did not come about. */
  readonly notes: readonly string[];
}

/** Reads and checks a `--config` file: every fault, in one line. */
export function readConfig(file: string): WantedNetwork {
  const invalid = (reason: string): StartFailure => new StartFailure(`--config ${file}: ${reason}`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (thrown) {
    throw invalid(`cannot be read: ${messageOf(thrown)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (thrown) {
    throw invalid(`not JSON: ${messageOf(thrown)}`);
  }
  return {
    document: checked(value, invalid),
    source: `--config ${file}`,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}

/** Puts the first document, with the bootstrap token. */
export async function putFirst(wanted: WantedNetwork, access: NetworkAccess): Promise<NetworkDocument> {
  const { folder, bootstrapToken } = access;
  const answer = await put(wanted, bootstrapToken, 0, access);
  if (NOT_ALLOWED.has(answer.status)) {
    throw new StartFailure(
      `${wanted.source}: the bootstrap token is more than an hour old: remove ${folder.bootstrapToken} and start again`,
    );
  }
  if (answer.status !== 200) throw new StartFailure(`${wanted.source}: ${describe(answer)}`);
  return wanted.document;
}

/** Puts a `--config` file that has changed since it was applied; where that is not allowed, what is in force stays. */
export async function settle(
  wanted: WantedNetwork,
  { version, document }: InForce,
  access: NetworkAccess,
): Promise<Settled> {
  const { folder, operatorToken } = access;
  if (wanted.sha256 === appliedConfig(folder)) return { network: document, notes: [] };
  const answer = operatorToken === null ? null : await put(wanted, operatorToken, version, access);
  if (answer?.status === 200) return { network: wanted.document, notes: [] };
  if (answer !== null && !NOT_ALLOWED.has(answer.status))
    throw new StartFailure(`${wanted.source}: ${describe(answer)}`);
  const reason = answer === null ? "that takes an operator's token" : "the operator's token is not accepted";
  const note = `note: ${wanted.source} differs from what was applied last, and was not applied: ${reason} (--token-file); version ${version} stays in force`;
  return { network: document, notes: [note] };
}

export const DEMO_APPLIED = "demo";

/** SHA-256 of the `--config` file applied last, `DEMO_APPLIED`, or null where no start has applied anything. */
export const appliedConfig = (folder: StateFolder): string | null => readIfThere(folder.appliedConfig)?.trim() ?? null;

/** Of a token that is unknown, revoked, expired or used up, or good for other things only. */
export const NOT_ALLOWED: ReadonlySet<number> = new Set([401, 403]);

/** The document in force, read with a token; null where there is none yet. */
export async function readByToken(access: NetworkAccess): Promise<InForce | null> {
  const { folder, bootstrapToken, operatorToken } = access;
  // Before the first document no other token counts, after it this one does not.
  let answer = await askNetwork(bootstrapToken, access);
  if (answer.status === 401 && operatorToken !== null) answer = await askNetwork(operatorToken, access);
  if (answer.status === 401) {
    throw new StartFailure(
      `${folder.root} holds a network that the operator's token of ${folder.tokens} may not read: start with another --state folder`,
    );
  }
  return inForceOf(answer);
}

/** @throws StartFailure for an answer that is no document */
export function inForceOf(answer: Answer): InForce | null {
  const version = versionOf(answer);
  if (answer.status !== 200 || version === null)
    throw new StartFailure(`the network document cannot be read: ${describe(answer)}`);
  return version === 0 ? null : { version, document: checked(answer.body, notUnderstood) };
}

const notUnderstood = (reason: string): StartFailure =>
  new StartFailure(`the network document in force is not understood: ${reason}`);

type Reach = Pick<NetworkAccess, "edge" | "signal">;

export const askNetwork = (token: string, { edge, signal }: Reach): Promise<Answer> =>
  callEdge(edge, NETWORK, { token }, signal);

/** Up to a second passes until the edge knows a token of a new document. */
export async function awaitAccepted(token: string, reach: Reach): Promise<Answer> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const answer = await askNetwork(token, reach);
    if (answer.status !== 401 || waitedMs >= PROPAGATION_MS) return answer;
    await sleep(RETRY_MS, undefined, { signal: reach.signal });
  }
}
const RETRY_MS = 100;
const PROPAGATION_MS = 2500;

async function put(
  wanted: WantedNetwork,
  token: string,
  version: number,
  { edge, folder, signal }: NetworkAccess,
): Promise<Answer> {
  const call = { method: "PUT", token, ifMatch: `"${version}"`, body: wanted.document };
  const answer = await callEdge(edge, NETWORK, call, signal);
  if (answer.status === 200) writeAtomic(folder.appliedConfig, `${wanted.sha256 ?? DEMO_APPLIED}\n`);
  return answer;
}

/** A document of this deployment's own making, or one from a file, with its defaults filled in. */
export function checked(value: unknown, invalid: (reason: string) => Error): NetworkDocument {
  const result = validateNetwork(value);
  if (!result.ok) throw invalid(describe({ status: 400, body: result.error, etag: null }));
  return result.value;
}
