/** Why there is no hybrid key: each code is the first word of what an application is told. */
import { PEER_FAILURES, type PeerFailure, type PeerMessageOf } from "../../../shared/hybrid/peer/messages.ts";
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

const isTold = (code: HybridCode): code is PeerFailure => (PEER_FAILURES as readonly HybridCode[]).includes(code);

/** As it is told to the peer: what only concerns the request at hand means nothing there. */
export const toPeer = ({ code, detail }: HybridFailure): { readonly code: PeerFailure; readonly detail: string } => ({
  code: isTold(code) ? code : "source-unavailable",
  detail: detail.slice(0, 500),
});

/** Of the session as a whole: it is not opened, or is over. */
export const sessionFailed = (session: string, failure: HybridFailure): PeerMessageOf<"failed"> => ({
  type: "failed",
  session,
  attempt: null,
  index: null,
  count: 0,
  ...toPeer(failure),
});
