/** Sessions and entries for tests, made from labels. */
import { shake256 } from "@noble/hashes/sha3.js";
import { KEMS, type KemName } from "../../kem/registry.ts";
import type { SessionContext, SourceEntry } from "../types.ts";

export const bytesFor = (label: string, lengthBytes: number): Uint8Array =>
  shake256(new TextEncoder().encode(label), { dkLen: lengthBytes });

export const testContext = (label = "session"): SessionContext => ({
  ksid: bytesFor(`${label}/ksid`, 16),
  initiator: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  responder: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
  initiatorNonce: bytesFor(`${label}/i`, 32),
  responderNonce: bytesFor(`${label}/r`, 32),
});

export function kemEntry(algorithm: KemName, slot = 0, label = "kem"): SourceEntry {
  const { publicKeyBytes, ciphertextBytes, sharedSecretBytes } = KEMS[algorithm];
  const from = `${label}/${algorithm}/${slot}`;
  return {
    kind: "kem",
    slot,
    algorithm,
    secret: bytesFor(`${from}/ss`, sharedSecretBytes),
    keyId: new Uint8Array(),
    publicKey: bytesFor(`${from}/pk`, publicKeyBytes),
    ciphertext: bytesFor(`${from}/ct`, ciphertextBytes),
  };
}

export const qkdEntry = (label = "qkd", secretBytes = 32): SourceEntry => ({
  kind: "qkd",
  slot: 0,
  algorithm: "ETSI-QKD-004",
  secret: bytesFor(`${label}/secret`, secretBytes),
  keyId: bytesFor(`${label}/id`, 24),
  publicKey: new Uint8Array(),
  ciphertext: new Uint8Array(),
});
