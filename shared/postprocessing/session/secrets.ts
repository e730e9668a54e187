/** From the corrected string to what a block yields, cut alike at both ends. */
import { slotsOf } from "../authentication/key-store.ts";
import { amplifyInSlices } from "../amplification.ts";
import type { Slices } from "../../conditioning/slices.ts";
import { refreshBytes } from "./estimation.ts";
import type { Amplification } from "./messages.ts";
import type { BlockSecrets } from "./outcome.ts";
import { type Tokens, TOKENS_BYTES, tokensOf } from "./settlement.ts";

export interface Yield {
  readonly tokens: Tokens;
  readonly secrets: BlockSecrets;
}

/** Secret keys are bytes, so up to seven bits are given up. */
export const wholeBytes = (secretBits: number): number => 8 * Math.floor(secretBits / 8);

/** The secret string is tokens, slots of authentication key, key. */
export function* yieldInSlices(
  string: Uint8Array,
  stringBits: number,
  { secretBits, slots, seed }: Amplification,
  block: number,
): Slices<Yield> {
  const secret = yield* amplifyInSlices(string, stringBits, seed, secretBits);
  const refresh = refreshBytes(slots);
  const made: Yield = {
    tokens: tokensOf(secret),
    secrets: { key: secret.slice(refresh), slots: slotsOf(block, secret.subarray(TOKENS_BYTES, refresh)) },
  };
  secret.fill(0);
  return made;
}

export function wipeSecrets({ key, slots }: BlockSecrets): void {
  key.fill(0);
  for (const { keys } of slots) keys.fill(0);
}
