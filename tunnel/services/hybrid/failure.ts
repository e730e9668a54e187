/** Why there is no hybrid key: each code is the first word of what an application is told. */
import type { PeerFailure } from "../../../shared/hybrid/peer/messages.ts";
import { err, type Result } from "../../../shared/result.ts";

export type HybridCode =
  | PeerFailure
  /** Of the request itself. */
  | "bad-uri"
  | "unknown-method"
  | "unknown-kem"
  | "no-sources"
  | "too-many-sources"
  | "unknown-peer"
  | "unknown-stream"
  | "timeout";

export interface HybridFailure {
  readonly code: HybridCode;
  /** For people; names no key. */
  readonly detail: string;
}

export const failed = (code: HybridCode, detail: string): Result<never, HybridFailure> => err({ code, detail });

export const NO_ROOM: Result<never, HybridFailure> = failed(
  "busy",
  "too many public keys are on their way to the other agent",
);

/** As it is told to the peer: what only concerns the request at hand means nothing there. */
export function toPeer({ code, detail }: HybridFailure): { readonly code: PeerFailure; readonly detail: string } {
  return {
    code: (TOLD as ReadonlySet<string>).has(code) ? (code as PeerFailure) : "source-unavailable",
    detail: detail.slice(0, 500),
  };
}

const TOLD: ReadonlySet<PeerFailure> = new Set([
  "uris-differ",
  "peer-not-come",
  "peer-gone",
  "source-unavailable",
  "not-confirmed",
  "too-few-bytes",
  "qos-differs",
  "index-used",
  "busy",
]);
