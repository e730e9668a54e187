/** Quality of service of a stream (ETSI GS QKD 004 V2.1.1 clause 5, QOS): what becomes of it is in `negotiate.ts`. */

export interface Qos {
  /** Key_chunk_size, bytes. */
  readonly chunkBytes: number;
  /** Bits per second; 0: no limit. */
  readonly maxBps: number;
  readonly minBps: number;
  /** Bits per second; told back, as nothing is delivered unasked but over WebSocket, at `maxBps`. */
  readonly jitterBps: number;
  /** Higher goes first where key is short. */
  readonly priority: number;
  readonly timeoutMs: number;
  /** From when a chunk was made until it is erased, fetched or not. */
  readonly ttlSeconds: number;
  /** Empty: no metadata is ever reported. */
  readonly metadataMimetype: string;
}

/** The one type of metadata that every key manager has to know; no other is known here. */
export const METADATA_MIMETYPE = "application/json";

export const NO_WISHES: Qos = {
  chunkBytes: 0,
  maxBps: 0,
  minBps: 0,
  jitterBps: 0,
  priority: 0,
  timeoutMs: 0,
  ttlSeconds: 0,
  metadataMimetype: METADATA_MIMETYPE,
};
