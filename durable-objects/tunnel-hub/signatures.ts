/** Whether a hello was signed by the keys an instance enrolled with: both signatures, over nonce, address and claims. */
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import { fromBase64 } from "../../shared/bytes/base64.ts";
import { helloBytes } from "../../shared/tunnel/hello.ts";
import { type Hello, KEY_BYTES, type PublicKeys, SIGNATURE_BYTES } from "../../shared/tunnel/messages.ts";

export async function isSigned(
  { nonce, claims, signatures }: Hello,
  keys: PublicKeys,
  address: string,
): Promise<boolean> {
  const message = helloBytes(nonce, address, claims);
  // The cheap one first: whoever lacks it cannot make the hub work for the other.
  return (await isEd25519(keys, signatures, message)) && isMlDsa65(keys, signatures, message);
}

async function isEd25519(keys: PublicKeys, signatures: Hello["signatures"], message: Uint8Array): Promise<boolean> {
  const key = fromBase64(keys.ed25519);
  const signature = fromBase64(signatures.ed25519);
  if (key?.length !== KEY_BYTES.ed25519 || signature?.length !== SIGNATURE_BYTES.ed25519) return false;
  try {
    const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
  } catch {
    return false; // no point of the curve
  }
}

function isMlDsa65(keys: PublicKeys, signatures: Hello["signatures"], message: Uint8Array): boolean {
  const key = fromBase64(keys.mlDsa65);
  const signature = fromBase64(signatures.mlDsa65);
  if (key?.length !== KEY_BYTES.mlDsa65 || signature?.length !== SIGNATURE_BYTES.mlDsa65) return false;
  return ml_dsa65.verify(signature, message, key);
}
