/**
 * Bounds of the client library. A table of its own, so that what a page loads holds these and not those of the whole system.
 */
export const CLIENT = {
  /** How long one request may take (an OPEN_CONNECT waits for up to `streamTimeoutMs`), an answer, attempts. */
  clientTimeoutMs: 75_000,
  clientAnswerBytes: 4 * 1024 * 1024,
  clientAttempts: 5,
  /** Others nest what they add deeper than we do. */
  clientJsonDepth: 64,
  /** Chunks that a client of the library lets come ahead. */
  clientCredits: 8,
  /** Of what a server says went wrong, how much an error's message quotes. */
  clientQuoteChars: 300,
  /** A token is renewed so long before it ends, or after nine tenths of a life that is shorter than that. */
  clientRenewalMs: 60_000,
  /**
   * Pushed over a stream's WebSocket and not said to have come, in characters, or one message: with as many sockets as an
   * object may have 64 MiB. Both ends reckon with it.
   */
  streamUnreceiptedChars: 64 * 1024,
} as const;
