/**
 * All mechanisms, for an agent whose event loop must not stand still: the quick ones at once, the others in threads,
 * with key pairs made ahead of need.
 */
import { ok, type Result } from "../../shared/result.ts";
import { Instances } from "../../shared/kem/instances.ts";
import { type Encapsulation, type KemFault, type Kems, KemsBusy, type KeyPair } from "../../shared/kem/kem.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { KemName } from "../../shared/kem/registry.ts";
import { openKem } from "./open-kem.ts";
import { type Operation, type Outcome, perform, wipeSecrets } from "./operations.ts";
import { PairsAhead } from "./pairs-ahead.ts";
import { Threads } from "./threads.ts";
import { Turns } from "./turns.ts";

export interface ClosableKems extends Kems {
  /** Ends the threads and wipes what was made ahead; what is under way rejects. */
  close(): Promise<void>;
}

/** Well below a millisecond for each operation. */
export const isQuick = (name: KemName): boolean => name.startsWith("ML-KEM-") || name.startsWith("Kyber");

export const makeKems = (): ClosableKems => new AgentKems();

class AgentKems implements ClosableKems {
  readonly #quick = new Instances(LIMITS.kemQuickInstances, openKem);
  readonly #turns = new Turns();
  readonly #threads = new Threads();
  readonly #ahead = new PairsAhead({
    now: async (name) => pairOf(await this.#threads.run({ kind: "generate", name })),
    ahead: async (name, begins) => pairOf(await this.#threads.runAhead({ kind: "generate", name }, begins)),
  });
  #closed = false;

  async generateKeyPair(name: KemName): Promise<KeyPair> {
    if (isQuick(name)) return pairOf(await this.#perform({ kind: "generate", name }));
    return await this.#ahead.take(name);
  }

  async encapsulate(name: KemName, publicKey: Uint8Array): Promise<Result<Encapsulation, KemFault>> {
    const outcome = await this.#perform({ kind: "encapsulate", name, publicKey: new Uint8Array(publicKey) });
    if (!outcome.ok) return outcome;
    const [ciphertext, sharedSecret] = outcome.value as readonly [Uint8Array, Uint8Array];
    return ok({ ciphertext, sharedSecret });
  }

  async decapsulate(
    name: KemName,
    ciphertext: Uint8Array,
    secretKey: Uint8Array,
  ): Promise<Result<Uint8Array, KemFault>> {
    const operation: Operation = {
      kind: "decapsulate",
      name,
      ciphertext: new Uint8Array(ciphertext),
      secretKey: new Uint8Array(secretKey),
    };
    try {
      const outcome = await this.#perform(operation);
      if (!outcome.ok) return outcome;
      const [sharedSecret] = outcome.value as readonly [Uint8Array];
      return ok(sharedSecret);
    } finally {
      wipeSecrets(operation);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ahead.close();
    this.#quick.close();
    await this.#threads.close();
  }

  async #perform(operation: Operation): Promise<Outcome> {
    if (this.#closed) throw new KemsBusy("closed");
    if (!isQuick(operation.name)) return await this.#threads.run(operation);
    return await this.#turns.run(async () => {
      if (this.#closed) throw new KemsBusy("closed");
      return await this.#quick.use(operation.name, (kem) => perform(kem, operation));
    });
  }
}

function pairOf(outcome: Outcome): KeyPair {
  // Only what is read can be at fault.
  if (!outcome.ok) throw new Error(`no key pair was generated: ${outcome.error}`);
  const [publicKey, secretKey] = outcome.value as readonly [Uint8Array, Uint8Array];
  return { publicKey, secretKey };
}
