/** What liboqs makes of BIKE, in digests; and the ciphertexts that were tampered with, made again as they were made for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shake256 } from "@noble/hashes/sha3.js";
import { fromHex } from "../../shared/bytes/hex.ts";
import { bike } from "../../shared/kem/bike/bike.ts";
import { BIKE, type BikeName } from "../../shared/kem/bike/parameters.ts";
import type { Encapsulation, KeyPair } from "../../shared/kem/kem.ts";

/** Pass, threshold, weight of the errors before, weight of the syndrome before; the last row has the final weights. */
type Trace = readonly (readonly [pass: string, threshold: number | null, errors: number, syndrome: number])[];

export interface BikeVector {
  readonly keygen_random: string;
  readonly encaps_random: string;
  readonly ss: string;
  readonly L_of_e: string;
  readonly e_indices_in_sampling_array_order_first8: readonly number[];
  readonly e_indices_sha256_le32: string;
  readonly decoder_trace: Trace;
  readonly pk_sha256: string;
  readonly sk_sha256: string;
  readonly ct_sha256: string;
}

interface Tampered {
  readonly case: string;
  readonly sk_of_vector: number;
  readonly ct_from_vector: number;
  readonly ss: string;
  readonly ct_sha256: string;
}

export interface BikeLevel {
  readonly name: BikeName;
  readonly kat_sha256: { readonly single: string };
  readonly vectors: readonly BikeVector[];
  readonly reject: readonly (Tampered & { readonly decoder_trace: Trace })[];
  readonly noncanonical_accept: readonly [Tampered];
  readonly noncanonical_pk_encaps: readonly [
    {
      readonly encaps_random: string;
      readonly ss: string;
      readonly pk_sha256: string;
      readonly ct_sha256: string;
    },
  ];
}

const file = join(import.meta.dirname, "../vectors/bike.json");

export const BIKE_LEVELS = (JSON.parse(readFileSync(file, "utf8")) as { levels: readonly BikeLevel[] }).levels;

export const bytesOf = (hex: string): Uint8Array => {
  const bytes = fromHex(hex);
  if (bytes === null) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
};

/** Key pair and ciphertext of a vector, by the code under test. */
export function runVector(name: BikeName, vector: BikeVector): KeyPair & Encapsulation {
  const draws = [bytesOf(vector.keygen_random), bytesOf(vector.encaps_random)];
  const kem = bike(name, () => draws.shift() ?? new Uint8Array());
  const pair = kem.generateKeyPair();
  const made = kem.encapsulate(pair.publicKey);
  if (!made.ok) throw new Error(made.error);
  return { ...pair, ...made.value };
}

/** Sets the bits behind an element's last coefficient. */
export function padded(name: BikeName, block: Uint8Array): Uint8Array {
  const last = Math.ceil(BIKE[name].blockBits / 8) - 1;
  return block.with(last, block[last]! | (0xff << (BIKE[name].blockBits % 8)));
}

function flipped(bytes: Uint8Array, ...bits: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  for (const bit of bits) copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** A ciphertext with the bits behind c0's last coefficient clear. */
function unpadded(name: BikeName, ciphertext: Uint8Array): Uint8Array {
  const last = Math.ceil(BIKE[name].blockBits / 8) - 1;
  return ciphertext.with(last, ciphertext[last]! & ~(0xff << (BIKE[name].blockBits % 8)));
}

const noise = (name: BikeName, bytes: number) =>
  shake256(new TextEncoder().encode(`bike-reject${name.at(-1)}`), { dkLen: bytes });

/** By the beginning of a case's description; `c` is the ciphertext of its vector, c1 its last 32 bytes. */
const TAMPERING: readonly [string, (name: BikeName, c: Uint8Array) => Uint8Array][] = [
  ["c0 bit 0 flipped", (_, c) => flipped(c, 0)],
  ["top bit of last byte of c1 flipped", (_, c) => flipped(c, 8 * c.length - 1)],
  ["ct = SHAKE256(", (name, c) => unpadded(name, noise(name, c.length))],
  ["c0 otherwise valid, all padding bits", (name, c) => padded(name, c)],
  [
    "c0 = r ones",
    (name, c) =>
      unpadded(
        name,
        c.map((byte, i) => (i < c.length - 32 ? 0xff : byte)),
      ),
  ],
  ["all-zero c0 and c1", (_, c) => new Uint8Array(c.length)],
  ["c0 bits 0,7,14,...,1393 flipped", (_, c) => flipped(c, ...Array.from({ length: 200 }, (_bit, i) => 7 * i))],
  ["every ct byte 0xff", (_, c) => new Uint8Array(c.length).fill(0xff)],
  ["ct of vector 0 unchanged", (_, c) => c],
  ["same squeeze", (name, c) => padded(name, noise(name, c.length))],
  ["ct of vector 5 with c0 bit 0 flipped", (name, c) => flipped(c, 0, BIKE[name].blockBits)],
];

export function tamper(name: BikeName, description: string, ciphertext: Uint8Array): Uint8Array {
  const found = TAMPERING.find(([start]) => description.startsWith(start));
  if (found === undefined) throw new Error(`unknown case: ${description}`);
  return found[1](name, ciphertext);
}
