/** Bounds of hybrid keys: their exchange, and mechanisms of post-quantum cryptography. */
export const HYBRID = {
  hybridSources: 16,
  /** Chunks made in one exchange; chunks of one exchange of KEM keys, where the combiner derives many from one. */
  hybridChunksAtOnce: 8,
  hybridEpochChunks: 1024,
  /** Chunks of a session that are held: made and not fetched, or fetched a moment ago and asked for again. */
  hybridChunksHeld: 64,
  hybridRetryMs: 10_000,
  /** Sessions of an agent, and applications that wait for their peer there; a session that is not used ends after so long. */
  hybridSessions: 4096,
  hybridWaiting: 1024,
  /** Public keys of one exchange, and of all that wait for the other end. */
  hybridPublicKeysBytes: 6 * 1024 * 1024,
  hybridWaitingBytes: 128 * 1024 * 1024,
  /** The same of all sessions, each of which may have them of a few exchanges. */
  hybridSessionsBytes: 512 * 1024 * 1024,
  hybridIdleMs: 3_600_000,
  /** How long an application waits for its peer where it does not say, and any exchange between two agents takes. */
  hybridPeerMs: 10_000,
  hybridExchangeMs: 10_000,
  hybridChunkBytes: 12_240,
  /** Of hybrid streams of the edge: exchanges whose secrets an object has at hand; how long an offer is good for; those
   * that end in one run of its alarm, or are put under a new epoch's key in one step; between two looks at a stream. */
  hybridExchangesHeld: 256,
  hybridOfferMs: 60_000,
  hybridSweepRows: 500,
  hybridRenewedRows: 100,
  hybridLookMs: 15 * 60_000,
  /** Of an unmodified hybridization module: what its connection is for, as JSON, and how long the name in it may be. */
  hybridModuleReferenceBytes: 1024,
  hybridModuleIdChars: 256,
  /** How long it waits for anything, and so does an agent; a public key it sent so long ago it has given up. */
  hybridModuleMs: 10_000,
  hybridModuleFreshMs: 9000,
  /** From the end of a session until its connections are broken off: what was sent last arrives. */
  hybridModuleLeaveMs: 1000,
  /** Sessions with modules; connections that have not said what they are for, whose oldest makes room. */
  hybridModuleSessions: 256,
  hybridModulePending: 256,
  /** Connections that no application here has asked for yet: of all modules, and of one certificate. */
  hybridModuleUnclaimed: 1024,
  hybridModuleUnclaimedEach: 256,
  /** QKD streams behind hybrid keys: of an agent, and of two applications whose other end allocates. */
  hybridQkdStreams: 1024,
  hybridQkdJoined: 8,
  /** Numbers of such a stream: fetched in one call before they are asked for, held, and passed over but still to be had. */
  hybridQkdBatch: 32,
  hybridQkdNumbers: 8192,
  hybridQkdMissed: 1024,
  /** Its Timeout: a batch that is too large for what there is shall be refused soon. And before asking again. */
  hybridQkdTimeoutMs: 1000,
  hybridQkdPauseMs: 50,
  hybridQkdPauseMaxMs: 1000,
  /** Held for a session that does not come for it; held at all, or a stream not used, at the end that allocates. */
  hybridQkdStaleMs: 60_000,
  hybridQkdIdleMs: 600_000,
  hybridQkdSweepMs: 10_000,
  hybridQkdCloseMs: 2000,
  /** Between two agents: one message (a public key may have 1.4 MB, in base64), and what may wait to be sent. */
  hybridMessageBytes: 12 * 1024 * 1024,
  hybridUnsentBytes: 32 * 1024 * 1024,
  /** Of one agent's configuration; its peers' sites are one service's `allow`. */
  hybridNodes: 64,
  hybridPeers: 256,
  /** Connections that agents of one site have open to this one: more than one where a dead one is not noticed yet. */
  hybridPeerConnections: 4,
  kemPublicKeyBytes: 1_357_824,
  kemCiphertextBytes: 21_696,
  /** Threads for mechanisms that compute for long; of them, those that may take seconds over a key pair. */
  kemThreads: 3,
  kemLongAtOnce: 2,
  /** Operations that wait for a thread; a thread that has none ends after so long. */
  kemQueue: 256,
  kemThreadIdleMs: 60_000,
  /**
   * WebAssembly instances of one thread, 8 to 10 MB each; the one that has not been used for longest makes room. All
   * the quick mechanisms' may stay: to wipe one takes some ms.
   */
  kemInstances: 3,
  kemQuickInstances: 6,
  /** The same of one isolate, whose 128 MiB are all its objects'. */
  kemEdgeInstances: 3,
  /** Key pairs made ahead of need: in all, of one mechanism, and how old one may get. */
  kemPairsAhead: 16,
  kemPairsAheadEach: 2,
  kemPairAheadMs: 600_000,
} as const;
