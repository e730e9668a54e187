/**
 * Why a stream was refused or reset, or a mux goes away: the number on the wire and words for people. Numbers are never
 * given a new meaning; one that this version does not know reads as `unspecified`.
 */
export const CODES = {
  unspecified: { wire: 0, words: "no reason given" },
  cancelled: { wire: 1, words: "given up by the application" },
  "unknown-service": { wire: 2, words: "no such service here" },
  "not-allowed": { wire: 3, words: "the service is not for this caller" },
  "dial-failed": { wire: 4, words: "the service could not be reached" },
  "service-failed": { wire: 5, words: "the connection to the service broke" },
  "too-many-streams": { wire: 6, words: "too many streams" },
  "timed-out": { wire: 7, words: "took too long" },
  "going-away": { wire: 8, words: "no new streams: about to close" },
  "link-lost": { wire: 9, words: "the connection to the hub was lost" },
  "peer-gone": { wire: 10, words: "the other end left the hub" },
  "protocol-error": { wire: 11, words: "the frames broke the protocol" },
  "credit-exceeded": { wire: 12, words: "more was sent than there was credit for" },
  "unknown-stream": { wire: 13, words: "no such stream" },
} as const satisfies Record<string, { readonly wire: number; readonly words: string }>;

export type Code = keyof typeof CODES;

const BY_WIRE = new Map<number, Code>(Object.entries(CODES).map(([code, { wire }]) => [wire, code as Code]));

export const codeOf = (wire: number): Code => BY_WIRE.get(wire) ?? "unspecified";

/** Why something ended that might have gone on. */
export interface Ending {
  readonly code: Code;
  /** For people; may be empty. Written by the other end where that ended it. */
  readonly reason: string;
}

/** How a stream ended: both directions in order, or reset. */
export type StreamEnd =
  | { readonly kind: "finished" }
  | ({ readonly kind: "reset"; readonly by: "here" | "there" } & Ending);

/** What reads and writes on a reset stream reject with. */
export class StreamError extends Error {
  readonly code: Code;

  constructor({ code, reason }: Ending) {
    super(reason === "" ? CODES[code].words : `${CODES[code].words}: ${reason}`);
    this.name = "StreamError";
    this.code = code;
  }
}
