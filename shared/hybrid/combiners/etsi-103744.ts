/**
 * CatKDF and CasKDF of ETSI TS 103 744 (V1.1.1 and V1.2.1), with each of its choices of PRF and KDF: clause 7.2 (context
 * formatting), 7.3 (PRF), 7.4 (KDF), 8.2 (concatenate), 8.3 (cascade). How sessions use them is in etsi-session.ts.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { kmac128, kmac256 } from "@noble/hashes/sha3-addons.js";
import { type CHash, concatBytes } from "@noble/hashes/utils.js";
import { lp32, u32 } from "./framing.ts";

export interface EtsiSuite {
  /** Of the chain secret that a round of the cascade hands to the next. */
  readonly chainBytes: number;
  /** Clause 7.2: hashed (`cahb`), or with KMAC as it is (`cb`). */
  formatContext(context: Uint8Array, messagesA: Uint8Array, messagesB: Uint8Array): Uint8Array;
  /** Clause 7.3. */
  prf(key: Uint8Array, secret: Uint8Array, messagesA: Uint8Array, messagesB: Uint8Array): Uint8Array;
  /** Clause 7.4. */
  kdf(secret: Uint8Array, label: Uint8Array, info: Uint8Array, lengthBytes: number): Uint8Array;
}

/** Clause 7.2.2: every part behind its length. */
const cb = (a: Uint8Array, b: Uint8Array, c: Uint8Array): Uint8Array => concatBytes(lp32(a), lp32(b), lp32(c));

/** Clause 7.2.3. Hashed part by part: a public key may have a megabyte. */
function cahb(hash: CHash, parts: readonly Uint8Array[]): Uint8Array {
  const state = hash.create();
  for (const part of parts) state.update(u32(part.length)).update(part);
  return state.digest();
}

/** `work` is given the bytes, which are wiped when it is done. */
function withWiped<T>(bytes: Uint8Array, work: (bytes: Uint8Array) => T): T {
  try {
    return work(bytes);
  } finally {
    bytes.fill(0);
  }
}

const hashed = (hash: CHash) => ({
  chainBytes: hash.outputLen,
  formatContext: (...parts: [Uint8Array, Uint8Array, Uint8Array]) => cahb(hash, parts),
  prf: (key: Uint8Array, ...parts: [Uint8Array, Uint8Array, Uint8Array]) =>
    withWiped(cahb(hash, parts), (message) => hmac(hash, key, message)),
});

/** HMAC and HKDF (RFC 5869). */
export const hkdfSuite = (hash: CHash): EtsiSuite => ({
  ...hashed(hash),
  kdf: (secret, label, info, lengthBytes) => hkdf(hash, secret, label, info, lengthBytes),
});

/** HMAC, and the one-step KDF of NIST SP 800-56C r2 clause 4.1, option 2. */
export const hmacSuite = (hash: CHash): EtsiSuite => ({
  ...hashed(hash),
  kdf(secret, label, info, lengthBytes) {
    const derived = new Uint8Array(lengthBytes);
    for (let at = 0, counter = 1; at < lengthBytes; at += hash.outputLen, counter++) {
      const block = withWiped(concatBytes(u32(counter), secret, info), (message) => hmac(hash, label, message));
      derived.set(block.subarray(0, lengthBytes - at), at);
      block.fill(0);
    }
    return derived;
  },
});

const KMACS = {
  128: { mac: kmac128, chainBytes: 32, defaultSaltBytes: 164 },
  256: { mac: kmac256, chainBytes: 48, defaultSaltBytes: 132 },
} as const;
const KDF_TEXT = new TextEncoder().encode("KDF");

/** KMAC, and the one-step KDF of NIST SP 800-56C r2 clause 4.1, option 3, with its default salt for an empty label. */
export function kmacSuite(strengthBits: keyof typeof KMACS): EtsiSuite {
  const { mac, chainBytes, defaultSaltBytes } = KMACS[strengthBits];
  return {
    chainBytes,
    formatContext: cb,
    prf: (key, ...parts) => withWiped(cb(...parts), (message) => mac(key, message, { dkLen: chainBytes })),
    kdf: (secret, label, info, lengthBytes) =>
      withWiped(concatBytes(u32(1), secret, info), (message) =>
        mac(label.length === 0 ? new Uint8Array(defaultSaltBytes) : label, message, {
          dkLen: lengthBytes,
          personalization: KDF_TEXT,
        }),
      ),
  };
}

export interface CatInput {
  /** Empty for none. */
  readonly psk: Uint8Array;
  /** They are joined without their lengths: each shall have a fixed one, by its algorithm. */
  readonly secrets: readonly Uint8Array[];
  readonly label: Uint8Array;
  /** `formatContext` of the context, all messages of the initiator and all of the responder: every public key and ciphertext. */
  readonly info: Uint8Array;
  readonly lengthBytes: number;
}

/** Clause 8.2. */
export const catKdf = (suite: EtsiSuite, { psk, secrets, label, info, lengthBytes }: CatInput): Uint8Array =>
  withWiped(concatBytes(psk, ...secrets), (secret) => suite.kdf(secret, label, info, lengthBytes));

export interface CasRound {
  readonly secret: Uint8Array;
  readonly messagesA: Uint8Array;
  readonly messagesB: Uint8Array;
  readonly context: Uint8Array;
  readonly label: Uint8Array;
  /** Of the round's own key material. */
  readonly lengthBytes: number;
}

export interface CasOutput {
  readonly roundSecret: Uint8Array;
  /** What the next round starts from. */
  readonly chainSecret: Uint8Array;
  readonly keyMaterial: Uint8Array;
}

/** The KDF of a round gives the next chain secret, and then key material. */
export function casExpand(
  suite: EtsiSuite,
  roundSecret: Uint8Array,
  { label, context, lengthBytes }: Pick<CasRound, "label" | "context" | "lengthBytes">,
): Omit<CasOutput, "roundSecret"> {
  return withWiped(suite.kdf(roundSecret, label, context, suite.chainBytes + lengthBytes), (derived) => ({
    chainSecret: derived.slice(0, suite.chainBytes),
    keyMaterial: derived.slice(suite.chainBytes),
  }));
}

/**
 * Clause 8.3, one round.
 * @param chainSecret of the round before; the pre-shared secret, which may be empty but with KMAC, for the first
 */
export function casRound(suite: EtsiSuite, chainSecret: Uint8Array, round: CasRound): CasOutput {
  const roundSecret = suite.prf(chainSecret, round.secret, round.messagesA, round.messagesB);
  return { roundSecret, ...casExpand(suite, roundSecret, round) };
}
