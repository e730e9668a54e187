/**
 * Signatures for a link's first block, when there is no secret key yet: SLH-DSA (FIPS 205, once SPHINCS+), of public
 * keys known beforehand. Security then rests on hash functions, but only while that block runs: key grown from it stays
 * secret if nobody could forge a signature *then*. Later blocks use one-time tags.
 */
import { sha512 } from "@noble/hashes/sha2.js";
import {
  slh_dsa_sha2_128f,
  slh_dsa_sha2_192f,
  slh_dsa_sha2_256f,
  slh_dsa_shake_128f,
  slh_dsa_shake_192f,
  slh_dsa_shake_256f,
} from "@noble/post-quantum/slh-dsa.js";
import { type BlockAuthentication, type Direction, type Point, UsedPoints } from "./points.ts";

/**
 * The sets that sign fast: 0.07 s for the first, where the small ones take seconds and save 9 kB of the six signatures
 * of a link's whole life.
 */
export const PARAMETER_SETS = {
  "sha2-128f": slh_dsa_sha2_128f,
  "sha2-192f": slh_dsa_sha2_192f,
  "sha2-256f": slh_dsa_sha2_256f,
  "shake-128f": slh_dsa_shake_128f,
  "shake-192f": slh_dsa_shake_192f,
  "shake-256f": slh_dsa_shake_256f,
} as const;
export type ParameterSet = keyof typeof PARAMETER_SETS;
export const DEFAULT_PARAMETER_SET: ParameterSet = "sha2-128f";

/** Makes a signature (FIPS 205, 10.2.1), as a parameter set's `sign` does. A platform may have a faster one. */
export type Sign = (
  message: Uint8Array,
  secretKey: Uint8Array,
  options: { readonly context: Uint8Array; readonly extraEntropy: Uint8Array },
) => Uint8Array;

export interface SigningKeys {
  readonly parameterSet: ParameterSet;
  readonly ownSecretKey: Uint8Array;
  readonly peerPublicKey: Uint8Array;
}

/** A signature made for one point of one direction is good for nothing else. */
const contextOf = (direction: Direction, point: Point): Uint8Array =>
  new TextEncoder().encode(`qkd-edge/bb84/v1/${direction}/${point}`);

type Transcript = ReturnType<typeof sha512.create>;

export class SlhDsa implements BlockAuthentication {
  readonly scheme = "slh-dsa";
  readonly forgeryLog2 = null;
  readonly #own: Direction;
  readonly #keys: SigningKeys;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #sign: Sign;
  /** Of SHA-512: the signature is computational in any case, and takes its message whole. */
  readonly #transcripts: Readonly<Record<Direction, Transcript>> = {
    "alice-to-bob": sha512.create(),
    "bob-to-alice": sha512.create(),
  };
  readonly #tagged = new UsedPoints();
  readonly #verified = new UsedPoints();

  /**
   * @param random for the signatures' randomizer
   * @param sign of the keys' parameter set
   * @throws RangeError for keys that are not of the parameter set
   */
  constructor(own: Direction, keys: SigningKeys, random: (bytes: number) => Uint8Array, sign?: Sign) {
    const { lengths, sign: usual } = PARAMETER_SETS[keys.parameterSet];
    if (keys.ownSecretKey.length !== lengths.secretKey || keys.peerPublicKey.length !== lengths.publicKey) {
      throw new RangeError(`keys of SLH-DSA ${keys.parameterSet} have other lengths`);
    }
    this.#own = own;
    this.#keys = keys;
    this.#random = random;
    this.#sign = sign ?? usual;
  }

  absorb(direction: Direction, bytes: Uint8Array): void {
    this.#transcripts[direction].update(bytes);
  }

  tag(point: Point): Uint8Array {
    if (!this.#tagged.use(point)) throw new Error(`the ${point} signature has been made before`);
    const set = PARAMETER_SETS[this.#keys.parameterSet];
    return this.#sign(this.#digest(this.#own), this.#keys.ownSecretKey, {
      context: contextOf(this.#own, point),
      extraEntropy: this.#random(set.lengths.signRand ?? 0),
    });
  }

  verify(point: Point, tag: Uint8Array): boolean {
    const set = PARAMETER_SETS[this.#keys.parameterSet];
    if (!this.#verified.use(point) || tag.length !== set.lengths.signature) return false;
    const peer = this.#own === "alice-to-bob" ? "bob-to-alice" : "alice-to-bob";
    return set.verify(tag, this.#digest(peer), this.#keys.peerPublicKey, { context: contextOf(peer, point) });
  }

  /** The long-term keys are the caller's. */
  wipe(): void {
    for (const transcript of Object.values(this.#transcripts)) transcript.destroy();
  }

  #digest(direction: Direction): Uint8Array {
    return this.#transcripts[direction].clone().digest();
  }
}
