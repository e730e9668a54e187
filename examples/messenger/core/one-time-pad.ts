/**
 * A text under a one-time pad: XOR with key bits of its own, and a Poly1305 tag whose key is used for nothing else
 * (RFC 8439 clause 2.5 as one-time authenticator). What an endless computer sees of it is its length.
 */
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { equalBytes } from "@noble/ciphers/utils.js";
import { type Bytes, fromUtf8, utf8 } from "./bytes.ts";
import type { Direction } from "./direction.ts";
import { encodeHead, TAG_BYTES } from "./frame.ts";

const TAG_KEY_BYTES = 32;

/** Key bits that a text costs. */
export const padBits = (text: string): number => 8 * (utf8(text).length + TAG_KEY_BYTES);

/** UTF-8 bytes that fit a key of so many bits. */
export const padRoomBytes = (keyBits: number): number => Math.max(0, Math.floor(keyBits / 8) - TAG_KEY_BYTES);

export interface PadOf {
  readonly keyId: string;
  readonly direction: Direction;
}

function tagOf({ keyId, direction }: PadOf, cipher: Uint8Array, tagKey: Uint8Array): Uint8Array {
  const head = encodeHead({ kind: "pad", direction, keyId, counter: 0 });
  const all = new Uint8Array(head.length + cipher.length);
  all.set(head);
  all.set(cipher, head.length);
  return poly1305(all, tagKey);
}

function xorInto(target: Uint8Array, pad: Uint8Array): void {
  for (let at = 0; at < target.length; at++) target[at] = (target[at] as number) ^ (pad[at] as number);
}

/**
 * @param pad of exactly `padBits(text)`; wiped
 * @throws RangeError for one of another length: a pad is never used in part
 */
export function sealWithPad(of: PadOf, text: string, pad: Uint8Array): Bytes {
  const plain = utf8(text);
  try {
    if (pad.length !== plain.length + TAG_KEY_BYTES) throw new RangeError("a pad of another length than the text");
    xorInto(plain, pad);
    const sealed = new Uint8Array(plain.length + TAG_BYTES);
    sealed.set(plain);
    sealed.set(tagOf(of, plain, pad.subarray(plain.length)), plain.length);
    return sealed;
  } finally {
    plain.fill(0);
    pad.fill(0);
  }
}

/** Null where the tag does not fit. @param pad wiped */
export function openWithPad(of: PadOf, sealed: Uint8Array, pad: Uint8Array): string | null {
  const plain = Uint8Array.from(sealed.subarray(0, Math.max(0, sealed.length - TAG_BYTES)));
  try {
    if (sealed.length < TAG_BYTES || pad.length !== plain.length + TAG_KEY_BYTES) return null;
    const tag = tagOf(of, plain, pad.subarray(plain.length));
    if (!equalBytes(tag, sealed.subarray(plain.length))) return null;
    xorInto(plain, pad);
    return fromUtf8(plain);
  } finally {
    plain.fill(0);
    pad.fill(0);
  }
}

/** What the pad of a sealed text must have, in bits: the receiver asks for no key of another size. */
export const padBitsOf = (sealed: Uint8Array): number => 8 * (sealed.length - TAG_BYTES + TAG_KEY_BYTES);
