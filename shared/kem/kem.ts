/**
 * What a key encapsulation mechanism does here, whoever computes it. Keys, ciphertexts and secrets are the raw encodings
 * of the mechanism's own specification; their lengths are in the registry.
 */
import type { Result } from "../result.ts";
import type { KemName } from "./registry.ts";

export interface KeyPair {
  readonly publicKey: Uint8Array;
  /** Whoever has it wipes it. */
  readonly secretKey: Uint8Array;
}

export interface Encapsulation {
  readonly ciphertext: Uint8Array;
  /** Whoever has it wipes it. */
  readonly sharedSecret: Uint8Array;
}

/** Most mechanisms answer a ciphertext that was tampered with by another secret, not by a fault: see `rejects`. */
export type KemFault = "bad-public-key" | "bad-secret-key" | "bad-ciphertext" | "failed";

export interface Kem {
  readonly name: KemName;
  generateKeyPair(): KeyPair;
  encapsulate(publicKey: Uint8Array): Result<Encapsulation, KemFault>;
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Result<Uint8Array, KemFault>;
}

/** One that has memory of its own. */
export interface OpenKem extends Kem {
  /** Ends its use, and wipes what memory it has. */
  close(): void;
}

/** Why nothing was computed: more wait already than may, in which case it may be tried again; or all is being closed. */
export class KemsBusy extends Error {}

/**
 * The same where an operation may take long: on another thread, or prepared ahead. Rejects with `KemsBusy`, or with a
 * defect.
 */
export interface Kems {
  generateKeyPair(name: KemName): Promise<KeyPair>;
  encapsulate(name: KemName, publicKey: Uint8Array): Promise<Result<Encapsulation, KemFault>>;
  decapsulate(name: KemName, ciphertext: Uint8Array, secretKey: Uint8Array): Promise<Result<Uint8Array, KemFault>>;
}
