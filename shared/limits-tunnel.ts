/** Bounds of the reverse tunnel: hubs, their connections and streams. */
export const TUNNEL = {
  /** Of one WebSocket message, a whole frame and some; of a data frame's payload, and of one while others wait their turn. */
  tunnelMessageBytes: 65 * 1024,
  tunnelFrameBytes: 64 * 1024,
  tunnelTurnBytes: 16 * 1024,
  tunnelServiceBytes: 128,
  /** Services of one site, and entries of one service's allow list. */
  tunnelServices: 256,
  tunnelAllowEntries: 256,
  tunnelReasonBytes: 256,
  /** Streams of one socket, and of one peer on it; a stream counts until its last byte has been read. */
  tunnelStreams: 1024,
  tunnelStreamsPerSlot: 1024,
  /** Opens of one peer that wait for accept or refuse. */
  tunnelWaitingOpens: 256,
  /** Credit granted and bytes not yet read, over all streams of a socket. */
  tunnelReceiveBudgetBytes: 8 * 1024 * 1024,
  /** Window of one stream: what it may count on, also before it is accepted; where it begins, what it may grow to. */
  tunnelFloorWindowBytes: 4 * 1024,
  tunnelFirstWindowBytes: 64 * 1024,
  tunnelWindowBytes: 1024 * 1024,
  /** Queued for sending on one stream before its writer has to wait. */
  tunnelSendBufferBytes: 64 * 1024,
  /** Handed to a transport that said it was full: what an interactive frame waits behind. */
  tunnelAheadBytes: 64 * 1024,
  /** A stream with no more than this to send goes before those with more. */
  tunnelInteractiveBytes: 4 * 1024,
  /** Control frames of one peer that wait for the transport; beyond, its opens and faults get no answer. */
  tunnelControlFrames: 4096,
  tunnelPings: 16,
  /** While credit flows, the round trip is measured anew once in so long. */
  tunnelPingMs: 1000,
  /** Sent to a socket by the hub from mark to mark; and marks that may wait to be acknowledged. */
  tunnelMarkBytes: 256 * 1024,
  tunnelMarks: 128,
  /**
   * Sent to a socket by the hub and not acknowledged: of data, what an agent grants and what it may have received since
   * the last mark; and on top of it of control frames.
   */
  tunnelSocketWindowBytes: (8 * 1024 + 512) * 1024,
  tunnelSocketSlackBytes: 1024 * 1024,
  /** Sources that a hub remembers by name over its sleep, for one socket. */
  tunnelSnapshotShares: 8,
  /** A socket's account is written down with every mark, and so long after traffic. */
  tunnelSnapshotMs: 1000,
  /** Of a text message: the list of services is the longest. */
  tunnelTextChars: 256 * 1024,
  /** Of a hello, as a header: proxies take 8 KiB. */
  tunnelHelloChars: 8 * 1024,
  /**
   * How long a nonce may be signed, and how many a hub remembers. Beyond, the oldest goes: at the rate at which a hub
   * answers at most, none goes before an honest agent on a slow line has used it.
   */
  tunnelNonceMs: 10_000,
  tunnelNonces: 16_384,
  /** Hellos that are looked at, of the hub's own site and of all others: strangers of the one do not hold up the other. */
  tunnelJudged: 256,
  /** Sockets of one instance at one hub, with those that the hub has closed and the instance has not. */
  tunnelSocketsPerInstance: 64,
  /** Connected at once to one hub: in all, of one other site, and of one instance, whose oldest makes room. */
  tunnelPeers: 1024,
  tunnelPeersPerSite: 64,
  tunnelPeersPerInstance: 4,
  /** Lists of services that a connection may send in a second, and at once. */
  tunnelServiceLists: { ratePerS: 1, burst: 16 },
  tunnelStandbys: 16,
  /** Enrolled at one site; tokens that have enrolled somebody, of which it is remembered; hubs told of an expulsion. */
  tunnelInstances: 256,
  tunnelUsedTokens: 4096,
  tunnelWatchers: 4096,
  /** Access to the REST API that comes with a connection, and how long before its end the next token is sent. */
  tunnelAccessMs: 3600_000,
  tunnelAccessRenewMs: 300_000,
  /** How old a hub's word on an access token may be, and how many words an isolate keeps. */
  accessMaxAgeMs: 1000,
  cachedAccesses: 4096,
  /** Standing alarms of one hub; beyond, the one that has been quiet for longest goes. */
  tunnelAlarms: 64,
  /** Refusals of one kind and subject are audited once in so long; so many subjects are kept apart. */
  tunnelRefusalAuditMs: 60_000,
  tunnelRefusalSubjects: 1024,
  /**
   * Reports of a site's agent: in one request, sources of one, what one may count. And how the agent sends them: of one
   * act and pair one in so long, after so long in which others may join it; acts and pairs that it keeps apart. The hub
   * takes requests at this rate, audits an act and pair once in so long, which is less (clocks differ), and writes so
   * many events of all pairs.
   */
  siteReports: 32,
  siteReportSources: 32,
  siteReportCount: 1_000_000_000,
  siteReportEveryMs: 60_000,
  siteReportGatherMs: 1000,
  siteReportsHeld: 1024,
  siteReportRequests: { ratePerS: 1, burst: 8 },
  siteReportAuditMs: 30_000,
  siteReportEvents: { ratePerS: 0.5, burst: 128 },
  siteReportSubjects: 1024,
  /** HTTP through a tunnel: bodies, and bodies that are held whole instead of streamed. */
  tunnelHttpBodyBytes: 1024 * 1024 * 1024,
  tunnelHttpSmallBytes: 64 * 1024,
  /** How long a service may take to begin its answer, and to go on with it or with the request. */
  tunnelHttpHeadMs: 60_000,
  tunnelHttpIdleMs: 60_000,
  /** Sites in one page of their list: each hub is asked. */
  sitesListed: 64,
  /** Hubs that are told of a change of the network at once. */
  hubsToldAtOnce: 64,
} as const;
