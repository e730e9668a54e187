/** Fields of what is hashed, big-endian; `lp16` and `lp32` put the length in bytes before the bytes. */
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value);
  return bytes;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Up to 2^53 - 1. */
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

const bytesOf = (field: Uint8Array | string): Uint8Array => (typeof field === "string" ? utf8ToBytes(field) : field);

export function lp16(field: Uint8Array | string): Uint8Array {
  const bytes = bytesOf(field);
  return concatBytes(u16(bytes.length), bytes);
}

export const lp32 = (bytes: Uint8Array): Uint8Array => concatBytes(u32(bytes.length), bytes);
