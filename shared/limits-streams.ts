/** Bounds of key streams (ETSI GS QKD 004). */
export const STREAMS = {
  streamDefaultTimeoutMs: 5000,
  /** Higher ones are met with this. */
  streamTimeoutMs: 60_000,
  streamDefaultTtlSeconds: 7200,
  streamTtlSeconds: 7 * 24 * 3600,
  /** A stream that is not used for so long is closed. */
  streamIdleSeconds: 24 * 3600,
  /** Of one pool, those that are open or may still be fetched from; and of one SAE in it. */
  streams: 16_384,
  streamsPerSae: 4096,
  /** Chunks made ahead in one call to the pool. */
  streamReadAhead: 8,
  /** Links of a node whose pools are asked how many keys there are, where no stream is named. */
  availableKeysLinks: 32,
  /** How far beyond the next chunk to be made an end may ask. */
  streamAheadChunks: 64,
  /** In one GET_KEY. */
  streamChunksAtOnce: 64,
  /** Rows kept in memory, a pool. */
  cachedStreams: 1024,
  /** Calls for chunks that wait in one pool until there is key for them; how long before they look again. */
  streamTurns: 1024,
  streamTurnMs: 250,
  /** One that wants more than there is holds up those of lower priority for so long at most, and how soon again. */
  streamHoldUpMs: 1000,
  streamHoldUpAgainMs: 60_000,
  /** Hand-overs of one pool that an end may still take back, and chunks in one such call. */
  streamHolds: 16_384,
  streamHandBacks: 1024,
  /** Ended in one commit: streams, and records of chunks of one of them. */
  streamsEnded: 16,
  streamRecordsEnded: 500,
  /** Calls of one end that wait: for its peer, for key, for its rate. */
  streamWaiting: 64,
  /** Chunks handed to an end that says nothing more of them are as good as had. */
  streamHoldMs: 5000,
  /** After so long without a call an end gives back what it has read ahead. */
  streamIdleHandBackMs: 1000,
  /** Calls no further apart make it read ahead: what it holds then is used up long before `streamHoldMs`. */
  streamQuickMs: 250,
  /** At its Max_bps a stream may fetch so much at once, or one chunk. */
  streamBurstMs: 100,
  /** Indices that an end has fetched beyond its next one. */
  streamRememberedIndices: 1024,
  /** Who waits looks again after so long, then ever less often, should the other half's news have been lost. */
  streamLookMs: 1000,
  streamLookMaxMs: 16_000,
  /** KeyStream objects of one node; streams of which one of them holds more in memory than where they are. */
  streamObjects: 8,
  streamHalves: 4096,
  /** Streams whose end is looked for in one run of an object's alarm, and the pause between two looks at one. */
  streamSweepRows: 64,
  streamSweepMs: 6 * 3600_000,
  /** Of streams between two deployments: how long one question may wait for key; questions of the other deployment that a
   * pool remembers while they are fresh; how long chunks outlive their time where nobody says that they have ended. */
  streamAwayWaitMs: 5000,
  streamQuestions: 65_536,
  streamEndMs: 600_000,
  /** WebSockets of one object, and of one SAE there; messages that a client may have asked for and not had; of its own message. */
  streamSockets: 1024,
  streamSocketsPerSae: 256,
  streamCredits: 1024,
  streamDemandChars: 64,
  streamMetadataChars: 1024,
  streamUriChars: 1024,
  /** `qkd stream run`: requests of a file, streams of one at once, chunks of one. */
  streamTemplates: 1000,
  streamRunParallel: 1000,
  streamRunKeys: 10_000,
} as const;
