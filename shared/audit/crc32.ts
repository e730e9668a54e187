/** CRC-32 as in ISO 3309 and zlib: tells which record was changed, not who may have meant to. */
import { utf8ToBytes } from "@noble/hashes/utils.js";

const POLYNOMIAL = 0xedb88320;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Over the text's UTF-8; 8 hex digits. */
export function crc32(text: string): string {
  let crc = 0xffffffff;
  for (const byte of utf8ToBytes(text)) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
