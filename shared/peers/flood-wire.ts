/**
 * Advertisements as the HTTPS carrier brings them: who calls, and how many they are. Each of them is looked at by itself
 * where it is taken in (routing/flood/wire.ts), so that one that is no good does not hold up the others.
 */
import * as v from "valibot";
import type { NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import type { FloodCall } from "../routing/flood/types.ts";
import type { Advertisement } from "../routing/types.ts";

const node = v.pipe(
  PlainIdSchema,
  v.transform((id) => id as NodeId),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const FloodCallSchema: v.GenericSchema<unknown, FloodCall> = v.strictObject({
  from: node,
  advertisements: boundedList(
    v.custom<Advertisement>((value) => typeof value === "object" && value !== null),
    LIMITS.floodBatchAdvertisements,
  ),
  has: v.exactOptional(boundedList(v.strictTuple([node, count]), LIMITS.nodes)),
});
