/** Operations of a KEM in the way of an agent, one after the other: the quick ones at once, the others in its threads. */
import { KEMS, type KemName } from "../../../shared/kem/registry.ts";
import type { KeyPair } from "../../../shared/kem/kem.ts";
import { isQuick, makeKems } from "../../../tunnel/kem/kems.ts";
import { Threads } from "../../../tunnel/kem/threads.ts";
import { connectToEdge } from "../../load/connection.ts";
import { kemPath, OPERATIONS } from "../kem-path.ts";
import type { Jobs, KemRates } from "./jobs.ts";

export async function kem({ name, forMs }: Jobs["kem"]["takes"]): Promise<KemRates> {
  const kems = makeKems();
  // An agent's pairs of slow mechanisms are made ahead of need: what making one takes would not be seen.
  const threads = new Threads();
  const generate = (): Promise<KeyPair> => (isQuick(name) ? kems.generateKeyPair(name) : generatedBy(threads, name));
  try {
    const startMs = performance.now();
    const { publicKey, secretKey } = await generate();
    // Beside one that takes long, the start of a thread is little.
    const firstMs = performance.now() - startMs;
    const encapsulate = async () => valueOf(await kems.encapsulate(name, publicKey));
    const { ciphertext, sharedSecret } = await encapsulate();
    const decapsulate = async (): Promise<void> => {
      const found = valueOf(await kems.decapsulate(name, ciphertext, secretKey));
      if (!Buffer.from(found).equals(sharedSecret)) throw new Error("another secret was decapsulated");
    };
    await decapsulate();
    return {
      generatePerS: firstMs > 5 * forMs ? 1000 / firstMs : await perS(generate, forMs),
      encapsulatePerS: await perS(encapsulate, forMs),
      decapsulatePerS: await perS(decapsulate, forMs),
    };
  } finally {
    await threads.close();
    await kems.close();
  }
}

async function generatedBy(threads: Threads, name: KemName): Promise<KeyPair> {
  const [publicKey, secretKey] = valueOf(await threads.run({ kind: "generate", name }));
  if (publicKey?.length !== KEMS[name].publicKeyBytes || secretKey === undefined) throw new Error("no key pair");
  return { publicKey, secretKey };
}

function valueOf<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string },
): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

async function perS(operation: () => Promise<unknown>, forMs: number): Promise<number> {
  const startMs = performance.now();
  let done = 0;
  for (; done === 0 || performance.now() - startMs < forMs; done++) await operation();
  return (done * 1000) / (performance.now() - startMs);
}

export async function edgeKem({ url, name, exchanges }: Jobs["edge-kem"]["takes"]): Promise<null> {
  const engine = connectToEdge({ url, token: "" });
  try {
    for (let exchange = 0; exchange < exchanges; exchange++) {
      for (const operation of OPERATIONS) {
        const { status } = await engine.request("POST", kemPath(name, operation));
        if (status !== 204) throw new Error(`${name}, ${operation}: the engine answered ${status}`);
      }
    }
    return null;
  } finally {
    engine.close();
  }
}
