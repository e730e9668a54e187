/** Symbols of one or two bits, packed from the most significant bit on. */
import { bytesFor, isPacked } from "../bits.ts";

/** @param symbols below 2^width each */
export function packSymbols(symbols: Uint8Array, width: 1 | 2): Uint8Array {
  const each = 8 / width;
  const bytes = new Uint8Array(bytesFor(width * symbols.length));
  for (let i = 0; i < symbols.length; i++) {
    const byte = Math.floor(i / each);
    bytes[byte] = (bytes[byte] as number) | ((symbols[i] as number) << (8 - width * ((i % each) + 1)));
  }
  return bytes;
}

/** @returns null unless the bytes are those of `count` symbols; their number bounds what is allocated */
export function unpackSymbols(bytes: Uint8Array, count: number, width: 1 | 2): Uint8Array | null {
  if (!isPacked(bytes, width * count)) return null;
  const each = 8 / width;
  const mask = (1 << width) - 1;
  const symbols = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    symbols[i] = ((bytes[Math.floor(i / each)] as number) >> (8 - width * ((i % each) + 1))) & mask;
  }
  return symbols;
}
