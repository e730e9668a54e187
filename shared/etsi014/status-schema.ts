/** Status on the wire (ETSI GS QKD 014 V1.1.1 clause 6.1): what clients read. */
import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const name = v.pipe(v.string(), v.nonEmpty());

export const StatusSchema = v.looseObject({
  source_KME_ID: name,
  target_KME_ID: name,
  master_SAE_ID: name,
  slave_SAE_ID: name,
  /** Bits. */
  key_size: count,
  stored_key_count: count,
  max_key_count: count,
  max_key_per_request: count,
  max_key_size: count,
  min_key_size: count,
  max_SAE_ID_count: count,
  status_extension: v.optional(v.looseObject({})),
});
export type Status = v.InferOutput<typeof StatusSchema>;
