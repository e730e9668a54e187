/** The mechanisms of one isolate: few instances, shared by all its objects. */
import { LIMITS } from "../../shared/limits.ts";
import type { Result } from "../../shared/result.ts";
import { Instances } from "../../shared/kem/instances.ts";
import type { Encapsulation, KemFault, KeyPair } from "../../shared/kem/kem.ts";
import type { KemName } from "../../shared/kem/registry.ts";
import { type EdgeKemName, isEdgeKem, openEdgeKem } from "./modules.ts";

/** A mechanism that may have to be made ready first. Rejects with a defect only. */
export interface EdgeKem {
  generateKeyPair(): Promise<KeyPair>;
  encapsulate(publicKey: Uint8Array): Promise<Result<Encapsulation, KemFault>>;
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Promise<Result<Uint8Array, KemFault>>;
}

const instances = new Instances<EdgeKemName>(LIMITS.kemEdgeInstances, openEdgeKem);

/** @returns null where the mechanism takes longer than an object may stand still for */
export function edgeKem(name: KemName): EdgeKem | null {
  if (!isEdgeKem(name)) return null;
  return {
    generateKeyPair: async () => await instances.use(name, (kem) => kem.generateKeyPair()),
    encapsulate: async (publicKey) => await instances.use(name, (kem) => kem.encapsulate(publicKey)),
    decapsulate: async (ciphertext, secretKey) =>
      await instances.use(name, (kem) => kem.decapsulate(ciphertext, secretKey)),
  };
}
