import { afterEach, describe, expect, it } from "vitest";
import { LiboqsKem } from "../../shared/kem/liboqs/liboqs-kem.ts";
import type { LiboqsFactory, LiboqsModule } from "../../shared/kem/liboqs/module.ts";
import { KEM_NAMES, KEMS } from "../../shared/kem/registry.ts";
import { openKem } from "./open-kem.ts";

const BUILD = new URL("../dist/ml-kem-512.deno.js", import.meta.resolve("@oqs/liboqs-js"));

async function moduleOf(build: URL): Promise<LiboqsModule> {
  const { default: factory } = (await import(build.href)) as { readonly default: LiboqsFactory };
  return await factory();
}

/** @returns does the memory hold that anywhere? */
const holds = ({ HEAPU8 }: LiboqsModule, bytes: Uint8Array): boolean =>
  Buffer.from(HEAPU8.buffer, HEAPU8.byteOffset, HEAPU8.length).includes(Buffer.from(bytes));

describe("a mechanism in this thread", () => {
  let module: LiboqsModule | undefined;
  afterEach(() => (module = undefined));

  it("is there for every name", async () => {
    for (const name of KEM_NAMES) {
      const kem = await openKem(name);
      expect(kem.name).toBe(name);
      kem.close();
    }
  });

  it("leaves no secret in buffers, and nothing at all at the end", async () => {
    module = await moduleOf(BUILD);
    const kem = new LiboqsKem("ML-KEM-512", module);
    const { publicKey, secretKey } = kem.generateKeyPair();
    const made = kem.encapsulate(publicKey);
    if (!made.ok) throw new Error(made.error);
    kem.decapsulate(made.value.ciphertext, secretKey);
    for (const secret of [secretKey, secretKey.subarray(0, 64), secretKey.subarray(-32), made.value.sharedSecret])
      expect(holds(module, secret)).toBe(false);
    kem.close();
    expect(module.HEAPU8.every((byte) => byte === 0)).toBe(true);
  });

  it("is not built on a module that has another, or none of that name", async () => {
    module = await moduleOf(BUILD);
    expect(() => new LiboqsKem("ML-KEM-768", module!)).toThrow("liboqs has no ML-KEM-768 here");
    const other = new Proxy(module, {
      get: (target, name) =>
        name === "getValue" ? () => KEMS["ML-KEM-512"].publicKeyBytes + 1 : Reflect.get(target, name, target),
    });
    expect(() => new LiboqsKem("ML-KEM-512", other)).toThrow("publicKeyBytes 801 in liboqs, and is to have 800");
  });

  it("says when its memory is used up, and goes on afterwards", async () => {
    module = await moduleOf(BUILD);
    const kem = new LiboqsKem("ML-KEM-512", module);
    // For the name, and one of the two keys.
    let left = 2;
    const limited = new Proxy(module, {
      get: (target, name) =>
        name === "_malloc"
          ? (sizeBytes: number) => (left-- > 0 ? target._malloc(sizeBytes) : 0)
          : Reflect.get(target, name, target),
    });
    const short = new LiboqsKem("ML-KEM-512", limited);
    expect(() => short.generateKeyPair()).toThrow("no memory left");
    expect(kem.generateKeyPair().publicKey).toHaveLength(800);
  });
});
