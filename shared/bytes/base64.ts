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

const STRICT_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Strict: `null` for anything but padded standard base64 (no blanks, no URL alphabet). */
export function fromBase64(text: string): Uint8Array | null {
  if (!STRICT_BASE64.test(text)) return null;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
