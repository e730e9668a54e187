/**
 * Two signatures over the same bytes, Ed25519 (RFC 8032) and ML-DSA-65 (FIPS 204): whoever forges one has to break both
 * the one that classical computers have tried for long and the one that quantum computers are no help against.
 */
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import * as v from "valibot";
import { fromBase64 } from "../bytes/base64.ts";

export const KEY_BYTES = { ed25519: 32, mlDsa65: 1952 } as const;
export const SIGNATURE_BYTES = { ed25519: 64, mlDsa65: 3309 } as const;

/** What a text of base64 ends in, by how many characters pad it: no bits beyond the last byte, so that bytes have one spelling. */
const LAST_DIGIT = ["[A-Za-z0-9+/]", "[AEIMQUYcgkosw048]=", "[AQgw]=="] as const;

/** RFC 4648 of exactly so many bytes, padded. */
export const base64Of = (bytes: number) => {
  const padding = (3 - (bytes % 3)) % 3;
  const digits = 4 * Math.ceil(bytes / 3) - padding;
  const form = new RegExp(`^[A-Za-z0-9+/]{${digits - 1}}${LAST_DIGIT[padding]}$`);
  return v.pipe(v.string(), v.regex(form, `shall be base64 of ${bytes} bytes`));
};

export const PublicKeysSchema = v.strictObject({
  ed25519: base64Of(KEY_BYTES.ed25519),
  mlDsa65: base64Of(KEY_BYTES.mlDsa65),
});
export type PublicKeys = v.InferOutput<typeof PublicKeysSchema>;

export const SignaturesSchema = v.strictObject({
  ed25519: base64Of(SIGNATURE_BYTES.ed25519),
  mlDsa65: base64Of(SIGNATURE_BYTES.mlDsa65),
});
export type Signatures = v.InferOutput<typeof SignaturesSchema>;

export interface Signed {
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}
/** The platform's own Ed25519. False for a key that is no point of the curve. */
export type VerifyEd25519 = (signed: Signed) => Promise<boolean>;

/** Do both signatures hold? */
export async function isDoublySigned(
  message: Uint8Array,
  signatures: Signatures,
  keys: PublicKeys,
  verifyEd25519: VerifyEd25519,
): Promise<boolean> {
  const ed25519 = ofLength(message, keys.ed25519, signatures.ed25519, "ed25519");
  const mlDsa65 = ofLength(message, keys.mlDsa65, signatures.mlDsa65, "mlDsa65");
  if (ed25519 === null || mlDsa65 === null) return false;
  // The cheap one first: whoever lacks it cannot make us work for the other.
  return (await verifyEd25519(ed25519)) && ml_dsa65.verify(mlDsa65.signature, message, mlDsa65.key);
}

function ofLength(
  message: Uint8Array,
  keyText: string,
  signatureText: string,
  algorithm: keyof typeof KEY_BYTES,
): Signed | null {
  const key = fromBase64(keyText);
  const signature = fromBase64(signatureText);
  if (key?.length !== KEY_BYTES[algorithm] || signature?.length !== SIGNATURE_BYTES[algorithm]) return null;
  return { key, signature, message };
}
