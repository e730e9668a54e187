/**
 * Key IDs: UUIDs (version 4 in form) that tell the pool where its record is, and tell nobody else anything.
 *
 * Bytes 0-7 are a nonce of 60 random bits, drawn once a batch, stored with the record and compared on every look-up.
 * Byte 8 carries the shard. Bytes 9-13 hold the record's number and 14-15 the key's index in its batch, both under
 * a mask derived from nonce and shard with a secret of the pool, so that IDs do not show how busy a pool is. Record
 * numbers grow, so that storage is written in order however many keys are pending.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { KeyId } from "../ids.ts";

export const NONCE_BYTES = 9;
const MASK_BYTES = 7;
export const MAX_RECORD = 2 ** 40 - 1;
export const MAX_INDEX = 2 ** 16 - 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Nonce and shard: the first nine bytes of every ID of a batch. */
export type Nonce = Uint8Array;
/** What hides number and index of a batch's IDs. */
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

/** @param secret 32 bytes that never leave the pool */
export const maskOf = (secret: Uint8Array, nonce: Nonce): Mask => hmac(sha256, secret, nonce).slice(0, MASK_BYTES);

/** IDs of keys 0..count-1 of a batch. */
export function writeKeyIds(nonce: Nonce, mask: Mask, record: number, count: number): KeyId[] {
  if (record > MAX_RECORD || count - 1 > MAX_INDEX) throw new RangeError("record or index out of range");
  const hex = bytesToHex(nonce);
  const head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-`;
  const number = xored(mask, 0, 5, record).toString(16).padStart(10, "0");
  const clock = `${hex.slice(16, 18)}${number.slice(0, 2)}-${number.slice(2)}`;
  return Array.from(
    { length: count },
    (_, index) => `${head}${clock}${xored(mask, 5, 2, index).toString(16).padStart(4, "0")}` as KeyId,
  );
}

/** Parses the text of an ID; null unless it is a lower-case UUID of the form this system gives out. */
export function readKeyId(id: KeyId): { readonly nonce: Nonce; readonly tail: Uint8Array } | null {
  if (!UUID.test(id)) return null;
  const bytes = hexToBytes(id.replaceAll("-", ""));
  if ((bytes[6] ?? 0) >> 4 !== 4 || (bytes[8] ?? 0) >> 6 !== 2) return null;
  return { nonce: bytes.slice(0, NONCE_BYTES), tail: bytes.slice(NONCE_BYTES) };
}

/** Undoes the mask on an ID's tail. With a wrong mask the answer is meaningless: compare the stored nonce. */
export function unmask(tail: Uint8Array, mask: Mask): { readonly record: number; readonly index: number } {
  return { record: xored(mask, 0, 5, toNumber(tail, 0, 5)), index: xored(mask, 5, 2, toNumber(tail, 5, 2)) };
}

/** The shard whose KeyPool holds the key; null where the text is no key ID. */
export function shardOfKeyId(id: KeyId): number | null {
  const read = readKeyId(id);
  return read === null ? null : (read.nonce[8] ?? 0) & 0x3f;
}

/** `value` XOR mask[from, from + length), beyond the 32 bits of JavaScript's operator. */
function xored(mask: Uint8Array, from: number, length: number, value: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) {
    const byte = Math.floor(value / 2 ** (8 * (length - 1 - i))) & 0xff;
    result = result * 256 + (byte ^ (mask[from + i] ?? 0));
  }
  return result;
}

function toNumber(bytes: Uint8Array, from: number, length: number): number {
  let result = 0;
  for (let i = from; i < from + length; i++) result = result * 256 + (bytes[i] ?? 0);
  return result;
}
