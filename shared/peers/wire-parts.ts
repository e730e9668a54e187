/** What several questions of pools have in them, as the HTTPS carrier brings it: plain JSON. */
import * as v from "valibot";
import type { NodeId, PairName, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import type { RelayId } from "../relay/types.ts";

/** Two plain ids and what is between. */
const PAIR_CHARS = 2 * 64 + 1;
const HEX_CHARS = 64;
const UUID_CHARS = 36;

export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const relay = v.pipe(
  v.string(),
  v.maxLength(UUID_CHARS),
  v.transform((id) => id as RelayId),
);
export const hex = v.pipe(v.string(), v.maxLength(HEX_CHARS));
export const pair = v.pipe(
  v.string(),
  v.maxLength(PAIR_CHARS),
  v.transform((name) => name as PairName),
);
export const node = v.pipe(
  PlainIdSchema,
  v.transform((id) => id as NodeId),
);
export const sae = v.pipe(
  v.string(),
  v.maxLength(LIMITS.saeIdChars),
  v.transform((id) => id as SaeId),
);
