/**
 * Who a hosted node is to other deployments: two key pairs (shared/auth/double-signature.ts), derived from one secret of
 * the deployment, so that a new node needs no new secret and nothing has to be kept.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { PublicKeys } from "../auth/double-signature.ts";
import { fromBase64 } from "../bytes/base64.ts";
import { toHex } from "../bytes/hex.ts";

export const IDENTITY_SEED_BYTES = 32;
const KEY_SEED_BYTES = 32;

/** What the key pairs of a node are made from (RFC 8032 clause 5.1.5; FIPS 204 clause 5.1, xi). To be wiped after use. */
export interface KeySeeds {
  readonly ed25519: Uint8Array;
  readonly mlDsa65: Uint8Array;
}

/** By HKDF-SHA-256 (RFC 5869): no node's seed tells another's. Node ids hold no `|`. */
export function keySeedsOf(identitySeed: Uint8Array, node: string): KeySeeds {
  const derive = (algorithm: string): Uint8Array => {
    const info = new TextEncoder().encode(`qkd-edge node identity v1|${algorithm}|${node}`);
    return hkdf(sha256, identitySeed, undefined, info, KEY_SEED_BYTES);
  };
  return { ed25519: derive("Ed25519"), mlDsa65: derive("ML-DSA-65") };
}

/** SHA-256 of both public keys, hexadecimal: whom a question is meant for, whatever else bears the same node id. */
export function fingerprintOf({ ed25519, mlDsa65 }: PublicKeys): string {
  const hash = sha256.create();
  for (const key of [ed25519, mlDsa65]) hash.update(fromBase64(key) ?? new Uint8Array());
  return toHex(hash.digest());
}
