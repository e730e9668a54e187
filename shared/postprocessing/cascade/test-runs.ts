/** For tests: strings with errors in them, and a whole run of Cascade, from a number that tells which. */
import { shakeOf } from "../../../test/support/openssl-shake.ts";
import { bytesFor } from "../bits.ts";
import { CascadeAnswerer } from "./answerer.ts";
import { CascadeAsker } from "./asker.ts";
import type { CascadeParameters } from "./plan.ts";

export function labelled(label: string, bits: number): Uint8Array {
  const bytes = shakeOf(label, bytesFor(bits));
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] as number) & (0xff << (8 * bytes.length - bits));
  return bytes;
}

/** @returns the string with each bit wrong with a probability, and how many are */
export function withErrors(string: Uint8Array, bits: number, errorRate: number, label: string) {
  const words = new DataView(labelled(`${label}/errors`, 32 * bits).buffer);
  const positions: number[] = [];
  for (let i = 0; i < bits; i++) if (words.getUint32(4 * i) < errorRate * 2 ** 32) positions.push(i);
  return { received: flipped(string, positions), errors: positions.length };
}

export function flipped(string: Uint8Array, positions: Iterable<number>): Uint8Array {
  const result = Uint8Array.from(string);
  for (const i of positions) result[i >> 3] = (result[i >> 3] as number) ^ (0x80 >> (i & 7));
  return result;
}

export const parametersOf = (bits: number, errorRate: number, label = "seed"): CascadeParameters => ({
  bits,
  errorRate,
  seed: labelled(label, 256),
  leakLimitBits: 20 * bits,
});

/** Both ends to the end, and every request on the way. */
export function runCascade(reference: Uint8Array, received: Uint8Array, parameters: CascadeParameters) {
  const alice = new CascadeAnswerer(reference, parameters);
  const bob = new CascadeAsker(received, parameters);
  const requests: Uint8Array[] = [];
  for (let request = bob.next(); request !== null; request = bob.next()) {
    requests.push(request);
    bob.take(alice.answer(request));
  }
  return { alice, bob, requests };
}
