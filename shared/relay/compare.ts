/**
 * How the two ends of a relay find out whether they have the same key, where no pool sees both: their nodes are in
 * different deployments, and a node between may have passed on another key than it was given.
 *
 * The tag is Poly1305 (RFC 8439 clause 2.5) over the key, with the challenge as `r` and the last 16 bytes of what was carried
 * as `s`. The challenge is drawn by the initiator after the target has said that it has the key: whoever put another in
 * its place had to do so without knowing `r`, and two keys of L bytes agree for at most one challenge in 2^106 / (8 ceil(L / 16))
 * (see hop.ts). And as `s` is as good as random and used for nothing else, the tag tells nobody anything of the key: what
 * is compared by is no part of the key that the pools get.
 */
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { COMPARE_KEY_BYTES } from "./types.ts";

/** What the pools get of what was carried: a view. */
export const keyToStore = (carried: Uint8Array): Uint8Array => carried.subarray(0, -COMPARE_KEY_BYTES);

/** The tag; what it was hidden by is wiped, so that there is one of each key. @param carried longer than COMPARE_KEY_BYTES */
export function takeComparisonTag(carried: Uint8Array, challenge: Uint8Array): Uint8Array {
  const hidden = carried.subarray(-COMPARE_KEY_BYTES);
  const tagKey = new Uint8Array(challenge.length + COMPARE_KEY_BYTES);
  tagKey.set(challenge);
  tagKey.set(hidden, challenge.length);
  const tag = poly1305(keyToStore(carried), tagKey);
  tagKey.fill(0);
  hidden.fill(0);
  return tag;
}
