/** What `/api/v1/streams` answers to the three calls of ETSI GS QKD 004. */
import * as v from "valibot";
import { count } from "./members.ts";
import { StreamQosSchema } from "./qos.ts";

/** `status` is ETSI GS QKD 004's, or as the binding asked for has it. */
const status = v.pipe(v.number(), v.integer(), v.minValue(0));

export const StreamOpenedSchema = v.object({ status, key_stream_ID: v.string(), QOS: StreamQosSchema });

export const StreamKeySchema = v.object({
  status,
  index: count,
  /** Base64; QOS.Key_chunk_size bytes. */
  Key_buffer: v.string(),
  /** Of QOS.Metadata_mimetype: JSON with `age` (milliseconds since the chunk became available) and `hops`. */
  Metadata: v.optional(v.string()),
});

export const StreamClosedSchema = v.object({ status });

/** Any status that is no success. */
export const StreamFailedSchema = v.object({
  status,
  message: v.string(),
  /** Of status 7: what could be had; asked for unchanged, it is. */
  QOS: v.optional(StreamQosSchema),
  /** Of status 8: the size that would do. */
  Metadata_size: v.optional(count),
});
