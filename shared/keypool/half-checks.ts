/** What a half looks at before it takes in what the other half tells: shape and bounds, whatever the pool holds. */
import { fromHex } from "../bytes/hex.ts";
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Announcement, HalfBatch } from "./half.ts";
import { MASK_BYTES, MAX_RECORD, NONCE_BYTES, shardOfNonce } from "./key-id.ts";
import { unitOffsetOf } from "./owner.ts";

export interface Sender {
  readonly pair: PairName;
  readonly shard: number;
  readonly from: NodeId;
}

/** @returns what is wrong with it, or null */
export function flawOfBatch(batch: HalfBatch, expected: Sender): string | null {
  const { messages, settled, generation, wantBytes } = batch;
  if (batch.pair !== expected.pair || batch.shard !== expected.shard || batch.from !== expected.from) {
    return "the batch is not of this pool's other half";
  }
  if (![settled, wantBytes].every(isCount) || !isCount(generation) || generation === 0) {
    return "settled, wantBytes and generation are whole numbers";
  }
  if (messages.length > LIMITS.halfBatchMessages) return `a batch has at most ${LIMITS.halfBatchMessages} messages`;
  const first = messages[0]?.seq ?? settled + 1;
  const inOrder = messages.every(({ seq }, index) => seq === first + index);
  return inOrder && first > settled ? null : "messages are neighbours, in order, and not settled yet";
}

/** @returns what is wrong with it, or null */
export function flawOfAnnouncement(announced: Announcement, { shard, from }: Sender): string | null {
  const { record, keys, sizeBytes, recipients, segments } = announced;
  const nonce = fromHex(announced.nonce);
  if (announced.use !== "key") return `bits cannot be announced as ${announced.use}`;
  if (announced.masterNode !== from) return "keys are announced by the half of their master's node";
  if (nonce?.length !== NONCE_BYTES || fromHex(announced.mask)?.length !== MASK_BYTES) {
    return `nonce and mask are ${NONCE_BYTES} and ${MASK_BYTES} bytes in hexadecimal`;
  }
  if (shardOfNonce(nonce) !== shard) return "the key IDs are of another shard";
  if (!isCount(record) || record > MAX_RECORD) return "the record has no number";
  if (!isWithin(keys, LIMITS.keysPerRequest)) return `keys are 1 to ${LIMITS.keysPerRequest}`;
  if (!isWithin(sizeBytes, LIMITS.keySizeBits / 8)) return `a key has 1 to ${LIMITS.keySizeBits / 8} bytes`;
  if (!isWithin(recipients.length, LIMITS.multicastSaes)) return `recipients are 1 to ${LIMITS.multicastSaes}`;
  if (!isCount(announced.expiresMs)) return "expiresMs is a time";
  let bytes = 0;
  for (const [, offset, length] of segments) {
    if (!isCount(offset) || !isWithin(length, LIMITS.unitBytes)) return "a segment has an offset and a length";
    if (unitOffsetOf(offset) !== unitOffsetOf(offset + length - 1)) return "a segment lies within one unit";
    bytes += length;
  }
  return bytes === keys * sizeBytes ? null : "the segments are not as long as the keys";
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isWithin = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;
