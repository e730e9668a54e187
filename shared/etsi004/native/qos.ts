/** QOS in bodies of `/api/v1/streams`, and as it is called here. */
import * as v from "valibot";
import { NO_WISHES, type Qos } from "../qos.ts";
import { count, integer, OBJECT, textUpTo } from "./members.ts";

/** A member that is left out is left to the system. */
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

type Members = v.InferOutput<typeof StreamQosSchema>;

export const qosMembers = (qos: Qos): Members => ({
  Key_chunk_size: qos.chunkBytes,
  Max_bps: qos.maxBps,
  Min_bps: qos.minBps,
  Jitter: qos.jitterBps,
  Priority: qos.priority,
  Timeout: qos.timeoutMs,
  TTL: qos.ttlSeconds,
  Metadata_mimetype: qos.metadataMimetype,
});

export const qosOf = (members: Members): Qos => ({
  chunkBytes: members.Key_chunk_size ?? NO_WISHES.chunkBytes,
  maxBps: members.Max_bps ?? NO_WISHES.maxBps,
  minBps: members.Min_bps ?? NO_WISHES.minBps,
  jitterBps: members.Jitter ?? NO_WISHES.jitterBps,
  priority: members.Priority ?? NO_WISHES.priority,
  timeoutMs: members.Timeout ?? NO_WISHES.timeoutMs,
  ttlSeconds: members.TTL ?? NO_WISHES.ttlSeconds,
  metadataMimetype: members.Metadata_mimetype ?? NO_WISHES.metadataMimetype,
});
