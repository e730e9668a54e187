/**
 * The three methods of the hybridization module, bit for bit. They mix bare secrets: no names, no index, no transcript,
 * no key confirmation. Keys are sorted by their bytes, so that both ends agree whatever the order of arrival.
 */
import { copyOf } from "../../bytes/copy.ts";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import type { LegacyMethod } from "../methods.ts";

type Keys = readonly Uint8Array[];

/** As Python orders byte strings: unsigned bytes, a proper prefix first. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** XOR of the keys' first bytes; where one is shorter, zeros stand for the rest. */
function xorFitted(keys: Keys, lengthBytes: number): Uint8Array {
  const mixed = new Uint8Array(lengthBytes);
  for (const key of keys) {
    const end = Math.min(key.length, lengthBytes);
    for (let at = 0; at < end; at++) mixed[at] = (mixed[at] ?? 0) ^ (key[at] ?? 0);
  }
  return mixed;
}

function hmacOfFirst([first = new Uint8Array(), ...rest]: Keys): Uint8Array {
  const message = concatBytes(...rest);
  const code = hmac(sha256, first, message);
  message.fill(0);
  return code;
}

function xorHmac(keys: Keys, lengthBytes: number): Uint8Array {
  const codes = [hmacOfFirst(keys), hmacOfFirst(keys.toReversed())];
  const mixed = xorFitted(codes, lengthBytes);
  for (const code of codes) code.fill(0);
  return mixed;
}

interface LegacyRule {
  /** Of two or more keys, sorted. */
  mix(keys: Keys, lengthBytes: number): Uint8Array;
  /** How many bytes of a chunk every key has part in. */
  coveredBytes(keys: Keys): number;
}

const shortest = (keys: Keys): number => Math.min(...keys.map(({ length }) => length));
const RULES: Readonly<Record<LegacyMethod, LegacyRule>> = {
  xoring: { mix: xorFitted, coveredBytes: shortest },
  hmac: { mix: hmacOfFirst, coveredBytes: () => sha256.outputLen },
  xorhmac: { mix: xorHmac, coveredBytes: () => sha256.outputLen },
};

/**
 * What the module gives for a chunk of `lengthBytes`, be it shorter, or with a tail that not every key has part in: see
 * `legacyCoversBytes`. A single key is given as it is, whatever the method.
 * @param keys at least one, in any order
 */
export function combineLegacy(method: LegacyMethod, keys: Keys, lengthBytes: number): Uint8Array {
  const [only, ...more] = keys;
  if (only === undefined) throw new RangeError("at least one key");
  if (more.length === 0) return copyOf(only, 0, lengthBytes);
  const whole = RULES[method].mix([...keys].sort(compareBytes), lengthBytes);
  if (whole.length <= lengthBytes) return whole;
  const chunk = whole.slice(0, lengthBytes);
  whole.fill(0);
  return chunk;
}

/** How long a chunk of these keys may be for the method to fill it, and to mix every key into every byte. */
export const legacyCoversBytes = (method: LegacyMethod, keys: Keys): number =>
  keys.length === 1 ? shortest(keys) : RULES[method].coveredBytes(keys);
