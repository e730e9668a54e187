/**
 * Bodies of `/api/v1/streams`: the three calls of ETSI GS QKD 004 as JSON, with the standard's own names of members. A
 * member of QOS that is left out is left to the system.
 */
import * as v from "valibot";
import { LIMITS } from "../../limits.ts";
import { PROFILES } from "../profiles.ts";

const U32_MAX = 0xffff_ffff;
const integer = (min: number) => {
  const message = `shall be an integer from ${min} to ${U32_MAX}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(U32_MAX, message));
};
const count = integer(0);
const textUpTo = (max: number) =>
  v.pipe(v.string("shall be a string"), v.maxLength(max, `shall have at most ${max} characters`));
const address = textUpTo(LIMITS.streamUriChars);

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const ksid = v.pipe(v.string("shall be a UUID"), v.regex(UUID, "shall be a UUID"));

const BINDINGS = Object.keys(PROFILES) as (keyof typeof PROFILES)[];
const OBJECT = "shall be a JSON object";
/** For those who serve another binding by these routes, as site agents do: how its clients want to be treated. */
const binding = v.optional(v.picklist(BINDINGS, `shall be one of ${BINDINGS.join(", ")}`), "native");

export const StreamQosSchema = v.object(
  {
    /** Bytes. To leave it to the system it is left out: a chunk of no bytes is no key. */
    Key_chunk_size: v.optional(integer(1)),
    /** Bits per second; 0: no limit. */
    Max_bps: v.optional(count),
    Min_bps: v.optional(count),
    Jitter: v.optional(count),
    /** Higher goes first. */
    Priority: v.optional(count),
    /** Milliseconds. */
    Timeout: v.optional(count),
    /** Seconds. */
    TTL: v.optional(count),
    /** Empty: no metadata is ever reported. */
    Metadata_mimetype: v.optional(textUpTo(255)),
  },
  OBJECT,
);

export const OpenConnectSchema = v.object(
  {
    /** The caller where absent. */
    source: v.optional(address),
    destination: address,
    /** Absent or null: to be allocated. */
    key_stream_ID: v.nullish(ksid),
    QOS: v.optional(StreamQosSchema),
    binding,
  },
  OBJECT,
);

export const StreamGetKeySchema = v.object(
  {
    /** The next one of this end where absent. */
    index: v.optional(count),
    /** Capacity for metadata, in characters; 0: none is wanted. */
    Metadata_size: v.optional(count, 0),
    binding,
  },
  OBJECT,
);

export const StreamCloseSchema = v.object({ binding }, OBJECT);

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
