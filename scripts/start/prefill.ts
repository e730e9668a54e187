/** Simulated key before the demo says ready, so that the first request of a newcomer finds some. */
import type { LinkEntry } from "../../shared/network/document.ts";
import { LIMITS } from "../../shared/limits.ts";
import { callEdge, describe, member } from "./edge-client.ts";
import { StartFailure } from "./failure.ts";
import { awaitAccepted, checked } from "./network.ts";

/** Small enough for one alarm-free call; the pool takes in a call's bytes as one. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Between what is prefilled and the capacity, for what a simulated source makes meanwhile. */
const ROOM_BYTES = 1024 * 1024;

export interface PrefillAccess {
  readonly edge: string;
  readonly operatorToken: string;
  readonly signal: AbortSignal;
}

/** Tops each link's pool up to `bytes` of available key. */
export async function prefill(links: readonly LinkEntry[], bytes: number, access: PrefillAccess): Promise<void> {
  if (bytes === 0 || links.length === 0) return;
  await makeRoom(bytes, access);
  for (const link of links) await prefillLink(link.id, bytes, access);
}

async function prefillLink(
  link: string,
  bytes: number,
  { edge, operatorToken: token, signal }: PrefillAccess,
): Promise<void> {
  const path = `/api/v1/links/${link}`;
  const state = await callEdge(edge, path, { token }, signal);
  if (state.status !== 200) throw new StartFailure(`link ${link} cannot be read: ${describe(state)}`);
  const availableBits = Number(member(member(member(state.body, "pool"), "ledger_bits"), "available") ?? 0);
  let missing = bytes - Math.floor(availableBits / 8);
  while (missing > 0) {
    const body = { bytes: Math.min(missing, CHUNK_BYTES) };
    const answer = await callEdge(edge, `${path}/prefill`, { method: "POST", token, body }, signal);
    if (answer.status !== 200) throw new StartFailure(`link ${link} cannot be prefilled: ${describe(answer)}`);
    missing -= body.bytes;
  }
}

/** A pool takes in nothing beyond its capacity: where more is asked for, the policy's is raised. */
async function makeRoom(bytes: number, { edge, operatorToken: token, signal }: PrefillAccess): Promise<void> {
  const current = await awaitAccepted(token, { edge, signal });
  if (current.status !== 200 || current.etag === null)
    throw new StartFailure(`the network document cannot be read: ${describe(current)}`);
  const document = checked(
    current.body,
    (reason) => new StartFailure(`the network document in force is not understood: ${reason}`),
  );
  const { pool } = document.policy;
  const capacity = Math.min(bytes + ROOM_BYTES, LIMITS.poolCapacityBytes);
  if (pool.capacity_bytes >= capacity) return;
  const policy = { ...document.policy, pool: { ...pool, capacity_bytes: capacity } };
  const call = { method: "PUT", token, ifMatch: current.etag, body: { ...document, policy } };
  const answer = await callEdge(edge, "/api/v1/network", call, signal);
  if (answer.status !== 200) throw new StartFailure(`the pools cannot hold ${bytes} bytes: ${describe(answer)}`);
}
