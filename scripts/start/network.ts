/** The network document: brought to the edge on the first start, and again when a `--config` file has changed. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { type Answer, callEdge, describe } from "./edge-client.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { readIfThere, writeAtomic } from "./files.ts";
import type { StateFolder } from "./state-folder.ts";

const NETWORK = "/api/v1/network";

/** What should be in force. `source`: how messages call it. */
export interface WantedNetwork {
  readonly document: NetworkDocument;
  readonly source: string;
  /** SHA-256 of the file's bytes; null for the demo, whose document the user may change through the API. */
  readonly sha256: string | null;
}

export interface NetworkAccess {
  readonly edge: string;
  readonly folder: StateFolder;
  readonly bootstrapToken: string;
  readonly operatorToken: string | null;
  readonly signal: AbortSignal;
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

/**
 * Makes `wanted` the document in force where there is none yet, or where the file it comes from has changed.
 *
 * @returns the document in force; null when none is wanted, and none may be read
 */
export async function applyNetwork(
  wanted: WantedNetwork | null,
  access: NetworkAccess,
): Promise<NetworkDocument | null> {
  const { folder, operatorToken } = access;
  const applied = readIfThere(folder.appliedConfig)?.trim() ?? null;
  // Nothing of ours is in force: most likely nothing at all is.
  if (applied === null && wanted !== null) {
    const first = await put(wanted, access.bootstrapToken, '"0"', access);
    if (first.status === 200) return wanted.document;
    if (!USED_UP.has(first.status)) throw new StartFailure(`${wanted.source}: ${describe(first)}`);
  }
  const unchanged = wanted?.sha256 === null || wanted?.sha256 === applied;
  if (operatorToken === null) {
    if (wanted === null || unchanged) return wanted?.document ?? null;
    throw new StartFailure(notAllowed(folder));
  }
  const current = await awaitAccepted(operatorToken, access);
  if (current.status === 401) throw new StartFailure(notAllowed(folder));
  if (current.status !== 200 || current.etag === null)
    throw new StartFailure(`the network document cannot be read: ${describe(current)}`);
  if (wanted === null || unchanged)
    return checked(
      current.body,
      (reason) => new StartFailure(`the network document in force is not understood: ${reason}`),
    );
  const next = await put(wanted, operatorToken, current.etag, access);
  if (next.status !== 200) throw new StartFailure(`${wanted.source}: ${describe(next)}`);
  return wanted.document;
}

/** The bootstrap token is used up or too old; the document is not at version 0. */
const USED_UP: ReadonlySet<number> = new Set([401, 403, 412]);

/** Up to a second passes until the edge knows a token of a new document. */
export async function awaitAccepted(
  token: string,
  { edge, signal }: Pick<NetworkAccess, "edge" | "signal">,
): Promise<Answer> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const answer = await callEdge(edge, NETWORK, { token }, signal);
    if (answer.status !== 401 || waitedMs >= PROPAGATION_MS) return answer;
    await sleep(RETRY_MS, undefined, { signal });
  }
}
const RETRY_MS = 100;
const PROPAGATION_MS = 2500;

async function put(wanted: WantedNetwork, token: string, ifMatch: string, access: NetworkAccess): Promise<Answer> {
  const { edge, folder, signal } = access;
  const answer = await callEdge(edge, NETWORK, { method: "PUT", token, ifMatch, body: wanted.document }, signal);
  if (answer.status === 200) writeAtomic(folder.appliedConfig, `${wanted.sha256 ?? "demo"}\n`);
  return answer;
}

const notAllowed = (folder: StateFolder): string =>
  `${folder.root} holds a network that this start may not read or change: give an operator's token with --token-file, or start with another --state folder`;

/** A document of this deployment's own making, or one from a file, with its defaults filled in. */
export function checked(value: unknown, invalid: (reason: string) => Error): NetworkDocument {
  const result = validateNetwork(value);
  if (!result.ok) throw invalid(describe({ status: 400, body: result.error, etag: null }));
  return result.value;
}
