/** Bytes in memory of their own, as WebCrypto and data channels want them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Made anew each time, as where sound is made there is no such thing, and this module is loaded there too. */
export const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

/** Null for what is not UTF-8: nothing is replaced silently. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
