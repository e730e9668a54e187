/** The three operations of a mechanism as data, so that they can be sent to a thread: byte strings in, byte strings out. */
import { ok, type Result } from "../../shared/result.ts";
import type { Kem, KemFault } from "../../shared/kem/kem.ts";
import type { KemName } from "../../shared/kem/registry.ts";

export type Operation =
  | { readonly kind: "generate"; readonly name: KemName }
  | { readonly kind: "encapsulate"; readonly name: KemName; readonly publicKey: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "decapsulate";
      readonly name: KemName;
      readonly ciphertext: Uint8Array<ArrayBuffer>;
      readonly secretKey: Uint8Array<ArrayBuffer>;
    };

/** Public key and secret key; ciphertext and shared secret; shared secret. */
export type Outcome = Result<readonly Uint8Array[], KemFault>;

/** @throws a defect of the mechanism, which is not to be used any more then */
export function perform(kem: Kem, operation: Operation): Outcome {
  switch (operation.kind) {
    case "generate": {
      const { publicKey, secretKey } = kem.generateKeyPair();
      return ok([publicKey, secretKey]);
    }
    case "encapsulate": {
      const made = kem.encapsulate(operation.publicKey);
      return made.ok ? ok([made.value.ciphertext, made.value.sharedSecret]) : made;
    }
    default: {
      const found = kem.decapsulate(operation.ciphertext, operation.secretKey);
      return found.ok ? ok([found.value]) : found;
    }
  }
}

/** What of an operation is to be wiped, where it has not gone over to another thread. */
export function wipeSecrets(operation: Operation): void {
  if (operation.kind === "decapsulate" && !operation.secretKey.buffer.detached) operation.secretKey.fill(0);
}
