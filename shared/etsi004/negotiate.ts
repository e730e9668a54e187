/**
 * What becomes of the QoS that is asked for: a member that is 0 is left to the system; one that is out of bounds is answered
 * with the nearest that would do.
 */
import { LIMITS } from "../limits.ts";
import { METADATA_MIMETYPE, type Qos } from "./qos.ts";

/** What a pair can give. */
export interface QosBounds {
  readonly minChunkBytes: number;
  readonly defaultChunkBytes: number;
  readonly maxChunkBytes: number;
  /** Bits per second that no stream has reserved yet. */
  readonly unreservedBps: number;
}

/** Of what a pair can give, how much is offered to who asked for more: by the time it is asked for it may be less. */
const OFFERED_SHARE = 0.9;

/**
 * What of a wish can be had.
 * @returns the QoS as it would be, and whether that is what was asked for; asked for again unchanged, it is
 */
export function negotiate(asked: Qos, bounds: QosBounds): { readonly qos: Qos; readonly met: boolean } {
  const wish: Qos = {
    ...asked,
    chunkBytes: asked.chunkBytes === 0 ? bounds.defaultChunkBytes : asked.chunkBytes,
    timeoutMs: asked.timeoutMs === 0 ? LIMITS.streamDefaultTimeoutMs : asked.timeoutMs,
    ttlSeconds: asked.ttlSeconds === 0 ? LIMITS.streamDefaultTtlSeconds : asked.ttlSeconds,
  };
  const qos = within(wish, bounds, bounds.unreservedBps);
  const met = (Object.keys(qos) as (keyof Qos)[]).every((member) => qos[member] === wish[member]);
  return { qos: met ? qos : within(wish, bounds, bounds.unreservedBps * OFFERED_SHARE), met };
}

function within(wish: Qos, bounds: QosBounds, mostBps: number): Qos {
  const minBps = Math.min(wish.minBps, Math.max(0, Math.floor(mostBps)));
  return {
    ...wish,
    chunkBytes: Math.min(Math.max(wish.chunkBytes, bounds.minChunkBytes), bounds.maxChunkBytes),
    minBps,
    // Max_bps below Min_bps cannot be meant.
    maxBps: wish.maxBps === 0 ? 0 : Math.max(wish.maxBps, minBps),
    timeoutMs: Math.min(wish.timeoutMs, LIMITS.streamTimeoutMs),
    ttlSeconds: Math.min(wish.ttlSeconds, LIMITS.streamTtlSeconds),
    metadataMimetype: wish.metadataMimetype === "" ? "" : METADATA_MIMETYPE,
  };
}
