/** Keys between an SAE here and one at, or beyond, a neighbour that runs qkd-trusted-node. */
import { concatBytes } from "@noble/hashes/utils.js";
import { fail, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import type { KeyId } from "../../shared/ids.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LegacyDecCall, LegacyEncCall, LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import { fetchRequest, firstRequest, type Journey, type Key } from "../../shared/qkd-trusted-node/walk.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Parts } from "./callee.ts";
import { journeyTo, neighbourOf } from "./flood.ts";
import { isSameKey, type Taken } from "./keeping.ts";
import type { Beside } from "./peers.ts";

const BITS_PER_BYTE = 8;

/** The neighbour of an SAE elsewhere, if keys may go there as the original has them go. */
function besideOf(view: LegacyView, sae: string): Result<Beside, Fault> {
  const neighbour = neighbourOf(view, sae);
  if (neighbour === null) return fail("no-route", `no neighbour of this node speaks for the SAE ${sae}`);
  if (neighbour.keyInClear) return ok({ view, neighbour });
  return fail(
    "no-route",
    `keys with ${sae} would go in clear, and key_in_clear of ${neighbour.id} does not allow that`,
  );
}

/**
 * The keys of the first link are the keys; the neighbour is asked to bring each to the other end, whose answer has to be
 * the same key. One that fails takes the others with it: nobody here gets them.
 */
export async function encKeys(parts: Parts, call: LegacyEncCall): Promise<Result<KeyGrant, Fault>> {
  const { view, master, slave, count, sizeBits } = call;
  if (count > LIMITS.legacyKeys) return fail("bad-request", `number: at most ${LIMITS.legacyKeys} with ${slave}`);
  const beside = besideOf(view, slave);
  if (!beside.ok) return beside;
  const admitted = parts.keeping.admits(count);
  if (!admitted.ok) return admitted;
  const journey = await journeyTo(parts.peers, beside.value, slave, { master, slave });
  if (!journey.ok) return journey;
  const keys = await parts.peers.newLinkKeys(beside.value, count, sizeBits / BITS_PER_BYTE);
  if (!keys.ok) return keys;
  const { id: neighbour } = beside.value.neighbour;
  const [node, who] = [view.node, `sae:${master}`];
  const deed = { act: "keys.enc", who, detail: { slave, neighbour, keys: count } };
  const owned = { kind: "begun", neighbour, master, slave } as const;
  // Before they go: the other end may fetch one as soon as it has heard of it.
  const kept = parts.keeping.keep(keys.value, owned, view.keyTtlMs, { node, deed });
  const sent = kept.ok ? await send(parts, beside.value, journey.value, keys.value) : kept;
  if (sent.ok) return ok(grantOf(keys.value));
  wipe(keys.value);
  if (kept.ok) {
    const detail = { slave, neighbour, keys: count, reason: sent.error.message };
    const ids = keys.value.map(({ id }) => id);
    parts.keeping.drop(ids, { node, deed: { act: "keys.refused", who, detail } });
  }
  return sent;
}

async function send(
  { peers }: Parts,
  beside: Beside,
  journey: Journey,
  keys: readonly Key[],
): Promise<Result<null, Fault>> {
  for (const key of keys) {
    // As the original: the next key of a link is asked for when the one before has arrived.
    // oxlint-disable-next-line no-await-in-loop
    const answer = await peers.extKeys(beside, firstRequest(journey, key.id));
    if (!answer.ok) return answer;
    if (!isSameKey(key, answer.value))
      return fail("unavailable", "the other end has got another key: nobody is given it");
  }
  return ok(null);
}

/**
 * Keys that have come. Who began them is asked for its copies, as the original does, so that those are gone; what it
 * answers has to be the same. Where it does not answer, its copies stay until it loses them, and the keys are given all the same.
 */
export async function decKeys(parts: Parts, call: LegacyDecCall): Promise<Result<KeyGrant, Fault>> {
  const { view, sae, master, keyIds } = call;
  const [node, who] = [view.node, `sae:${sae}`];
  const deed = { act: "keys.dec", who, detail: { master, keys: keyIds.length } };
  const taken = parts.keeping.take(keyIds, { kind: "come", master, slave: sae }, { node, deed });
  if (!taken.ok) return taken;
  if (await agrees(parts, call, taken.value)) return ok(grantOf(taken.value));
  wipe(taken.value);
  const detail = { master, keys: keyIds.length, reason: "who began these keys has others" };
  parts.keeping.tell({ node, deed: { act: "keys.refused", who, detail } });
  return err(mandatedFault("key-not-found"));
}

/** False where another key than ours comes back. */
async function agrees(
  { peers }: Parts,
  { view, sae, master }: LegacyDecCall,
  keys: readonly Taken[],
): Promise<boolean> {
  const beside = besideOf(view, master);
  if (!beside.ok) return true;
  const through = keys.filter(({ neighbour }) => neighbour === beside.value.neighbour.id);
  if (through.length === 0) return true;
  const journey = await journeyTo(peers, beside.value, master, { master, slave: sae });
  if (!journey.ok) return true;
  const request = fetchRequest(
    journey.value,
    through.map(({ id }) => id),
  );
  const answer = await peers.fetch(beside.value, request);
  if (!answer.ok) return true;
  const theirs = new Map(answer.value.map((key) => [key.key_ID.toLowerCase(), key]));
  return through.every((key) => {
    const other = theirs.get(key.id);
    return other === undefined || isSameKey(key, other);
  });
}

function wipe(keys: readonly Key[]): void {
  for (const { bytes } of keys) bytes.fill(0);
}

/** Takes the keys over: theirs are wiped. */
function grantOf(keys: readonly Key[]): KeyGrant {
  const sizesBytes = keys.map(({ bytes }) => bytes.length);
  const bytes = concatBytes(...keys.map((key) => key.bytes));
  wipe(keys);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- UUIDs of a KME of others, in lower case
  return { keyIds: keys.map(({ id }) => id as KeyId), sizesBytes, bytes };
}
