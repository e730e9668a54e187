/**
 * How fast sifted key becomes secret key: the post-processing of simulated BB84 blocks between two processes over TCP,
 * from the first detection told to the last block released. `node bench/etsi004/postprocess.ts` prints it.
 */
import { fork } from "node:child_process";
import { join } from "node:path";
import { ask, end } from "../processes/child.ts";
import type { EndJob, EndResult, Listening, Ready } from "./postprocess-end.ts";

export interface PostprocessOptions {
  readonly blocks: number;
  /** Under way at once: what hides the round trips of one block behind the work on others. */
  readonly inFlight: number;
  /** Bits of sifted key, a block. */
  readonly keyBits: number;
  /** What the wire takes, there and back. */
  readonly roundTripMs: number;
}

export const POSTPROCESS_OPTIONS: PostprocessOptions = { blocks: 24, inFlight: 6, keyBits: 500_000, roundTripMs: 1 };

export interface PostprocessResult {
  /** Of sifted key, all blocks together. */
  readonly siftedBitsPerS: number;
  readonly secretBitsPerS: number;
  readonly seconds: number;
  /** Processor time that Alice's and Bob's process took for a million bits of sifted key. */
  readonly aliceMsPerMbit: number;
  readonly bobMsPerMbit: number;
}

/** @throws Error where a block was not released, or the two ends' keys were not equally long */
export async function measurePostprocessing(options: PostprocessOptions): Promise<PostprocessResult> {
  const ends = ["alice", "bob"].map(() => fork(join(import.meta.dirname, "postprocess-end.ts")));
  const [alice, bob] = ends as [(typeof ends)[0], (typeof ends)[0]];
  try {
    // Both draw the same simulated pulses beforehand: drawing them is not what is measured.
    const job = (role: EndJob["role"]): EndJob => ({ type: "prepare", role, ...options });
    const [{ port }] = await Promise.all([ask<Listening>(bob, job("bob")), ask<Ready>(alice, job("alice"))]);
    const startedMs = performance.now();
    const bobs = new Promise<EndResult>((resolve) => bob.once("message", resolve));
    const alices = await ask<EndResult>(alice, { type: "connect", port });
    const bobResult = await bobs;
    const seconds = (performance.now() - startedMs) / 1000;
    check(options, alices, bobResult);
    const mbits = (options.blocks * options.keyBits) / 1e6;
    return {
      siftedBitsPerS: (mbits * 1e6) / seconds,
      secretBitsPerS: alices.secretBits / seconds,
      seconds,
      aliceMsPerMbit: alices.cpuMs / mbits,
      bobMsPerMbit: bobResult.cpuMs / mbits,
    };
  } finally {
    await Promise.all(ends.map(end));
  }
}

function check({ blocks }: PostprocessOptions, alice: EndResult, bob: EndResult): void {
  if (alice.released !== blocks || bob.released !== blocks || alice.secretBits !== bob.secretBits) {
    throw new Error(`of ${blocks} blocks Alice released ${alice.released} and Bob ${bob.released}`);
  }
}

if (import.meta.main) {
  const result = await measurePostprocessing(POSTPROCESS_OPTIONS);
  for (const [name, value] of Object.entries(result)) console.log(`${name}: ${Math.round(value * 100) / 100}`);
}
