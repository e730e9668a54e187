/**
 * Key IDs: UUIDs (version 4 in form) that tell the pool where its record is, and tell nobody else anything.
 *
 * Bytes 0-7 are a nonce of 60 random bits, drawn once a batch, stored with the record and compared on every look-up.
 * Byte 8 carries the shard. Bytes 9-13 hold the record's number and 14-15 the key's index in its batch, both under
 * a mask derived from nonce and shard with a secret of the pool, so that IDs do not show how busy a pool is. Record
 * numbers grow, so that storage is written in order however many keys are pending.
 */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { KeyId } from "../ids.ts";

export const NONCE_BYTES = 9;
export const MASK_BYTES = 7;
export const MAX_RECORD = 2 ** 40 - 1;
export const MAX_INDEX = 2 ** 16 - 1;
const KEY_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Nonce and shard: the first nine bytes of every ID of a batch. */
export type Nonce = Uint8Array;
/** What hides number and index of a batch's IDs: MASK_BYTES of a keyed hash of the nonce. */
export type Mask = Uint8Array;

/** @param random 8 random bytes @param shard 0 to 63 */
export function makeNonce(random: Uint8Array, shard: number): Nonce {
  if (random.length !== 8 || shard < 0 || shard > 63)
    throw new RangeError("a nonce takes 8 random bytes and a shard 0..63");
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(random);
  nonce[6] = 0x40 | ((random[6] ?? 0) & 0x0f);
  nonce[8] = 0x80 | shard;
  return nonce;
}

/** The text that all IDs of a batch begin with: the nonce's 18 digits and 3 dashes. */
export const batchPrefix = (id: KeyId): string => id.slice(0, PREFIX_CHARS);
const PREFIX_CHARS = 21;

/** The prefix of a batch's IDs, written from its nonce. */
export function prefixOfNonce(nonce: Nonce): string {
  const hex = bytesToHex(nonce);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16)}`;
}

/** The nonce in a batch's prefix. */
export const nonceOfPrefix = (prefix: string): Nonce => hexToBytes(prefix.replaceAll("-", ""));

/** The record's number in an ID. With a wrong mask the answer is meaningless: compare the stored nonce. */
export const recordOf = (id: KeyId, mask: Mask): number =>
  xored(mask, Number.parseInt(id.slice(21, 23) + id.slice(24, 32), 16));

/** The shard in a nonce. */
export const shardOfNonce = (nonce: Nonce): number => (nonce[NONCE_BYTES - 1] ?? 0) & 0x3f;

/** The shard whose KeyPool holds the key; null where the text is no key ID. */
export const shardOfKeyId = (id: KeyId): number | null =>
  KEY_ID.test(id) ? Number.parseInt(id.slice(19, 21), 16) & 0x3f : null;

/** What hides an index. */
export const indexMaskOf = (mask: Mask): number => ((mask[5] ?? 0) << 8) | (mask[6] ?? 0);

/** A number of 40 bits XOR the mask's first five bytes: beyond the 32 bits of JavaScript's operator. */
export function xored(mask: Mask, number: number): number {
  const high = Math.floor(number / 2 ** 32) ^ (mask[0] ?? 0);
  const low = new DataView(mask.buffer, mask.byteOffset).getUint32(1);
  return high * 2 ** 32 + (((number % 2 ** 32) ^ low) >>> 0);
}
