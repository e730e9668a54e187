/** Bounds of a site agent. */
export const SITE_AGENT = {
  /** The agent collects young garbage once for so much traffic: less than what V8 lets a small heap grow by, once it has rested. */
  agentCollectBytes: 2 * 1024 * 1024,
  /** A service's first bytes are waited for so long, to say with them that a stream is open; a client's, to open it with them. */
  agentAnswerMs: 20,
  agentFirstBytesMs: 1,
  /** Waiting in the agent's own socket before the mux is told that it is full. */
  agentSocketBufferBytes: 64 * 1024,
  /** Of a text message from the hub, and of an answer of its REST API to the agent itself. */
  agentMessageBytes: 64 * 1024,
  agentAnswerBytes: 1024 * 1024,
  /** A link is dead at the latest after the sum of the two. */
  agentPingMs: 25_000,
  agentPongMs: 15_000,
  /** From the first packet to the hub's welcome. */
  agentHandshakeMs: 10_000,
  agentRequestMs: 15_000,
  /**
   * Pause before the next attempt to connect: from, to, and after how long a connection counts as stable. The first
   * attempts, two minutes' worth, are never further apart than an edge's restart may keep agents away.
   */
  agentBackoffMs: 100,
  agentBackoffEarlyMaxMs: 4000,
  agentEarlyAttempts: 35,
  agentBackoffMaxMs: 20_000,
  agentStableMs: 10_000,
  /** Pause after a refusal that named none. */
  agentRefusedMs: 60_000,
  /** The longest that the edge's `Retry-After` makes an agent wait. */
  agentRetryAfterMs: 300_000,
  /** To reach an exposed host and port; to hear from the other site whether it did; TLS between the two agents. */
  agentDialMs: 10_000,
  agentOpenMs: 15_000,
  agentInnerTlsMs: 10_000,
  agentListeners: 64,
  /** Of one listener, at once. */
  agentConnections: 1024,
  /** How long one stays on which nothing moves, while its client has ended its side, or its bytes wait to be taken. */
  agentFrozenMs: 900_000,
  /** The longest a new connection to a listener may be told to wait for the tunnel. */
  agentWaitMs: 60_000,
  /** Keep-alive connections to one HTTP service, and how long one may be idle. */
  agentHttpConnections: 256,
  agentHttpIdleMs: 4000,
  /** Of HTTP through the tunnel: request or response line and headers. */
  tunnelHeadBytes: 64 * 1024,
  /** How long streams may go on once the agent was told to end. */
  agentLeaveMs: 5000,
  agentGaugesMs: 60_000,
  /** Pause before a feed that could not start, or failed, is started again. */
  agentFeedRetryMs: 10_000,
  agentLogFileBytes: 1024 * 1024 * 1024,
  agentLogFiles: 100,
  agentConfigBytes: 1024 * 1024,
  /** Local services of ETSI 004 (`[[etsi004]]`); entries of one's `allow`; names by which one's clients may call it. */
  localServices: 16,
  localAllowEntries: 64,
  localHosts: 16,
  /** Connections to one local service at once, and requests of all of them to the edge. */
  localConnections: 1024,
  localEdgeConnections: 1024,
  /** How long one stays on which nothing comes; how long a request may take to come whole, and a TLS handshake. */
  localIdleMs: 600_000,
  localRequestMs: 30_000,
  localHandshakeMs: 10_000,
  localKeepAliveMs: 65_000,
  localLogMs: 1000,
  /** How long a request waits for the tunnel; how often one that was not sent is tried, and the pause between. */
  localTunnelMs: 5000,
  localEdgeAttempts: 5,
  localEdgePauseMs: 200,
  /** How long one is held back that the edge is too busy for. */
  localBusyMs: 5000,
  /** An alarm that stands is told again in the log after so long. */
  localAlarmMs: 3_600_000,
  /** Streams that two applications have open at once without naming them; how long a client waits for its peer there. */
  localLanes: 64,
  localPeerMs: 10_000,
  /** How long one waits in any but the lowest of them; for a peer to close one that is in use; and between two looks. */
  localLaneMs: 2000,
  localLaneInUseMs: 1000,
  localLanePauseMs: 50,
  qkdModuleBodyBytes: 64 * 1024,
  /** Users of the KMS API of Open-QKD-Network whom an agent calls otherwise. */
  localRenamedUsers: 64,
  localUserChars: 256,
  /** After an agent could not sign in for its applications. */
  localSignInPauseMs: 5000,
  /** Further from the edge's clock than this, certificates and tokens begin to fail. */
  agentClockSkewMs: 60_000,
} as const;
