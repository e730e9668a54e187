/** For tests: random bytes that a label brings back. */
import { rngChacha20 } from "@noble/ciphers/chacha.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** A block draws megabytes of them: ChaCha20 takes a sixteenth of the time that SHAKE does. */
export function seededBytes(label: string): (bytes: number) => Uint8Array {
  const stream = rngChacha20(sha256(utf8ToBytes(label)));
  return (bytes) => stream.randomBytes(bytes);
}
