/** What a half looks at before it takes in what the other half tells: shape and bounds, whatever the pool holds. */
import { fromHex } from "../bytes/hex.ts";
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Announcement, Fetched, HalfBatch, HalfMessage, UnitPlace } from "./half.ts";
import { MASK_BYTES, MAX_RECORD, NONCE_BYTES, shardOfNonce } from "./key-id.ts";
import { unitOffsetOf } from "./owner.ts";

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
  announce: flawOfAnnouncement,
  void: ({ nonce }) => flawOfNonce(nonce),
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

function flawOfAnnouncement(announced: Announcement, { shard, from }: Sender): string | null {
  const { record, keys, sizeBytes, recipients, segments, master } = announced;
  if (announced.use !== "key") return `bits cannot be announced as ${announced.use}`;
  if (announced.masterNode !== from) return "keys are announced by the half of their master's node";
  const nonce = fromHex(announced.nonce);
  if (nonce?.length !== NONCE_BYTES || fromHex(announced.mask)?.length !== MASK_BYTES) {
    return `nonce and mask are ${NONCE_BYTES} and ${MASK_BYTES} bytes in hexadecimal`;
  }
  if (shardOfNonce(nonce) !== shard) return "the key IDs are of another shard";
  if (!isCount(record) || record > MAX_RECORD) return "the record has no number";
  if (!isWithin(keys, LIMITS.keysPerRequest)) return `keys are 1 to ${LIMITS.keysPerRequest}`;
  if (!isWithin(sizeBytes, LIMITS.keySizeBits / 8)) return `a key has 1 to ${LIMITS.keySizeBits / 8} bytes`;
  if (!isWithin(recipients.length, LIMITS.multicastSaes)) return `recipients are 1 to ${LIMITS.multicastSaes}`;
  if (![master, ...recipients.map(({ sae }) => sae)].every(isSae)) return "an SAE has an id";
  if (!isCount(announced.expiresMs)) return "expiresMs is a time";
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

function flawOfFetched({ record, nonce, sae, runs }: Fetched): string | null {
  if (!isCount(record) || !isSae(sae)) return "keys are of a record, and fetched by an SAE";
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
