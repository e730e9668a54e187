/** Ed25519 (RFC 8032) by WebCrypto, which workerd and Node do natively: some 50 times as fast as in JavaScript. */
import type { VerifyEd25519 } from "../../shared/auth/double-signature.ts";

const ALGORITHM = { name: "Ed25519" } as const;
/** RFC 8410: what comes before the 32 bytes of a private key in PKCS #8, the only form WebCrypto takes it in by itself. */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

export const verifyEd25519: VerifyEd25519 = async ({ key, signature, message }) => {
  try {
    const imported = await crypto.subtle.importKey("raw", key, ALGORITHM, false, ["verify"]);
    return await crypto.subtle.verify(ALGORITHM, imported, signature, message);
  } catch {
    return false; // no point of the curve
  }
};

export interface Ed25519Key {
  readonly privateKey: CryptoKey;
  readonly publicKey: Uint8Array;
}

export async function generateEd25519(): Promise<Ed25519Key> {
  const pair = (await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"])) as CryptoKeyPair;
  const raw = (await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer;
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(raw) };
}

/** @param seed 32 bytes */
export async function ed25519FromSeed(seed: Uint8Array): Promise<Ed25519Key> {
  const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  try {
    // Extractable: its public key is told by an export alone.
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    const { x = "" } = (await crypto.subtle.exportKey("jwk", privateKey)) as JsonWebKey;
    return { privateKey, publicKey: fromBase64Url(x) };
  } finally {
    pkcs8.fill(0);
  }
}

export const signEd25519 = async (privateKey: CryptoKey, message: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, message));

const fromBase64Url = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
