/** Keys of EC P-256, the only kind made here. */
import { createPrivateKey, type webcrypto } from "node:crypto";
// oxlint-disable-next-line import/no-unassigned-import -- stands in for a polyfill
import "./reflect.ts";
import * as x509 from "@peculiar/x509";

export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
export const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };

export function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

/** PEM, PKCS #8. */
export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** Of any PEM that OpenSSL writes. @throws Error where it is not a key of P-256 */
export function privateKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new Error("the key is not one of the curve P-256");
  return crypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), KEY_ALGORITHM, true, ["sign"]);
}

/** The public half of a private key is in its JWK (RFC 7518 6.2.2). */
export async function keyPairOf(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await privateKeyOf(pem);
  const { d: _secret, key_ops: _operations, ...jwk } = await crypto.subtle.exportKey("jwk", privateKey);
  const publicKey = await crypto.subtle.importKey("jwk", jwk, KEY_ALGORITHM, true, ["verify"]);
  return { privateKey, publicKey };
}
