/**
 * What nodes ask of each other, as the HTTPS carrier brings it: JSON, bytes as base64. Types and lengths are looked at
 * here; what must fit together in `terms.ts`, by whoever is asked, whatever the carrier.
 */
import * as v from "valibot";
import { base64Schema, jsonWithBytes } from "../bytes/bytes-in-json.ts";
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import {
  CHALLENGE_BYTES,
  type CompareAnswer,
  type CompareCall,
  type RelayId,
  type RelayStep,
  type RelayTerms,
  type StepAnswer,
  TAG_BYTES,
  type VoidRelaysCall,
} from "./types.ts";

/** Of a pair's name: two plain ids and what is between. */
const PAIR_CHARS = 2 * 64 + 1;
/** Of a draw's nonce, and of a relay's id. */
const NAME_CHARS = 64;

const wholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.maxLength(NAME_CHARS));

const pair = v.pipe(
  v.string(),
  v.maxLength(PAIR_CHARS),
  v.transform((id) => id as PairName),
);
const node = v.pipe(
  PlainIdSchema,
  v.transform((id) => id as NodeId),
);

export const RelayTermsSchema: v.GenericSchema<unknown, RelayTerms> = v.strictObject({
  relay: v.pipe(
    name,
    v.transform((id) => id as RelayId),
  ),
  pair,
  shard: wholeNumber,
  path: boundedList(node, LIMITS.relayHops + 1),
  share: v.strictTuple([wholeNumber, wholeNumber]),
  bytes: wholeNumber,
  expiresMs: wholeNumber,
  compared: v.exactOptional(v.literal(true)),
});

export const VoidRelaysSchema: v.GenericSchema<unknown, VoidRelaysCall> = v.strictObject({
  pair,
  shard: wholeNumber,
  from: node,
});

const message = v.strictObject({
  draw: v.strictObject({
    shard: wholeNumber,
    record: wholeNumber,
    nonce: name,
    simulated: v.exactOptional(v.literal(true)),
  }),
  ciphertext: base64Schema(LIMITS.relayBytes),
  tag: base64Schema(TAG_BYTES),
});

export const RelayStepSchema: v.GenericSchema<unknown, RelayStep> = v.strictObject({
  terms: RelayTermsSchema,
  position: wholeNumber,
  message,
});

export const StepAnswerSchema: v.GenericSchema<unknown, StepAnswer> = v.variant("outcome", [
  v.strictObject({ outcome: v.literal("onward"), message }),
  v.strictObject({ outcome: v.literal("held") }),
  v.strictObject({ outcome: v.literal("stored") }),
]);

export const CompareCallSchema: v.GenericSchema<unknown, CompareCall> = v.strictObject({
  terms: RelayTermsSchema,
  challenge: base64Schema(CHALLENGE_BYTES),
  tag: base64Schema(TAG_BYTES),
});

export const CompareAnswerSchema: v.GenericSchema<unknown, CompareAnswer> = v.strictObject({
  outcome: v.picklist(["equal", "unequal"]),
});

/** The JSON text that these schemas read. */
export const relayText = (value: RelayTerms | RelayStep | StepAnswer | CompareCall): string => jsonWithBytes(value);
