/** The chain of shared/audit/chain.ts, hashed by the platform: what firstBreak checks, at a fraction of the cost. */
import { createHash } from "node:crypto";
import { toHex } from "../../shared/bytes/hex.ts";

export const HASH_BYTES = 32;

/** @returns the hashes of records with these texts, 32 bytes each. */
export function chainHashes(previousHash: string, texts: readonly string[]): Uint8Array {
  const hashes = new Uint8Array(texts.length * HASH_BYTES);
  let previous = previousHash;
  for (const [at, text] of texts.entries()) {
    const hash = createHash("sha256")
      .update(previous + text)
      .digest();
    hashes.set(hash, at * HASH_BYTES);
    previous = toHex(hash);
  }
  return hashes;
}
