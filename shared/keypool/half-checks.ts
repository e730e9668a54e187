/** What a half looks at before it takes in what the other half tells: shape and bounds, whatever the pool holds. */
import { fromHex } from "../bytes/hex.ts";
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Announcement, Ending, Fetched, HalfBatch, HalfMessage, UnitPlace } from "./half.ts";
import { MASK_BYTES, MAX_RECORD, NONCE_BYTES, shardOfNonce } from "./key-id.ts";
import { flawOfKeyBytes } from "../relay/terms.ts";
import { TAG_KEY_BYTES } from "../relay/types.ts";
import { unitOffsetOf } from "./owner.ts";
import { flawOfHopOf, otherNodeOf } from "./relay-checks.ts";

export interface Sender {
  readonly pair: PairName;
  readonly shard: number;
  readonly from: NodeId;
}

/** A log this long is no half's that keeps to LIMITS.halfLogMessages, those in one commit included. */
const LOG_MESSAGES = 2 * LIMITS.halfLogMessages;

/** @returns what is wrong with it, or null */
export function flawOfBatch(batch: HalfBatch, expected: Sender): string | null {
  const { messages, settled, generation, wantBytes } = batch;
  if (batch.pair !== expected.pair || batch.shard !== expected.shard || batch.from !== expected.from) {
    return "the batch is not of this pool's other half";
  }
  if (!isCount(settled) || !isCount(wantBytes) || !isCount(generation) || generation === 0) {
    return "settled, wantBytes and generation are whole numbers";
  }
  if (messages.length > LIMITS.halfBatchMessages) return `a batch has at most ${LIMITS.halfBatchMessages} messages`;
  let last = settled;
  for (const { seq } of messages) {
    if (!Number.isSafeInteger(seq) || seq <= last) return "messages are in order, and not settled yet";
    last = seq;
  }
  return last - settled > LOG_MESSAGES ? "too many messages are not settled" : null;
}

/** Returns what is wrong with a message of the sender, or null. */
const FLAWS: {
  readonly [K in HalfMessage["kind"]]: (message: Extract<HalfMessage, { kind: K }>, by: Sender) => string | null;
} = {
  taken: ({ block, bytes }) => (isBlock(block) && isCount(bytes) ? null : "a block has an id and a length"),
  "give-up": ({ block }) => (isBlock(block) ? null : "a block has an id"),
  announce: flawOfAnnouncement,
  void: ({ nonce }) => flawOfNonce(nonce),
  end: flawOfEnding,
  fetched: flawOfFetched,
  yield: ({ units }) => flawOfPlaces(units, LIMITS.halfYieldUnits),
  retire: ({ units, as }) =>
    as === "remainder" || as === "voided"
      ? flawOfPlaces(units, LIMITS.alarmBatchRows)
      : "units are not retired as that",
};

/** @returns what is wrong with it, or null */
export function flawOfMessage(message: HalfMessage, sender: Sender): string | null {
  if (!Object.hasOwn(FLAWS, message.kind)) return "it is of no known kind";
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each kind with its look
  return (FLAWS[message.kind] as (message: HalfMessage, by: Sender) => string | null)(message, sender);
}

function flawOfAnnouncement(announced: Announcement, by: Sender): string | null {
  const { shard } = by;
  const { record, keys, sizeBytes, segments } = announced;
  const flaw = flawOfUse(announced, by);
  if (flaw !== null) return flaw;
  const flawOfIds = flawOfKeyIds(announced, shard);
  if (flawOfIds !== null) return flawOfIds;
  if (!isCount(record) || record > MAX_RECORD) return "the record has no number";
  if (segments.length > LIMITS.halfSegments) return `keys lie in at most ${LIMITS.halfSegments} pieces`;
  let bytes = 0;
  for (const [block, offset, length] of segments) {
    if (!isBlock(block) || !isCount(offset) || !isWithin(length, LIMITS.unitBytes))
      return "a segment has a place and a length";
    if (unitOffsetOf(offset) !== unitOffsetOf(offset + length - 1)) return "a segment lies within one unit";
    bytes += length;
  }
  return bytes === keys * sizeBytes ? null : "the segments are not as long as the keys";
}

/** What the key IDs are made from, and how long they are good. */
export function flawOfKeyIds(
  { nonce: text, mask, expiresMs }: Pick<Announcement, "nonce" | "mask" | "expiresMs">,
  shard: number,
): string | null {
  const nonce = fromHex(text);
  if (nonce?.length !== NONCE_BYTES || fromHex(mask)?.length !== MASK_BYTES) {
    return `nonce and mask are ${NONCE_BYTES} and ${MASK_BYTES} bytes in hexadecimal`;
  }
  if (shardOfNonce(nonce) !== shard) return "the key IDs are of another shard";
  return isCount(expiresMs) ? null : "expiresMs is a time";
}

