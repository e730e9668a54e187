/**
 * How a session uses CatKDF and CasKDF of ETSI TS 103 744, both with HKDF-SHA-384:
 * - k1..kn are the entries' secrets in the transcript's order; there is no psk (an entry of that kind is one of the k).
 * - MA and MB carry every public key, and every ciphertext. The cascade has a round for each entry; one without messages
 *   of its own, such as QKD, has the key's id in MA, since the initiator names it.
 * - The context says which session it is.
 * - The label, which is the KDF's salt, says what for: purpose, transcript hash, the secrets' lengths (CatKDF joins them
 *   without), index and length. So chunks and confirmation keys come from calls of their own, while whatever holds large
 *   public keys, the formatted context or the rounds before the last, is computed once an epoch.
 */
import { copyOf } from "../../bytes/copy.ts";
import { sha384 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import type { SessionContext, SourceEntry } from "../types.ts";
import { type CasRound, casExpand, casRound, catKdf, hkdfSuite } from "./etsi-103744.ts";
import { lp16, lp32, u16, u32, u64 } from "./framing.ts";
import type { KdfScheme, Wanted } from "./kdf.ts";
import { entryHead, sessionBytes } from "./transcript.ts";

type Entries = readonly SourceEntry[];

const SUITE = hkdfSuite(sha384);
/** RFC 5869 section 2.3: 255 blocks. */
const HKDF_BYTES = 255 * sha384.outputLen;
const NO_BYTES = new Uint8Array();
const CAT = "qkdedge-cat-kdf";
const CAS = "qkdedge-cas-kdf";

const labelOf = (
  name: string,
  entries: Entries,
  transcriptHash: Uint8Array,
  { purpose, index, lengthBytes }: Wanted,
): Uint8Array =>
  concatBytes(
    lp16(`${name}/label`),
    lp16(purpose),
    lp16(transcriptHash),
    Uint8Array.of(entries.length),
    ...entries.map(({ secret }) => u16(secret.length)),
    u64(index),
    u32(lengthBytes),
  );

const contextOf = (name: string, context: SessionContext): Uint8Array =>
  concatBytes(lp16(`${name}/context`), sessionBytes(context));

const messageA = (entry: SourceEntry): Uint8Array =>
  concatBytes(entryHead(entry), lp32(entry.keyId), lp32(entry.publicKey));
const messageB = (entry: SourceEntry): Uint8Array => concatBytes(entryHead(entry), lp32(entry.ciphertext));

const hasMessages = ({ kind }: SourceEntry): boolean => kind === "kem" || kind === "ecdh";

export const CAT_KDF: KdfScheme = {
  name: CAT,
  maxChunkBytes: HKDF_BYTES,
  begin(context, fixed) {
    const formatted = (entries: Entries): Uint8Array => {
      const [a, b] = [messageA, messageB].map((message) => concatBytes(...entries.filter(hasMessages).map(message)));
      return SUITE.formatContext(contextOf(CAT, context), a ?? NO_BYTES, b ?? NO_BYTES);
    };
    const ofFixed = formatted(fixed);
    return {
      derivation(fresh, transcriptHash) {
        const info = fresh.some(hasMessages) ? formatted([...fixed, ...fresh]) : ofFixed;
        const entries = [...fixed, ...fresh].map((entry) => ({ ...entry, secret: copyOf(entry.secret) }));
        const secrets = entries.map(({ secret }) => secret);
        return {
          derive(wanted) {
            const label = labelOf(CAT, entries, transcriptHash, wanted);
            return catKdf(SUITE, { psk: NO_BYTES, secrets, label, info, lengthBytes: wanted.lengthBytes });
          },
          wipe() {
            for (const secret of secrets) secret.fill(0);
          },
        };
      },
      wipe: () => {},
    };
  },
};

const roundOf = (entry: SourceEntry, context: Uint8Array): CasRound => ({
  secret: entry.secret,
  messagesA: messageA(entry),
  messagesB: messageB(entry),
  context,
  label: lp16(`${CAS}/chain`),
  lengthBytes: 0,
});

/** Rounds of a cascade that are not its last. The chain secret given stays the caller's, and so does the one returned. */
function chainOver(entries: Entries, context: Uint8Array, from: Uint8Array): Uint8Array {
  let chain: Uint8Array = copyOf(from);
  for (const entry of entries) {
    const { roundSecret, chainSecret } = casRound(SUITE, chain, roundOf(entry, context));
    for (const bytes of [roundSecret, chain]) bytes.fill(0);
    chain = chainSecret;
  }
  return chain;
}

/** The secret of the round that all outputs are expanded from. The chain secret given stays the caller's. */
function lastRound(entries: Entries, context: Uint8Array, from: Uint8Array): Uint8Array {
  const before = chainOver(entries.slice(0, -1), context, from);
  const { secret, messagesA, messagesB } = roundOf(entries.at(-1) as SourceEntry, context);
  const roundSecret = SUITE.prf(before, secret, messagesA, messagesB);
  before.fill(0);
  return roundSecret;
}

export const CAS_KDF: KdfScheme = {
  name: CAS,
  maxChunkBytes: HKDF_BYTES - SUITE.chainBytes,
  begin(session, fixed, count) {
    const context = contextOf(CAS, session);
    const begun = fixed.slice(0, count - 1);
    const chain = chainOver(begun, context, NO_BYTES);
    const last = fixed.length === count ? lastRound(fixed.slice(-1), context, chain) : null;
    return {
      derivation(fresh, transcriptHash) {
        const entries = [...fixed, ...fresh];
        const roundSecret = last?.slice() ?? lastRound(entries.slice(begun.length), context, chain);
        return {
          derive(wanted) {
            const label = labelOf(CAS, entries, transcriptHash, wanted);
            const { lengthBytes } = wanted;
            const { chainSecret, keyMaterial } = casExpand(SUITE, roundSecret, { label, context, lengthBytes });
            chainSecret.fill(0);
            return keyMaterial;
          },
          wipe: () => void roundSecret.fill(0),
        };
      },
      wipe() {
        for (const secret of [chain, last]) secret?.fill(0);
      },
    };
  },
};
