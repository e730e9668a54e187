/** Simulated key before the demo says ready, so that the first request of a newcomer finds some. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LinkEntry } from "../../shared/network/document.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Answer, callEdge, describe, member } from "./edge-client.ts";
import { StartFailure } from "./failure.ts";
import { askNetwork, awaitAccepted, inForceOf, NOT_ALLOWED } from "./network.ts";

/** Small enough for one alarm-free call; the pool takes in a call's bytes as one. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Between what is prefilled and the capacity, for what a simulated source makes meanwhile. */
const ROOM_BYTES = 1024 * 1024;

export interface PrefillAccess {
  readonly edge: string;
  readonly operatorToken: string;
  readonly signal: AbortSignal;
  /** False for a network that was in force before: the edge knows its tokens. */
  readonly isNew: boolean;
}

/**
 * Tops each link's pool up to `bytes` of available key.
 * @returns false where the operator's token does not count for that
 */
export async function prefill(links: readonly LinkEntry[], bytes: number, access: PrefillAccess): Promise<boolean> {
  if (bytes === 0 || links.length === 0) return true;
  try {
    await makeRoom(bytes, access);
    for (const link of links) await prefillLink(link.id, bytes, access);
    return true;
  } catch (thrown) {
    if (thrown instanceof NotAllowed) return false;
    throw thrown;
  }
}

class NotAllowed extends Error {}

function expectOk(answer: Answer, what: string): void {
  if (NOT_ALLOWED.has(answer.status)) throw new NotAllowed();
  if (answer.status !== 200) throw new StartFailure(`${what}: ${describe(answer)}`);
}

/** Of an answer that tells a link. */
export const availableBitsOf = ({ body }: Pick<Answer, "body">): number =>
  Number(member(member(member(body, "pool"), "ledger_bits"), "available") ?? 0);

async function prefillLink(
  link: string,
  bytes: number,
  { edge, operatorToken: token, signal }: PrefillAccess,
): Promise<void> {
  const path = `/api/v1/links/${link}`;
  const state = await untilServed(() => callEdge(edge, path, { token }, signal), signal);
  expectOk(state, `link ${link} cannot be read`);
  let missing = bytes - Math.floor(availableBitsOf(state) / 8);
  while (missing > 0) {
    const body = { bytes: Math.min(missing, CHUNK_BYTES) };
    const answer = await callEdge(edge, `${path}/prefill`, { method: "POST", token, body }, signal);
    expectOk(answer, `link ${link} cannot be prefilled`);
    missing -= body.bytes;
  }
}

/** A pool whose storage was put back from a copy voids what it holds before it answers: seconds a GiB. */
async function untilServed(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const answer = await ask();
    if (answer.status !== UNAVAILABLE || waitedMs >= SERVED_MS) return answer;
    await sleep(RETRY_MS, undefined, { signal });
  }
}
const UNAVAILABLE = 503;
const RETRY_MS = 1000;
const SERVED_MS = 60_000;

/** A pool takes in nothing beyond its capacity: where more is asked for, the policy's is raised. */
async function makeRoom(bytes: number, { edge, operatorToken: token, signal, isNew }: PrefillAccess): Promise<void> {
  const current = await (isNew ? awaitAccepted : askNetwork)(token, { edge, signal });
  if (NOT_ALLOWED.has(current.status)) throw new NotAllowed();
  const inForce = inForceOf(current);
  if (inForce === null) return;
  const { version, document } = inForce;
  const { pool } = document.policy;
  const capacity = Math.min(bytes + ROOM_BYTES, LIMITS.poolCapacityBytes);
  if (pool.capacity_bytes >= capacity) return;
  const policy = { ...document.policy, pool: { ...pool, capacity_bytes: capacity } };
  const call = { method: "PUT", token, ifMatch: `"${version}"`, body: { ...document, policy } };
  const answer = await callEdge(edge, "/api/v1/network", call, signal);
  expectOk(answer, `the pools cannot hold ${bytes} bytes`);
}
