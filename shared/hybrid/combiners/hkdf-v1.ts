/**
 * `qkdedge-hkdf-v1`: HKDF-SHA-384 (RFC 5869) over all secrets, named and with their lengths, expanded with the hash of
 * the transcript. IKM and INFO begin with different labels behind their lengths, so that no IKM is an INFO with its
 * counter; the length of an output is in INFO, so that no chunk is the beginning of a longer one.
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha384 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { SourceEntry } from "../types.ts";
import { lp16, lp32, u32, u64 } from "./framing.ts";
import type { Derivation, KdfScheme, Wanted } from "./kdf.ts";
import { entryHead } from "./transcript.ts";

const NAME = "qkdedge-hkdf-v1";
const SALT = utf8ToBytes(NAME);

/** @param entries in order */
function extracted(entries: readonly SourceEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) => [entryHead(entry), lp32(entry.secret)]);
  const input = concatBytes(lp16(`${NAME}/ikm`), Uint8Array.of(entries.length), ...parts);
  const key = extract(sha384, input, SALT);
  for (const bytes of [input, ...parts]) bytes.fill(0);
  return key;
}

const infoOf = (transcriptHash: Uint8Array, { purpose, index, lengthBytes }: Wanted): Uint8Array =>
  concatBytes(lp16(`${NAME}/info`), lp16(purpose), lp16(transcriptHash), u64(index), u32(lengthBytes));

function derivationOf(entries: readonly SourceEntry[], transcriptHash: Uint8Array): Derivation {
  const key = extracted(entries);
  return {
    derive: (wanted) => expand(sha384, key, infoOf(transcriptHash, wanted), wanted.lengthBytes),
    wipe: () => void key.fill(0),
  };
}

export const HKDF_V1: KdfScheme = {
  name: NAME,
  /** RFC 5869 section 2.3: 255 blocks. */
  maxChunkBytes: 255 * sha384.outputLen,
  begin: (_context, fixed) => ({
    derivation: (fresh, transcriptHash) => derivationOf([...fixed, ...fresh], transcriptHash),
    wipe: () => {},
  }),
};
