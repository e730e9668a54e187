/**
 * What a hybridization module mixes in where only one source gave key: bytes made of a text that both ends have. It is no
 * secret worth the name and the same every time, so it is used only where a peer's configuration says so.
 */
import { createHash } from "node:crypto";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** SHA-256 of the seed; then, while that is too short, SHA-256 of all there is so far after it; cut to length. */
export function keyOfSeed(seed: string, lengthBytes: number): Uint8Array {
  let key = sha256(Buffer.from(seed, "utf8"));
  while (key.length < lengthBytes) {
    const longer = Buffer.concat([key, sha256(key)]);
    key.fill(0);
    key = longer;
  }
  const cut = new Uint8Array(key.subarray(0, lengthBytes));
  key.fill(0);
  return cut;
}
