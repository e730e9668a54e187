/**
 * What the halves of a pool tell each other, as the HTTPS carrier brings it: plain JSON. Types and lengths are looked at
 * here; what must fit together in keypool/half-checks.ts, by whoever is told, whatever the carrier.
 */
import * as v from "valibot";
import type { BlockId } from "../ids.ts";
import type { HalfAnswer, HalfBatch, HalfMessage } from "../keypool/half.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { FaultSchema } from "./outcome.ts";
import { count, hex, node, pair, relay, sae } from "./wire-parts.ts";

/** Refusals that the sender has not acted on: no more than a log has messages. */
const REFUSALS = 2 * LIMITS.halfLogMessages;

const block = v.pipe(
  v.string(),
  v.maxLength(LIMITS.blockIdChars),
  v.transform((id) => id as BlockId),
);
const places = boundedList(v.strictTuple([block, count]), LIMITS.alarmBatchRows);

const message: v.GenericSchema<unknown, HalfMessage> = v.variant("kind", [
  v.strictObject({ kind: v.literal("taken"), block, bytes: count }),
  v.strictObject({ kind: v.literal("give-up"), block }),
  v.strictObject({
    kind: v.literal("announce"),
    use: v.picklist(["key", "pad", "tag", "stream"]),
    record: count,
    chunks: v.exactOptional(v.strictObject({ instance: count, first: count, madeMs: count })),
    hop: v.exactOptional(v.strictObject({ relay, pair, shard: count })),
    nonce: hex,
    mask: hex,
    keys: count,
    sizeBytes: count,
    segments: boundedList(v.strictTuple([block, count, count]), LIMITS.halfSegments),
    master: sae,
    masterNode: node,
    recipients: boundedList(v.strictObject({ sae, node }), LIMITS.multicastSaes),
    expiresMs: count,
  }),
  v.strictObject({ kind: v.literal("void"), nonce: hex }),
  v.strictObject({ kind: v.literal("end"), nonce: hex, delivered: count, as: v.picklist(["expired", "voided"]) }),
  v.strictObject({
    kind: v.literal("fetched"),
    record: count,
    nonce: hex,
    sae,
    runs: boundedList(v.strictTuple([count, count]), LIMITS.keysPerRequest),
  }),
  v.strictObject({ kind: v.literal("yield"), units: places }),
  v.strictObject({ kind: v.literal("retire"), units: places, as: v.picklist(["remainder", "voided"]) }),
]);

export const HalfBatchSchema: v.GenericSchema<unknown, HalfBatch> = v.strictObject({
  pair,
  shard: count,
  from: node,
  generation: count,
  settled: count,
  messages: boundedList(v.strictObject({ seq: count, message }), LIMITS.halfBatchMessages),
  wantBytes: count,
});

export const HalfAnswerSchema: v.GenericSchema<unknown, HalfAnswer> = v.strictObject({
  applied: count,
  refused: boundedList(v.strictObject({ seq: count, fault: FaultSchema }), REFUSALS),
  yieldedBytes: count,
});
