/** Ed25519 (RFC 8032) as this machine does it. */
import { createPublicKey, verify } from "node:crypto";
import type { VerifyEd25519 } from "../../shared/auth/double-signature.ts";

/** False for a key that is no point of the curve. */
export const verifyEd25519: VerifyEd25519 = async ({ key, signature, message }) => {
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key).toString("base64url") };
    return await Promise.resolve(verify(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature));
  } catch {
    return false;
  }
};
