/**
 * RFC 4648 base64: standard alphabet, padded, no line breaks (ETSI GS QKD 014 V1.1.1 clause 6.3).
 *
 * workerd has `Uint8Array.prototype.toBase64`; Node 24 does not yet, hence the second way, and the third for what has
 * neither. In Node the third takes 60 ms for a megabyte, the second less than one.
 */
interface NativeBase64 {
  toBase64?: () => string;
}

interface NodeBuffer {
  from(buffer: ArrayBufferLike, offset: number, lengthBytes: number): { toString(encoding: "base64"): string };
  from(text: string, encoding: "base64"): Uint8Array;
}
const { Buffer: nodeBuffer } = globalThis as { readonly Buffer?: NodeBuffer };

/** A call stack holds fewer arguments than a block has bytes; a multiple of 3, so that pieces need no padding. */
const PIECE_BYTES = 24 * 1024;

export function toBase64(bytes: Uint8Array): string {
  const native = (bytes as NativeBase64).toBase64;
  if (native !== undefined) return native.call(bytes);
  return nodeBuffer?.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") ?? toBase64Portable(bytes);
}

export function toBase64Portable(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + PIECE_BYTES)));
  }
  return text;
}

/** With a length that is a multiple of 4: one run of characters, as a repeated group takes 12 ms for a megabyte. */
const STRICT_BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Strict: `null` for anything but padded standard base64 (no blanks, no URL alphabet). */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !STRICT_BASE64.test(text)) return null;
  // Small Buffers share their memory with others.
  return nodeBuffer === undefined ? fromBase64Portable(text) : new Uint8Array(nodeBuffer.from(text, "base64"));
}

/** @param text padded standard base64 */
export function fromBase64Portable(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
