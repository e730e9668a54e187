/**
 * BIKE as a `Kem`: keys, ciphertexts and secrets are byte for byte those of liboqs.
 *
 * Time: no branch, address or loop bound here depends on a secret. Ones are set by looking at every word, the decoder's
 * rotations choose among shifts by masks, its passes are always seven, and sigma or the message is chosen by a mask.
 * That is as far as JavaScript goes: an engine promises no such thing. It decides how code is compiled, and may keep
 * copies, in registers, on stacks and in what its collector moves, which the wiping below does not reach.
 *
 * liboqs claims IND-CPA for BIKE, no more, whatever the implicit rejection suggests: a key pair is for one exchange.
 *
 * Encodings with bits set behind the last coefficient, which no implementation writes, liboqs takes as they are. Here
 * such a public or secret key is refused, and such a ciphertext is answered like one that does not decode: by a secret
 * nobody else has, also where liboqs would see another spelling of a good one and answer with a third secret.
 */
import { err, ok, type Result } from "../../result.ts";
import type { Encapsulation, Kem, KemFault, KeyPair } from "../kem.ts";
import { KEMS } from "../registry.ts";
import { add, bytesFor, difference, fromBytes, placeOnes, toBytes } from "./bits.ts";
import { Decoder } from "./decoder.ts";
import { isCanonical, readSecretKey, type SecretKey, wipeSecretKey, writeSecretKey } from "./encoding.ts";
import { errorsOf, maskOf, secretOf } from "./hashes.ts";
import { BIKE, type BikeName, type BikeParameters, DRAWN_BYTES, MESSAGE_BYTES } from "./parameters.ts";
import { type Pair, Ring } from "./ring.ts";
import { samplePlaces } from "./sampling.ts";

/** Bytes that nobody can guess, in an array of its own each time: it is wiped after use. */
export type RandomBytes = (bytes: number) => Uint8Array;

/** One of the three levels. It holds scratch of 60 to 210 KiB, so it is worth keeping. */
export function bike(name: BikeName, random: RandomBytes): Kem {
  return new Bike(name, random);
}

class Bike implements Kem {
  readonly name: BikeName;
  readonly #random: RandomBytes;
  readonly #parameters: BikeParameters;
  readonly #blockBytes: number;
  readonly #ring: Ring;
  readonly #decoder: Decoder;
  readonly #element: Int32Array;
  readonly #errors: Pair;

  constructor(name: BikeName, random: RandomBytes) {
    this.name = name;
    this.#random = random;
    this.#parameters = BIKE[name];
    this.#blockBytes = bytesFor(this.#parameters.blockBits);
    this.#ring = new Ring(this.#parameters.blockBits);
    this.#decoder = new Decoder(this.#parameters, this.#ring);
    this.#element = this.#ring.element();
    this.#errors = [this.#ring.element(), this.#ring.element()];
  }

  generateKeyPair(): KeyPair {
    const drawn = this.#draw();
    const secret = this.#expand(drawn);
    try {
      const publicKey = new Uint8Array(this.#blockBytes);
      this.#ring.inverse(this.#element, secret.halves[0]);
      this.#ring.multiply(this.#element, this.#element, secret.halves[1]);
      toBytes(publicKey, this.#element);
      return { publicKey, secretKey: writeSecretKey(secret, publicKey, this.#parameters) };
    } finally {
      drawn.fill(0);
      wipeSecretKey(secret);
      this.#wipe();
    }
  }

  encapsulate(publicKey: Uint8Array): Result<Encapsulation, KemFault> {
    if (publicKey.length !== KEMS[this.name].publicKeyBytes || !this.#isCanonical(publicKey)) {
      return err("bad-public-key");
    }
    const drawn = this.#draw();
    const message = drawn.subarray(0, MESSAGE_BYTES);
    try {
      errorsOf(this.#errors, message, this.#parameters);
      const [e0, e1] = this.#errors;
      fromBytes(this.#element, publicKey);
      this.#ring.multiply(this.#element, this.#element, e1);
      add(this.#element, e0);
      const ciphertext = new Uint8Array(KEMS[this.name].ciphertextBytes);
      toBytes(ciphertext.subarray(0, this.#blockBytes), this.#element);
      ciphertext.set(message, this.#blockBytes);
      this.#addMask(ciphertext.subarray(this.#blockBytes), this.#errors);
      return ok({ ciphertext, sharedSecret: secretOf(message, ciphertext) });
    } finally {
      drawn.fill(0);
      this.#wipe();
    }
  }

  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Result<Uint8Array, KemFault> {
    if (ciphertext.length !== KEMS[this.name].ciphertextBytes) return err("bad-ciphertext");
    if (secretKey.length !== KEMS[this.name].secretKeyBytes) return err("bad-secret-key");
    const secret = readSecretKey(secretKey, this.#parameters, this.#ring);
    if (secret === null) return err("bad-secret-key");
    const message = ciphertext.slice(this.#blockBytes);
    try {
      const c0 = ciphertext.subarray(0, this.#blockBytes);
      fromBytes(this.#element, c0);
      const found = this.#decoder.decode(this.#element, secret);
      this.#addMask(message, found);
      errorsOf(this.#errors, message, this.#parameters);
      const wrong =
        difference(found[0], this.#errors[0]) | difference(found[1], this.#errors[1]) | Number(!this.#isCanonical(c0));
      chooseIf(wrong, message, secret.sigma);
      return ok(secretOf(message, ciphertext));
    } finally {
      message.fill(0);
      wipeSecretKey(secret);
      this.#wipe();
    }
  }

  #draw(): Uint8Array {
    const drawn = this.#random(DRAWN_BYTES);
    if (drawn.length !== DRAWN_BYTES) throw new RangeError(`the random source gave ${drawn.length} bytes`);
    return drawn;
  }

  /** A secret key's parts: the halves from the first half of what was drawn, sigma the second. */
  #expand(drawn: Uint8Array): SecretKey {
    const { blockBits, halfWeight } = this.#parameters;
    const lists = samplePlaces(drawn.subarray(0, MESSAGE_BYTES), 2, halfWeight, blockBits);
    const places: Pair = [lists[0] as Int32Array, lists[1] as Int32Array];
    const halves: Pair = [this.#ring.element(), this.#ring.element()];
    for (const half of [0, 1] as const) placeOnes(halves[half], places[half], 0, blockBits);
    return { places, halves, sigma: drawn.slice(MESSAGE_BYTES) };
  }

  #addMask(message: Uint8Array, errors: Pair): void {
    const mask = maskOf(errors, this.#parameters);
    for (const [i, byte] of mask.entries()) message[i] = (message[i] as number) ^ byte;
    mask.fill(0);
  }

  #isCanonical(block: Uint8Array): boolean {
    return isCanonical(block, this.#parameters.blockBits);
  }

  #wipe(): void {
    this.#ring.wipe();
    this.#decoder.wipe();
    for (const words of [this.#element, ...this.#errors]) words.fill(0);
  }
}

/** target <- other if `condition` is not 0, without a branch. */
function chooseIf(condition: number, target: Uint8Array, other: Uint8Array): void {
  const mask = (condition | -condition) >> 31;
  for (let i = 0; i < target.length; i++) {
    target[i] = (target[i] as number) ^ (((target[i] as number) ^ (other[i] as number)) & mask);
  }
}
