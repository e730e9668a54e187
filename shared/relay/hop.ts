/**
 * One hop of a relay (ITU-T Y.3803: key relay by one-time pad), authenticated with a one-time Poly1305 tag (RFC 8439
 * clause 2.5) whose key comes from the same link: whoever forges one, with whatever means, succeeds with a probability of
 * at most 8 ceil(L / 16) 2^-106 for L bytes (D. J. Bernstein, "The Poly1305-AES message-authentication code", theorem 3.3),
 * which is below 2^-88 for the longest. What is drawn for a hop serves it once: a pad under two keys would tell their
 * XOR, a tag key under two messages would let others be forged.
 *
 * Key is worked on where it lies, in the bytes that were drawn: there are no copies left to be forgotten.
 */
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { equalBytes } from "../postprocessing/authentication/equal.ts";
import { err, ok, type Result } from "../result.ts";
import { bytesOfHop } from "./bytes-of-hop.ts";
import { type HopMessage, type LinkDraw, type RelayTerms, TAG_BYTES, TAG_KEY_BYTES } from "./types.ts";

/** `length`: of what was drawn, or of the message. `tag`: it is not what the other end of the link has sealed. */
export type HopFlaw = "length" | "tag";

const NOTHING = new Uint8Array(0);

/** Of what a link gives for one hop. */
export const drawnBytesOf = (terms: RelayTerms): number => terms.bytes + TAG_KEY_BYTES;

/**
 * The first hop, whose bits are the key.
 * @param drawn of the initiator's link, `drawnBytesOf(terms)` long: all but the key is wiped, everything where it fails
 * @returns `key` is a view of `drawn`
 */
export function sealFirstHop(
  terms: RelayTerms,
  draw: LinkDraw,
  drawn: Uint8Array,
): Result<{ readonly key: Uint8Array; readonly message: HopMessage }, HopFlaw> {
  if (drawn.length !== drawnBytesOf(terms)) return wiped(drawn, "length");
  const message = { draw, ciphertext: NOTHING, tag: takeTag(terms, 1, draw, NOTHING, drawn) };
  return ok({ key: drawn.subarray(0, terms.bytes), message });
}

/**
 * A later hop: the key under the pad of the next link.
 * @param position of the node that it goes to
 * @param drawn of the link to it, `drawnBytesOf(terms)` long: wiped
 * @param key stays as it is
 */
export function sealHop(
  terms: RelayTerms,
  position: number,
  draw: LinkDraw,
  drawn: Uint8Array,
  key: Uint8Array,
): Result<HopMessage, HopFlaw> {
  if (drawn.length !== drawnBytesOf(terms) || key.length !== terms.bytes) return wiped(drawn, "length");
  const ciphertext = new Uint8Array(terms.bytes);
  ciphertext.set(key);
  xorInto(ciphertext, drawn);
  const tag = takeTag(terms, position, draw, ciphertext, drawn);
  drawn.fill(0);
  return ok({ draw, ciphertext, tag });
}

/**
 * What the node before has sealed.
 * @param position of the node that it has come to
 * @param taken of the link to the node before: all but the key is wiped, everything where it fails
 * @returns the key, a view of `taken`
 */
export function openHop(
  terms: RelayTerms,
  position: number,
  message: HopMessage,
  taken: Uint8Array,
): Result<Uint8Array, HopFlaw> {
  const { draw, ciphertext, tag } = message;
  const isFirst = position === 1;
  if (taken.length !== drawnBytesOf(terms) || ciphertext.length !== (isFirst ? 0 : terms.bytes)) {
    return wiped(taken, "length");
  }
  const expected = takeTag(terms, position, draw, ciphertext, taken);
  if (tag.length !== TAG_BYTES || !equalBytes(expected, tag)) return wiped(taken, "tag");
  const key = taken.subarray(0, terms.bytes);
  if (!isFirst) xorInto(key, ciphertext);
  return ok(key);
}

/** `target` XOR `other`, as far as the target goes. */
export function xorInto(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) ^ (other[i] ?? 0);
}

/** The tag, and its key is gone: it is good for one. */
function takeTag(
  terms: RelayTerms,
  position: number,
  draw: LinkDraw,
  ciphertext: Uint8Array,
  drawn: Uint8Array,
): Uint8Array {
  const tagKey = drawn.subarray(terms.bytes);
  const tag = poly1305(bytesOfHop(terms, position, draw, ciphertext), tagKey);
  tagKey.fill(0);
  return tag;
}

function wiped(bytes: Uint8Array, flaw: HopFlaw): Result<never, HopFlaw> {
  bytes.fill(0);
  return err(flaw);
}