function flawOfUse(announced: Announcement, by: Sender): string | null {
  const { use, hop, chunks, masterNode } = announced;
  if (use === "stream") return hop === undefined ? flawOfChunks(announced, by) : "a hop has a pad, and no chunks";
  if (chunks !== undefined) return "chunks are of a stream";
  if (masterNode !== by.from) return "keys are announced by the half of their master's node";
  if (use === "key") return hop === undefined ? flawOfKeys(announced) : "a hop has a pad, and no keys";
  return use === "pad" ? flawOfPad(announced, by) : `bits cannot be announced as ${use}`;
}

/** Streams are kept by the half of the pair's lower node, whoever has opened them. */
function flawOfChunks(
  { chunks, keys, sizeBytes, recipients, master, masterNode }: Announcement,
  by: Sender,
): string | null {
  const other = otherNodeOf({ pair: by.pair, node: by.from });
  if (by.pair !== `${by.from}|${other}`) return "chunks are announced by the half of the lower node";
  if (chunks === undefined || ![chunks.instance, chunks.first, chunks.madeMs].every(isCount)) {
    return "chunks are of a stream, at a place, and of an age";
  }
  if (!isWithin(keys, LIMITS.streamAheadChunks + LIMITS.streamReadAhead)) return "too many chunks were made at once";
  if (!isWithin(sizeBytes, LIMITS.keySizeBits / 8)) return `a chunk has 1 to ${LIMITS.keySizeBits / 8} bytes`;
  const [opener, joiner, ...others] = recipients;
  if (opener === undefined || joiner === undefined || others.length > 0) return "a stream has two ends";
  const areEnds = [by.from, other].every((node) => recipients.some((end) => end.node === node));
  if (!areEnds || opener.sae === joiner.sae) return "a stream's ends are different SAEs at the pair's two nodes";
  if (!isSae(opener.sae) || !isSae(joiner.sae)) return "an SAE has an id";
  return master === opener.sae && masterNode === opener.node ? null : "the master of chunks is who opened their stream";
}

function flawOfEnding({ nonce, delivered, as }: Ending): string | null {
  return !isCount(delivered) || (as !== "expired" && as !== "voided") ? "chunks do not end so" : flawOfNonce(nonce);
}

/** How many, how long, whose, and for whom. */
export function flawOfKeys({
  keys,
  sizeBytes,
  recipients,
  master,
}: Pick<Announcement, "keys" | "sizeBytes" | "recipients" | "master">): string | null {
  if (!isWithin(keys, LIMITS.keysPerRequest)) return `keys are 1 to ${LIMITS.keysPerRequest}`;
  if (!isWithin(sizeBytes, LIMITS.keySizeBits / 8)) return `a key has 1 to ${LIMITS.keySizeBits / 8} bytes`;
  if (!isWithin(recipients.length, LIMITS.multicastSaes)) return `recipients are 1 to ${LIMITS.multicastSaes}`;
  return [master, ...recipients.map(({ sae }) => sae)].every(isSae) ? null : "an SAE has an id";
}

/** No SAE may ever find it among its keys. */
function flawOfPad({ keys, sizeBytes, recipients, master, hop }: Announcement, by: Sender): string | null {
  if (hop === undefined) return "a pad is for a hop";
  const [taker, ...others] = recipients;
  const to = otherNodeOf({ pair: by.pair, node: by.from });
  const isForNode = taker?.sae === "" && taker.node === to && others.length === 0;
  if (keys !== 1 || master !== "" || !isForNode) return "a pad is for the other node, and for no SAE";
  return flawOfHopOf(hop) ?? flawOfKeyBytes(sizeBytes - TAG_KEY_BYTES);
}

function flawOfFetched({ record, nonce, sae, runs }: Fetched): string | null {
  if (!isCount(record) || sae.length > LIMITS.saeIdChars) return "keys are of a record, and fetched by an SAE";
  const areRuns = runs.every(([first, count]) => isCount(first) && isWithin(count, LIMITS.keysPerRequest));
  if (!areRuns || runs.length > LIMITS.keysPerRequest) return "runs have a first key and a number of keys";
  return flawOfNonce(nonce);
}

const flawOfNonce = (nonce: string): string | null =>
  fromHex(nonce)?.length === NONCE_BYTES ? null : `a nonce is ${NONCE_BYTES} bytes in hexadecimal`;

function flawOfPlaces(places: readonly UnitPlace[], most: number): string | null {
  if (places.length > most) return `units are at most ${most} at once`;
  const arePlaces = places.every(
    ([block, offset]) => isBlock(block) && isCount(offset) && unitOffsetOf(offset) === offset,
  );
  return arePlaces ? null : "a unit has a block and an offset";
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isWithin = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;
const isBlock = (id: string): boolean => id.length >= 1 && id.length <= LIMITS.blockIdChars;
const isSae = (id: string): boolean => id.length >= 1 && id.length <= LIMITS.saeIdChars;
