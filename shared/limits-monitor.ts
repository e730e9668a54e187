/** Bounds of the Monitor: what it asks, what it keeps, and who watches. */
export const MONITOR = {
  /** Between two samples while somebody watches: by a live socket, or having asked a moment ago. */
  monitorWatchedMs: 1000,
  monitorAskedMs: 10_000,
  /** Objects asked in one sample, the others in those that follow; at once; and how long one may take. */
  monitorObjects: 800,
  monitorAtOnce: 16,
  monitorAnswerMs: 2000,
  /** Who asks waits so long for a sample; then it has the one before. */
  monitorPatienceMs: 5000,
  /** Pools of relayed key that are looked at; and how old the list of them may grow while the network does not change. */
  monitorPairs: 1024,
  monitorPairsMs: 10_000,
  /** Rates are measured over so long, or since the sample before. */
  monitorRateMs: 30_000,
  /** Relays that are told of, and for how long; those that each node remembers. */
  monitorRelays: 64,
  monitorRelaysMs: 30_000,
  relaysRemembered: 64,
  monitorStreams: 256,
  /** Of one pool. */
  streamsTold: 64,
  monitorAuditRecords: 100,
  /** Live sockets, and those of one operator, whose oldest makes room. */
  monitorSockets: 64,
  monitorSocketsEach: 16,
  /** A client that acknowledges nothing for so long is gone; with nothing new it is told so once in so long. */
  monitorSilentMs: 30_000,
  monitorIdleMs: 10_000,
  monitorTextChars: 64,
} as const;
