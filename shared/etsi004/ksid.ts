/**
 * Key stream IDs on the wire: UUIDs as text, or their 16 octets in the order in which they are printed. (A remark in
 * ETSI GS QKD 004 V2.1.1 table 2 could be read the other way round; every implementation found uses this order.)
 */
import { fromHex, toHex } from "../bytes/hex.ts";
import type { Ksid } from "./types.ts";

export const KSID_BYTES = 16;
const KSID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @returns null for text that is no UUID: there is no such stream */
export const ksidOfText = (text: string): Ksid | null => (KSID.test(text) ? (text.toLowerCase() as Ksid) : null);

export function ksidOfBytes(bytes: Uint8Array): Ksid {
  const hex = toHex(bytes);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-") as Ksid;
}

export function bytesOfKsid(ksid: Ksid): Uint8Array {
  const bytes = fromHex(ksid.replaceAll("-", ""));
  if (bytes?.length !== KSID_BYTES) throw new RangeError("a KSID is a UUID");
  return bytes;
}
