/**
 * Statuses of the three calls: ETSI GS QKD 004 V2.1.1 table 2, and one more. The standard reserves 9 and above and has
 * none for a KSID that nobody knows; each binding tells that in its own way (see `profiles.ts`).
 */
export const STATUS = {
  success: 0,
  /** Success; the peer has not opened the stream yet. The KSID is good. */
  "peer-not-connected": 1,
  "insufficient-key": 2,
  "peer-not-yet-connected": 3,
  "no-connection": 4,
  "ksid-in-use": 5,
  timeout: 6,
  /** The QoS that could be met is in the answer. */
  "qos-not-met": 7,
  /** The size needed is in the answer; the chunk is not lost. */
  "metadata-too-small": 8,
  /** No stream of this KSID, or none that this application opened. */
  "unknown-ksid": 9,
} as const;

export type StatusName = keyof typeof STATUS;
