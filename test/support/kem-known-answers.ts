/**
 * The known-answer tests of NIST's competition: a generator with a fixed seed in place of the system's, and a text of
 * all that a mechanism makes of it, whose digest implementations publish. Runs in Node and in workerd.
 */
import { ecb } from "@noble/ciphers/aes.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { toHex } from "../../shared/bytes/hex.ts";
import type { Kem, KeyPair } from "../../shared/kem/kem.ts";
import type { KemName } from "../../shared/kem/registry.ts";

export type Draw = (bytes: number) => Uint8Array;

const SEED_BYTES = 48;
const BLOCK_BYTES = 16;

/** CTR_DRBG of NIST SP 800-90A with AES-256, without a derivation function: 10.2.1. */
export function nistDrbg(seed: Uint8Array): Draw {
  let [key, counter] = [new Uint8Array(32), new Uint8Array(BLOCK_BYTES)];
  const output = (bytes: number): Uint8Array => {
    const plain = new Uint8Array(Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES);
    for (let at = 0; at < plain.length; at += BLOCK_BYTES) {
      for (let i = BLOCK_BYTES - 1; i >= 0 && (counter[i] = (counter[i]! + 1) & 255) === 0; i--);
      plain.set(counter, at);
    }
    return ecb(key, { disablePadding: true }).encrypt(plain).subarray(0, bytes);
  };
  const update = (data: Uint8Array): void => {
    const fresh = output(SEED_BYTES).map((byte, i) => byte ^ (data[i] ?? 0));
    [key, counter] = [fresh.slice(0, 32), fresh.slice(32)];
  };
  update(seed);
  return (bytes) => {
    const drawn = output(bytes);
    update(new Uint8Array(0));
    return drawn;
  };
}

/** HQC's own, for submissions up to the fourth round: SHAKE-256 of the seed and a domain of 1. */
function hqcPrng(seed: Uint8Array): Draw {
  const xof = shake256.create({}).update(seed).update(Uint8Array.of(1));
  return (bytes) => xof.xof(bytes);
}

/** Of what draws more than 256 bytes at once, which come to the system's generator in pieces: how many. */
const WHOLE_DRAWS: Partial<Record<KemName, number>> = {
  "Classic-McEliece-460896": 384,
  "Classic-McEliece-460896f": 384,
  "Classic-McEliece-6688128": 512,
  "Classic-McEliece-6688128f": 512,
  "Classic-McEliece-6960119": 476,
  "Classic-McEliece-6960119f": 476,
  sntrup761: 3044,
};
const PIECE_BYTES = 256;

/** Puts pieces together again: the generator makes a difference between one draw and two. */
function inPieces(draw: Draw, wholeBytes: number): Draw {
  let rest = new Uint8Array(0);
  return (bytes) => {
    if (rest.length === 0 && (bytes < PIECE_BYTES || wholeBytes < PIECE_BYTES)) return draw(bytes);
    if (rest.length === 0) rest = new Uint8Array(draw(wholeBytes));
    const piece = rest.subarray(0, bytes);
    rest = rest.subarray(bytes);
    return piece;
  };
}

/** All that asks the system for randomness meanwhile gets what `draw` gives. */
export function withRandom<T>(draw: Draw, work: () => T): T {
  const system = Object.getOwnPropertyDescriptor(crypto, "getRandomValues");
  Object.defineProperty(crypto, "getRandomValues", {
    configurable: true,
    value: (array: Uint8Array) => {
      array.set(draw(array.length));
      return array;
    },
  });
  try {
    return work();
  } finally {
    if (system === undefined) Reflect.deleteProperty(crypto, "getRandomValues");
    else Object.defineProperty(crypto, "getRandomValues", system);
  }
}

export interface KnownAnswer {
  /** Of the count's text. */
  readonly sha256: string;
  readonly pair: KeyPair;
  readonly ciphertext: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

export function knownAnswer(kem: Kem, count = 0): KnownAnswer {
  const generator = kem.name.startsWith("HQC-") ? hqcPrng : nistDrbg;
  const seeds = generator(Uint8Array.from({ length: SEED_BYTES }, (_, i) => i));
  for (let i = 0; i < count; i++) seeds(SEED_BYTES);
  const seed = seeds(SEED_BYTES);
  const [pair, made] = withRandom(inPieces(generator(seed), WHOLE_DRAWS[kem.name] ?? 0), () => {
    const fresh = kem.generateKeyPair();
    return [fresh, kem.encapsulate(fresh.publicKey)];
  });
  if (!made.ok) throw new Error(`${kem.name}: ${made.error}`);
  const { ciphertext, sharedSecret } = made.value;
  const fields = { seed, pk: pair.publicKey, sk: pair.secretKey, ct: ciphertext, ss: sharedSecret };
  const lines = Object.entries(fields).map(([name, bytes]) => `${name} = ${toHex(bytes).toUpperCase()}\n`);
  const text = new TextEncoder().encode(`count = ${count}\n${lines.join("")}`);
  return { sha256: toHex(sha256(text)), pair, ciphertext, sharedSecret };
}
