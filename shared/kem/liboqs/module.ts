/**
 * A WebAssembly build of liboqs as Emscripten's glue presents it, as far as it is used here: pointers are addresses in
 * its memory, `size_t` has 4 bytes, and a status of 0 is success.
 */
export interface LiboqsModule {
  /** Another array after each growth of the memory: not to be kept over a call. */
  readonly HEAPU8: Uint8Array;
  getValue(pointer: number, type: "i32"): number;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, sizeBytes: number): number;
  _malloc(sizeBytes: number): number;
  _free(pointer: number): void;
  _OQS_init(): void;
  /** 0 where the build does not have the mechanism. */
  _OQS_KEM_new(name: number): number;
  _OQS_KEM_free(kem: number): void;
  _OQS_KEM_keypair(kem: number, publicKey: number, secretKey: number): number;
  _OQS_KEM_encaps(kem: number, ciphertext: number, sharedSecret: number, publicKey: number): number;
  _OQS_KEM_decaps(kem: number, sharedSecret: number, ciphertext: number, secretKey: number): number;
}

/** What the glue exports; settings are Emscripten's. */
export type LiboqsFactory = (settings?: object) => Promise<LiboqsModule>;
