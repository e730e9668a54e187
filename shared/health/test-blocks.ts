/** Blocks with known faults, for tests: the same on every run. */
import { shake256 } from "@noble/hashes/sha3.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** Bits from bytes compared with a threshold; `ones(last)` is the probability, in 256ths, of a 1 after the bit `last`. */
function block(label: string, bytes: number, ones: (last: number) => number): Uint8Array {
  const random = shake256(utf8ToBytes(label), { dkLen: bytes * 8 });
  const out = new Uint8Array(bytes);
  let last = 0;
  random.forEach((value, i) => {
    last = value < ones(last) ? 1 : 0;
    out[i >> 3] = ((out[i >> 3] ?? 0) << 1) | last;
  });
  return out;
}

/** Independent bits, 44.1 % of them ones, as real devices deliver: 0.84 bits of min-entropy each. */
export const biasedBlock = (label: string, bytes: number): Uint8Array => block(label, bytes, () => 113);

/** As many ones as zeros, but each bit repeats the one before with probability 0.6: 0.74 bits of min-entropy each. */
export const stickyBlock = (label: string, bytes: number): Uint8Array =>
  block(label, bytes, (last) => (last === 1 ? 154 : 102));
