/**
 * Every bound of the system, in one place. Units are in the names. What an operator may tune lies in the network
 * document's policy; these are the walls it may not cross.
 */
import { ALARMS } from "./limits-alarms.ts";
import { BETWEEN_NODES } from "./limits-between-nodes.ts";
import { BROWSERS } from "./limits-browsers.ts";
import { CLIENT } from "./limits-client.ts";
import { DOCTOR } from "./limits-doctor.ts";
import { PROXY_AGENT } from "./limits-proxy-agent.ts";
import { IPSEC } from "./limits-ipsec.ts";
import { IPSEC_AGENT } from "./limits-ipsec-agent.ts";
import { MONITOR } from "./limits-monitor.ts";
import { NETCONF } from "./limits-netconf.ts";
import { OPEN_QKD_NETWORK } from "./limits-open-qkd-network.ts";
import { QKD_MODULES } from "./limits-qkd-modules.ts";
import { TELEMETRY } from "./limits-telemetry.ts";

export const LIMITS = {
  ...ALARMS,
  ...BETWEEN_NODES,
  ...BROWSERS,
  ...CLIENT,
  ...DOCTOR,
  ...PROXY_AGENT,
  ...IPSEC,
  ...IPSEC_AGENT,
  ...MONITOR,
  ...NETCONF,
  ...QKD_MODULES,
  ...OPEN_QKD_NETWORK,
  ...TELEMETRY,
  // requests
  jsonBodyBytes: 256 * 1024,
  networkBodyBytes: 8 * 1024 * 1024,
  blockBytes: 1024 * 1024,
  blockIdChars: 256,
  jsonDepth: 16,
  uriBytes: 8 * 1024,
  headerBytes: 16 * 1024,
  idempotencyKeyChars: 128,

  // the network document
  nodes: 1000,
  links: 4000,
  saes: 20_000,
  principals: 1000,
  credentialsEach: 16,
  addressesEach: 16,
  /** They travel to every pool with each change of the network. */
  quotas: 256,
  saeIdChars: 256,
  /** That one node of another deployment may announce. */
  remoteSaes: 4096,
  remoteUrlChars: 1024,
  /** Pairs of nodes with a word of their own on the paths of their keys. */
  multipathPairs: 4000,
  /** Those of them that are compared with the links of the document. */
  multipathPairsJudged: 256,
  versionsKept: 100,
  drainSeconds: 24 * 3600,
  faultsReported: 200,

  // ETSI 014
  keySizeBits: 32_768,
  keysPerRequest: 4096,
  multicastSaes: 64,
  /** Of extension_mandatory and extension_optional, each. */
  extensionParameters: 64,
  containerKeyBytes: 1024 * 1024,
  deliveryGraceSeconds: 30,
  decWaitMs: 10_000,
  /** Pools asked whether a key that was not found is somebody else's (401 instead of 400). */
  foreignPoolChecks: 32,

  // ETSI 004 on the wire
  /** Payload of a binary frame; JSON object of the hybridization module's protocol, which reads 65,057 bytes at most. */
  streamFrameBytes: 64 * 1024,
  streamJsonBytes: 64 * 1024,
  /** Objects in a list of QOS parameters, of qkd-module 1.0. */
  streamQosObjects: 16,
  /** A Python literal: its text, its nesting, and values in it, containers and keys of dicts included. */
  literalChars: 64 * 1024,
  literalDepth: 16,
  literalElements: 4096,

  // KeyPool
  /** Of a link. Those from here to 63 hold relayed key: see keypool/relay-shard.ts. */
  shards: 60,
  unitBytes: 4096,
  fileBlockBytes: 64 * 1024,
  poolCapacityBytes: 4 * 1024 * 1024 * 1024,
  /** Opened material that pending keys point into, an object. */
  cachedBytes: 2 * 1024 * 1024,
  /** Key records kept in memory, an object. */
  cachedRecords: 2048,
  /** Units whose rows (not bytes) are kept in memory, an object. */
  cachedUnitRows: 64,
  /** Keys (cut, delivered, lent, imported) under one lease; twice as many while the Directory does not answer. */
  leaseKeys: 16_384,
  commitQueue: 4096,
  commitBatch: 256,
  waitingDecs: 1024,
  alarmBatchRows: 500,
  /** Blocks of one pool that are being conditioned or wait for that: one after the other, up to seconds each. */
  conditioningQueue: 4,
  /** Blocks, and key IDs over all of them, in one page of those that wait for their twins. */
  awaitedBlocks: 64,
  awaitedKeyIds: 16_384,
  /** Standing alarms of one pool; beyond, the one that has been quiet for longest goes. */
  poolAlarms: 64,
  alarmDetailChars: 300,
  /** An alarm that is raised again and again is written to the audit log once in so long. */
  alarmAuditMs: 60_000,
  /** Principals whose use of a pool is kept in memory: of quotas, and while the pool is short. */
  cachedUsages: 4096,
  sharingPrincipals: 1024,
  /** Key records looked at in one commit to learn who holds what, after quotas were set. */
  countedRecords: 2048,
  /** Refusals of one principal for one reason are written to the audit log once in so long, with their number. */
  refusalAuditMs: 60_000,
  /** Units brought over to a new epoch in one commit. */
  renewedUnits: 128,
  rateLimitedPrincipals: 4096,
  outboxEvents: 10_000,
  /** Messages to the other half of a pool, of another deployment, that it has not answered yet. */
  halfLogMessages: 4096,
  halfBatchMessages: 256,
  /** Places in which the bits of one request lie. */
  halfSegments: 4096,
  halfBatchBytes: 1024 * 1024,
  /** Units that change hands at once. */
  halfYieldUnits: 64,
  /** Blocks that the other half has and this one has not yet. */
  halfTakenBlocks: 16_384,
  /** How long a request waits for the other half, and how long one post to it may take. */
  halfWaitMs: 5000,
  halfPostMs: 2000,
  halfRetryMs: 200,
  /** In one row of an outbox or a log, and in one message between them. May grow, not shrink: logs look rows up by it. */
  auditBatchEvents: 1000,
  /** Keeps such a row within SQLite's 2 MB, whatever the characters. */
  auditBatchChars: 512 * 1024,
  auditBatchesPerShip: 16,

  // ETSI 004: key streams
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

  // Directory
  snapshotMaxAgeMs: 1000,
  snapshotRefreshAgeMs: 500,
  /** Of the copy that answers `whoami`, by which KME fronts learn of a revocation: part of the second it may take. */
  whoamiSnapshotAgeMs: 200,
  directoryPatienceMs: 5000,
  /** With a document and drains at their bounds a snapshot still fits one RPC message (32 MiB). */
  revocations: 20_000,
  bootstrapSeconds: 3600,
  /** Drains under way at once; all travel in every snapshot. */
  drains: 20_000,
  /** Nodes (present and draining) at which one SAE's keys are looked for. */
  nodesPerSae: 8,
  revocationReasonChars: 200,
  /** Calls to pools in one run of the Directory's alarm, and in one `diff`. */
  poolCallsPerAlarm: 64,
  poolCallsPerDiff: 512,
  /** Pools of relayed key in one page of their list: each is asked. */
  relayPoolsListed: 32,
  /** Pools of relayed key that are told of a change at once. */
  relayPoolsTold: 16,
  /** Epoch keys there may be before old ones are destroyed: a new epoch waits for pools that lag that far behind. */
  epochKeys: 16,
  laggingPoolsTold: 20,

  // authentication
  authorizationChars: 1024,
  dnChars: 4096,
  clientCertificateChars: 16 * 1024,
  cachedCertificates: 1024,
  cachedObjectIds: 10_000,
  snapshotFetchTimeoutMs: 2000,
  forcedRefreshMs: 1000,

  // batches of key requests (shared/batch)
  /** An engine that has waited so long for the last of a batch's answers begins to answer with those that are there. */
  batchPatienceMs: 20,
  /** Of one request in a batch: so those of 64 fit one RPC message (32 MiB), whatever their size. */
  batchedKeys: 100,
  /** First line of a part of an answer; far above what 64 answers need. */
  batchHeadBytes: 256 * 1024,
  /** Above 64 answers of 100 of the largest keys. */
  batchPartBytes: 48 * 1024 * 1024,

  // AuditLog
  auditReadRecords: 1000,
  /** What a new network document changes, as `network.put` tells it in brief. */
  auditChangesChars: 2000,
  /** Records with one hash: more than any log puts together. */
  auditBundleRecords: 1000,
  /** A checkpoint is made after so many records, and so long after the first that none covers. */
  auditCheckpointRecords: 16_384,
  auditCheckpointMs: 300_000,
  /** Checkpoints in one answer, of some 5 kB each. */
  auditCheckpointsRead: 100,
  auditRetentionDays: 36_500,
  /** How often a log looks for records past their age, and how many rows of them it drops in one go. */
  auditRetentionCheckMs: 24 * 3600 * 1000,
  auditRetiredRows: 256,

  // KME fronts
  frontConnections: 1024,
  /** Of one certificate, over all fronts of a process. */
  frontConnectionsPerCertificate: 256,
  /** Pause between two looks at whose certificates still count. */
  frontWatchMs: 250,
  /** Questions under way to the edge in one look: enough to hold their own against requests. How long one may take. */
  frontAsks: 64,
  frontAskMs: 3000,
  frontVerdictBytes: 16 * 1024,
  /** How long a new connection may stay whose certificate does not count: its first request is answered 401. */
  frontStrangerMs: 500,
  /** Requests under way to the edge at once; the rest wait in their connections. */
  frontRequests: 512,
  /** Of them, those of one certificate, over all fronts of a process: no SAE takes the edge from the others. */
  frontRequestsPerCertificate: 128,
  /** Bodies of key requests held until they are complete, over all fronts of a process. */
  frontBufferedBytes: 64 * 1024 * 1024,
  /** Batches of key requests on their way to the engine at once (until it begins to answer), and requests in one. */
  frontBatches: 1,
  frontBatchRequests: 64,
  /** Body of a request in a batch: larger ones travel by themselves. As JSON text it may be six times as long. */
  frontBatchedBodyBytes: 16 * 1024,
  frontCertificateBytes: 10 * 1024,
  frontHandshakeMs: 10_000,
  frontHeadersMs: 10_000,
  frontRequestMs: 30_000,
  /** Above `decWaitMs`, the longest the edge holds an answer back. */
  frontAnswerMs: 30_000,
  frontKeepAliveMs: 65_000,
  /** How long the rest of an upload is read after it has been answered. */
  lingerMs: 5000,
  /** How long a client may take to hang up that sent broken HTTP or has one connection too many, once told. */
  frontHangUpMs: 1000,

  // device feeds
  feeds: 256,
  /** Of one feed's spool, on disk; and blocks in it, those set aside as refused included. */
  feedSpoolBytes: 16 * 1024 * 1024 * 1024,
  feedSpoolBlocks: 65_536,
  /** Standing alarms of one feed; beyond, the one that has been quiet for longest goes. */
  feedAlarms: 64,
  /** Blocks of one feed on their way to the edge at once. */
  feedPushes: 16,
  feedPushMs: 60_000,
  /** How old the edge's word on how full a pool is may be. */
  feedPressureMs: 1000,
  /** Pause before a spool without room is tried again: on a full disk nobody tells when there is some. */
  feedRoomMs: 1000,
  /** Of a device's answer; above a container of `containerKeyBytes` in base64 with its IDs. */
  feedAnswerBytes: 4 * 1024 * 1024,
  /** Key IDs of a device that are remembered, to notice those that come again. */
  feedRememberedIds: 65_536,
  /** Files of a device's folder that are looked at in one go. */
  feedFiles: 10_000,
  /** A file that could not be used, by its rights say, is tried again after so long. */
  feedFileRetryMs: 60_000,
  /** Of a line that a vendor's tool writes to stderr; and lines of one second. */
  feedStderrChars: 500,
  feedStderrLines: 20,
  /** How long such a tool may take to end, once told. */
  feedCommandEndMs: 5000,

  // tunnel
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

  // site agent
  /** The agent collects young garbage once for so much traffic. */
  agentCollectBytes: 16 * 1024 * 1024,
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

  // Hybrid keys
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
  /** TCP ports of the self-hosted edge's gateway; how old its list of sites may be, and how large an answer with it. */
  gatewayPorts: 64,
  gatewaySitesMs: 1000,
  gatewayAnswerBytes: 16 * 1024 * 1024,
  /** How long a new connection waits for the gateway's own link to the site's hub. */
  gatewayWaitMs: 5000,
  /** Further from the edge's clock than this, certificates and tokens begin to fail. */
  agentClockSkewMs: 60_000,
  /** `qkd stream run`: requests of a file, streams of one at once, chunks of one. */
  streamTemplates: 1000,
  streamRunParallel: 1000,
  streamRunKeys: 10_000,
} as const;
