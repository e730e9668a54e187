/** Key IDs are UUIDs (ETSI GS QKD 014 V1.1.1 clause 6.3): 36 characters in the API, 16 bytes in a frame. */
import { fromHex, toHex } from "../../../shared/bytes/hex.ts";

export const KEY_ID_BYTES = 16;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Null for what is no UUID in lower case. */
export const keyIdBytes = (keyId: string): Uint8Array | null =>
  UUID.test(keyId) ? fromHex(keyId.replaceAll("-", "")) : null;

/** @param bytes 16 of them */
export function keyIdText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** What people compare by eye. */
export const shortKeyId = (keyId: string): string => keyId.slice(0, 8);
