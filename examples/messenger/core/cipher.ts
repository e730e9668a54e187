/** AES-256-GCM by WebCrypto: one key, one direction, a counter as nonce (NIST SP 800-38D clause 8.2.1). */
import type { Bytes } from "./bytes.ts";
import { viewOf } from "./bytes.ts";
import type { Direction } from "./direction.ts";
import { encodeHead, type FrameHead, HEAD_BYTES } from "./frame.ts";

export const KEY_BITS = 256;

/** Takes the bytes over and wipes them: from then on only the browser holds the key, and gives it to nobody. */
export async function importKey(raw: Uint8Array): Promise<CryptoKey> {
  const own = Uint8Array.from(raw);
  try {
    return await crypto.subtle.importKey("raw", own, "AES-GCM", false, ["encrypt", "decrypt"]);
  } finally {
    own.fill(0);
    raw.fill(0);
  }
}

/** The direction in the fixed field, the counter in the invocation field: no two frames under a key share a nonce. */
function nonceOf(direction: Direction, counter: number): Bytes {
  const nonce = new Uint8Array(12);
  viewOf(nonce).setUint32(0, direction);
  viewOf(nonce).setBigUint64(4, BigInt(counter));
  return nonce;
}

const parameters = ({ direction, counter }: FrameHead, head: Bytes) => ({
  name: "AES-GCM",
  iv: nonceOf(direction, counter),
  additionalData: head,
});

export async function sealFrame(key: CryptoKey, head: FrameHead, plain: Bytes): Promise<Bytes> {
  const encoded = encodeHead(head);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters(head, encoded), key, plain));
  const frame = new Uint8Array(HEAD_BYTES + sealed.length);
  frame.set(encoded);
  frame.set(sealed, HEAD_BYTES);
  return frame;
}

/** Null where it does not open: another key, or changed on its way. */
export async function openFrame(key: CryptoKey, head: FrameHead, frame: Bytes): Promise<Bytes | null> {
  try {
    const sealed = frame.subarray(HEAD_BYTES);
    return new Uint8Array(await crypto.subtle.decrypt(parameters(head, encodeHead(head)), key, sealed));
  } catch {
    return null;
  }
}
