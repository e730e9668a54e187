/** The mechanisms that an edge computes itself: each of its operations takes 10 ms at most. */
import liboqs from "../../dist/kem/glue.js";
import kyber1024 from "../../dist/kem/kyber-1024.wasm";
import kyber512 from "../../dist/kem/kyber-512.wasm";
import kyber768 from "../../dist/kem/kyber-768.wasm";
import mlKem1024 from "../../dist/kem/ml-kem-1024.wasm";
import mlKem512 from "../../dist/kem/ml-kem-512.wasm";
import mlKem768 from "../../dist/kem/ml-kem-768.wasm";
import { LiboqsKem } from "../../shared/kem/liboqs/liboqs-kem.ts";
import type { LiboqsName } from "../../shared/kem/liboqs/names.ts";
import type { KemName } from "../../shared/kem/registry.ts";

/** Those that the registry lets run anywhere. */
const MODULES = {
  Kyber512: kyber512,
  Kyber768: kyber768,
  Kyber1024: kyber1024,
  "ML-KEM-512": mlKem512,
  "ML-KEM-768": mlKem768,
  "ML-KEM-1024": mlKem1024,
} as const satisfies Partial<Record<LiboqsName, WebAssembly.Module>>;

export type EdgeKemName = keyof typeof MODULES;

export const isEdgeKem = (name: KemName): name is EdgeKemName => Object.hasOwn(MODULES, name);

/** Only while a request is served: not at an isolate's start, when there is no randomness. */
export async function openEdgeKem(name: EdgeKemName): Promise<LiboqsKem> {
  const module = MODULES[name];
  const settings = {
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ): WebAssembly.Exports {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance, module);
      return instance.exports;
    },
  };
  return new LiboqsKem(name, await liboqs(settings));
}
