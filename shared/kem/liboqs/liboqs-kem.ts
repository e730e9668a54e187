/**
 * One mechanism in an instance of its WebAssembly module. Whatever was in a buffer is wiped before it is freed, and the
 * whole memory, with what the C code left on its stack, when the instance is given up.
 */
import { err, ok, type Result } from "../../result.ts";
import type { Encapsulation, Kem, KemFault, KeyPair } from "../kem.ts";
import { KEMS, type KemRow } from "../registry.ts";
import type { LiboqsModule } from "./module.ts";
import { identifierOf, type LiboqsName } from "./names.ts";

/** `OQS_KEM`, with pointers and sizes of 4 bytes: name, version, category and one flag padded to 4, then lengths. */
const LENGTHS_AT = {
  publicKeyBytes: 12,
  secretKeyBytes: 16,
  ciphertextBytes: 20,
  sharedSecretBytes: 24,
} as const satisfies Partial<Record<keyof KemRow, number>>;

export class LiboqsKem implements Kem {
  readonly name: LiboqsName;
  readonly #row: KemRow;
  readonly #module: LiboqsModule;
  readonly #kem: number;

  /** @throws where the module does not have the mechanism, or one with other lengths than the registry says */
  constructor(name: LiboqsName, module: LiboqsModule) {
    this.name = name;
    this.#row = KEMS[name];
    this.#module = module;
    module._OQS_init();
    this.#kem = this.#open(identifierOf(name));
    for (const [length, offset] of Object.entries(LENGTHS_AT)) {
      const found = module.getValue(this.#kem + offset, "i32");
      const wanted = this.#row[length as keyof typeof LENGTHS_AT];
      if (found !== wanted) throw new Error(`${name} has ${length} ${found} in liboqs, and is to have ${wanted}`);
    }
  }

  /** @throws a defect; the instance is not to be used any more then */
  generateKeyPair(): KeyPair {
    const { publicKeyBytes, secretKeyBytes } = this.#row;
    return this.#with([publicKeyBytes, secretKeyBytes], ([publicKey = 0, secretKey = 0]) => {
      const status = this.#module._OQS_KEM_keypair(this.#kem, publicKey, secretKey);
      if (status !== 0) throw new Error(`${this.name}: liboqs generated no key pair`);
      return { publicKey: this.#read(publicKey, publicKeyBytes), secretKey: this.#read(secretKey, secretKeyBytes) };
    });
  }

  /** @throws as `generateKeyPair` */
  encapsulate(publicKey: Uint8Array): Result<Encapsulation, KemFault> {
    const { publicKeyBytes, ciphertextBytes, sharedSecretBytes } = this.#row;
    if (publicKey.length !== publicKeyBytes) return err("bad-public-key");
    return this.#with([ciphertextBytes, sharedSecretBytes, publicKeyBytes], ([ciphertext = 0, secret = 0, key = 0]) => {
      this.#module.HEAPU8.set(publicKey, key);
      // Fails for a key outside the modulus (FIPS 203, 7.2) or with padding that is not zero (Classic McEliece).
      const status = this.#module._OQS_KEM_encaps(this.#kem, ciphertext, secret, key);
      if (status !== 0) return err("bad-public-key");
      return ok({
        ciphertext: this.#read(ciphertext, ciphertextBytes),
        sharedSecret: this.#read(secret, sharedSecretBytes),
      });
    });
  }

  /** @throws as `generateKeyPair` */
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Result<Uint8Array, KemFault> {
    const { ciphertextBytes, secretKeyBytes, sharedSecretBytes } = this.#row;
    if (ciphertext.length !== ciphertextBytes) return err("bad-ciphertext");
    if (secretKey.length !== secretKeyBytes) return err("bad-secret-key");
    return this.#with([sharedSecretBytes, ciphertextBytes, secretKeyBytes], ([secret = 0, text = 0, key = 0]) => {
      this.#module.HEAPU8.set(ciphertext, text);
      this.#module.HEAPU8.set(secretKey, key);
      const status = this.#module._OQS_KEM_decaps(this.#kem, secret, text, key);
      // Only ML-KEM looks at the key: at the hash inside (FIPS 203, 7.3).
      if (status !== 0) return err(this.name.startsWith("ML-KEM-") ? "bad-secret-key" : "bad-ciphertext");
      return ok(this.#read(secret, sharedSecretBytes));
    });
  }

  /** Ends the use of the instance. */
  close(): void {
    this.#module._OQS_KEM_free(this.#kem);
    this.#module.HEAPU8.fill(0);
  }

  #open(identifier: string): number {
    const sizeBytes = this.#module.lengthBytesUTF8(identifier) + 1;
    const kem = this.#with([sizeBytes], ([text = 0]) => {
      this.#module.stringToUTF8(identifier, text, sizeBytes);
      return this.#module._OQS_KEM_new(text);
    });
    if (kem === 0) throw new Error(`liboqs has no ${identifier} here`);
    return kem;
  }

  /** Lends buffers, and wipes them. */
  #with<T>(sizesBytes: readonly number[], use: (pointers: readonly number[]) => T): T {
    const lent: { readonly pointer: number; readonly sizeBytes: number }[] = [];
    try {
      for (const sizeBytes of sizesBytes) {
        const pointer = this.#module._malloc(sizeBytes);
        if (pointer === 0) throw new Error(`${this.name}: no memory left in its instance`);
        lent.push({ pointer, sizeBytes });
      }
      return use(lent.map(({ pointer }) => pointer));
    } finally {
      for (const { pointer, sizeBytes } of lent) {
        this.#module.HEAPU8.fill(0, pointer, pointer + sizeBytes);
        this.#module._free(pointer);
      }
    }
  }

  #read(pointer: number, sizeBytes: number): Uint8Array {
    return this.#module.HEAPU8.slice(pointer, pointer + sizeBytes);
  }
}
