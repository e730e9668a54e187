/** One key of a stream, cut into the keys of an SA: each octet goes to one place. */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { copyOf } from "../bytes/copy.ts";
import { err, ok, type Result } from "../result.ts";
import { keyBytesOf, type KeyLayout } from "./key-layout.ts";

/** Memory of its own, until it is wiped. */
export interface LaidKeys {
  /** The cipher's key and, behind it, its salt: the `key` leaf of `encryption`. */
  readonly encryption: Uint8Array;
  readonly integrity: Uint8Array;
  /** Null: no `iv` leaf is written, for hosts make IVs themselves. */
  readonly iv: Uint8Array | null;
  /** Are they made of a shorter key, and so no stronger than that? */
  readonly expanded: boolean;
  wipe(): void;
}

/** Less is no key to expand: the shortest secret of any source. */
const SHORTEST_BYTES = 16;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const EXTRACT_SALT = ascii("qkdedge-ipsec-v1");

/**
 * A key of the layout's length is cut: cipher key, salt, integrity key, in this order. A shorter one, where the method
 * gives no more, is expanded by HKDF-SHA-256 (RFC 5869): PRK = Extract("qkdedge-ipsec-v1", key), and for each part
 * Expand(PRK, label || u16(octets)), labels `enc`, `salt`, `int`; its strength stays that of the shorter key.
 * @param key stays the caller's, to be wiped
 * @returns a message where it is longer than the layout, or too short to be expanded
 */
export function layKeys(layout: KeyLayout, key: Uint8Array): Result<LaidKeys, string> {
  const wanted = keyBytesOf(layout);
  if (key.length > wanted) return err(`the key has ${key.length} octets, and the SA takes ${wanted}`);
  if (layout.thrice)
    return key.length === wanted ? ok(thrice(key)) : err(`the key has ${key.length} of ${wanted} octets`);
  if (key.length === wanted) return ok(laid(cut(layout, key), false));
  if (key.length < SHORTEST_BYTES) return err(`the key has ${key.length} octets: too few to make ${wanted} of them`);
  const expanded = expandedKey(layout, key);
  const keys = laid(cut(layout, expanded), true);
  expanded.fill(0);
  return ok(keys);
}

interface Parts {
  readonly encryption: Uint8Array;
  readonly integrity: Uint8Array;
}

function cut({ encryptionBytes, saltBytes }: KeyLayout, key: Uint8Array): Parts {
  const end = encryptionBytes + saltBytes;
  return { encryption: copyOf(key, 0, end), integrity: copyOf(key, end) };
}

const laid = ({ encryption, integrity }: Parts, expanded: boolean): LaidKeys => ({
  encryption,
  integrity,
  iv: null,
  expanded,
  wipe() {
    encryption.fill(0);
    integrity.fill(0);
  },
});

function thrice(key: Uint8Array): LaidKeys {
  const own = copyOf(key);
  return { encryption: own, integrity: own, iv: own, expanded: false, wipe: () => void own.fill(0) };
}

function expandedKey({ encryptionBytes, saltBytes, integrityBytes }: KeyLayout, key: Uint8Array): Uint8Array {
  const prk = extract(sha256, key, EXTRACT_SALT);
  const expanded = new Uint8Array(encryptionBytes + saltBytes + integrityBytes);
  let at = 0;
  for (const [label, bytes] of [
    ["enc", encryptionBytes],
    ["salt", saltBytes],
    ["int", integrityBytes],
  ] as const) {
    if (bytes === 0) continue;
    const part = expand(sha256, prk, Uint8Array.of(...ascii(label), bytes >> 8, bytes & 0xff), bytes);
    expanded.set(part, at);
    part.fill(0);
    at += bytes;
  }
  prk.fill(0);
  return expanded;
}
