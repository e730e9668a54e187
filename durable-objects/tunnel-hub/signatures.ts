/** Whether a hello was signed by the keys an instance enrolled with: both signatures, over nonce, address and claims. */
import { isDoublySigned } from "../../shared/auth/double-signature.ts";
import { helloBytes } from "../../shared/tunnel/hello.ts";
import type { Hello, PublicKeys } from "../../shared/tunnel/messages.ts";
import { verifyEd25519 } from "../signing/ed25519.ts";

export const isSigned = async (
  { nonce, claims, signatures }: Hello,
  keys: PublicKeys,
  address: string,
): Promise<boolean> => await isDoublySigned(helloBytes(nonce, address, claims), signatures, keys, verifyEd25519);
