/**
 * How the bindings differ: one engine serves them all, and what clients of each expect beyond the standard, or against
 * it, is in this table and nowhere else. The wire formats are in the folders beside it.
 */
import { LIMITS } from "../limits.ts";
import { type Qos, NO_WISHES } from "./qos.ts";
import type { StatusName } from "./status.ts";

export interface Profile {
  /** Members of QOS that are honoured; the others are left to the system, whatever clients of this binding send. */
  readonly honours: "all" | "chunk-and-timeout";
  /** Timeout 0: fail with status 6, or the system's default. */
  readonly timeoutZero: "fail" | "default";
  /** Status 7 opens nothing, or opens the stream with the QoS it tells. */
  readonly qosNotMet: "refuse" | "open";
  /** A second OPEN of the same KSID by the same end: status 5, or the stream that is there. */
  readonly reopen: "in-use" | "same-stream";
  /** After its own CLOSE an end may fetch the chunks that were made before, until their TTL. */
  readonly closedMayFetch: boolean;
  /** Status for a KSID that nobody knows. */
  readonly unknownKsid: number;
}

export const PROFILES = {
  /** `POST /api/v1/streams` and the WebSocket: the standard as it is written. */
  native: {
    honours: "all",
    timeoutZero: "default",
    qosNotMet: "refuse",
    reopen: "same-stream",
    closedMayFetch: false,
    unknownKsid: 9,
  },
  /** The frames of ETSI's gs004-app-int. */
  binary: {
    honours: "all",
    timeoutZero: "fail",
    qosNotMet: "open",
    reopen: "in-use",
    closedMayFetch: false,
    unknownKsid: 3,
  },
  /** The hybridization module's JSON over TCP: its clients send `max_bps: 32, ttl: 0, timeout: 0`. */
  "json-tcp": {
    honours: "chunk-and-timeout",
    timeoutZero: "default",
    qosNotMet: "refuse",
    // Its clients name no stream: who opens one again means another.
    reopen: "in-use",
    closedMayFetch: false,
    unknownKsid: 1,
  },
  /** qkd-module 1.0: `/api/v1/qkdm/actions/...`. */
  "qkd-module": {
    honours: "chunk-and-timeout",
    timeoutZero: "default",
    qosNotMet: "refuse",
    reopen: "same-stream",
    closedMayFetch: false,
    unknownKsid: 9,
  },
  /** qkd-module 0.9: Python literals. */
  "qkd-module-0.9": {
    honours: "chunk-and-timeout",
    timeoutZero: "default",
    qosNotMet: "refuse",
    reopen: "same-stream",
    closedMayFetch: true,
    unknownKsid: 2,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

/**
 * What the engine is asked for where a client of this binding asks for `asked`. Answers of those that honour little have no
 * room for another QoS: a Timeout that is too long is cut, so that only a chunk that cannot be had is refused.
 */
export function honoured(profile: Profile, asked: Qos): Qos {
  if (profile.honours === "all") return asked;
  return { ...NO_WISHES, chunkBytes: asked.chunkBytes, timeoutMs: Math.min(asked.timeoutMs, LIMITS.streamTimeoutMs) };
}

/** Is this call over before it began? */
export const failsAtOnce = (profile: Profile, asked: Qos): boolean =>
  profile.timeoutZero === "fail" && asked.timeoutMs === 0;

/** The status as this binding tells it. */
export const statusCode = (profile: Profile, status: StatusName, codes: Readonly<Record<StatusName, number>>): number =>
  status === "unknown-ksid" ? profile.unknownKsid : codes[status];
