/** Of what nodes, and key management systems of others, ask of each other: a part of LIMITS, which is where others find it. */
export const BETWEEN_NODES = {
  // Relay over trusted nodes
  /** Links of a path. */
  relayHops: 64,
  relayAlternatives: 16,
  /** Arcs looked at in one search for disjoint paths that are short enough. */
  disjointSteps: 400_000,
  /** Of a cut: ways to join its two sides again, and the links and nodes of each that are named. */
  cutWays: 3,
  cutNames: 8,
  /** Relays ahead of need that one pool has under way at once. */
  relaysAtOnce: 4,
  /** Of all keys that a node relays at once as their initiator; and relays ahead of need that wait for room. */
  relayBegunBytes: 8 * 1024 * 1024,
  relayBegunWaiting: 4096,
  /** Of one relay: what its messages carry. */
  relayBytes: 256 * 1024,
  /** How long a relay may take from its first hop to its last. */
  relayMs: 10_000,
  /** A node that takes part in relays looks at its links so often, until none has come for so long. */
  linkLookMs: 1000,
  /** While one of them has no key for relays: they shall hear soon that it has some again. */
  dryLinkLookMs: 250,
  nodeActiveMs: 60_000,
  /** How long a Worker takes it that a node elsewhere announces an SAE, or does not; and of how many at once. */
  announcedMs: 1000,
  announcedSaes: 4096,
  /** How long a node that has just started waits for what others announce, and how many questions may wait for that. */
  announcedNewsMs: 1500,
  announcedWaiting: 1024,
  /** Hosted nodes that are asked, one after the other, what they have heard of one elsewhere. */
  witnessesAsked: 3,
  /** How far apart the clocks of two nodes may be. */
  relaySkewMs: 2000,
  /** How long one question to a node or a link may take, before the next path is tried. */
  relayStepMs: 2000,
  /** How long a node between waits for its link onward: less, so that it can still say that it was the link. */
  relayDrawMs: 1500,
  /** Relays that a node remembers, so that it takes part in none twice: beyond, it takes part in no new ones. */
  relayTombstones: 16_384,
  /** Keys of which a target has some shares and not yet all, and their bytes. */
  relayShareKeys: 1024,
  relayShareBytes: 2 * 1024 * 1024,
  /** Keys that a target keeps until they have been compared with those of an initiator elsewhere, and their bytes. */
  relayKeptKeys: 1024,
  relayKeptBytes: 4 * 1024 * 1024,
  /** A pool into which nothing was relayed for so long has no relay that a crash could end. */
  relayRestMs: 5000,
  /** After a crash, relays wait so long at most for the target to take back what those before have left. */
  relayTakeBackMs: 1000,
  /** First halves of relayed blocks that a pool has in memory, and for how long, before it records them. */
  heldHalves: 64,
  heldHalfMs: 250,
  /** How long relayed key that came to one end waits for the other to have it, too. */
  relayLoneMs: 60_000,
  /** Uses of a link by relays that the audit log is still to be told of, and how long it may wait for that. */
  hopUses: 1024,
  hopUseAuditMs: 60_000,
  /** Key that a link's pool sets aside for hops of at most so much, pad and tag key, and for how long in all, or unused. */
  hopRuns: 8,
  hopRunDrawBytes: 512,
  hopRunMs: 60_000,
  hopRunIdleMs: 2000,
  /** What was drawn from it, and taken, is recorded within so long. */
  hopRunRecordMs: 500,
  /** Of the keys of steps that a node is at, at once. */
  relayStepsBytes: 8 * 1024 * 1024,

  // Flooding of link state
  /** Of one advertisement; its SAEs are `remoteSaes`, its bytes those that its signature covers, and the signature. */
  floodLinks: 256,
  floodSignatureChars: 8 * 1024,
  floodAdvertisementBytes: 64 * 1024,
  /** Of one call to a neighbour: so it fits `jsonBodyBytes`. */
  floodBatchAdvertisements: 256,
  floodBatchBytes: 192 * 1024,
  /** What a node holds of all nodes. Half of it is shared out among them, half serves those that need more. */
  floodDatabaseBytes: 8 * 1024 * 1024,
  /** Between two advertisements of one node, also as they are passed on; where only levels of key have moved, so long. */
  floodIntervalMs: 250,
  floodLevelIntervalMs: 1000,
  /** An advertisement that nothing changes is made anew after so long, and forgotten after so long. */
  floodRefreshMs: 20 * 60_000,
  floodMaxAgeMs: 60 * 60_000,
  /** How far the clocks of two deployments may be apart before advertisements of the one seem old to the other. */
  floodSkewMs: 5 * 60_000,
  /** Between two calls to one neighbour: what comes in meanwhile goes along. */
  floodPauseMs: 25,
  /** How long a call may take, before it is made again: after so long at first, and at most. */
  floodCallMs: 1000,
  floodRetryMs: 50,
  floodRetryMaxMs: 500,
  /** So many calls one after the other without an answer, and the neighbour is away: nobody is told of fewer. */
  floodAwayCalls: 4,
  /** Calls to one neighbour without an answer that are remembered: a late one still counts. */
  floodLateCalls: 4,
  /** After its start a node asks its neighbours what it lacks, and once more after so long. */
  floodGreetAgainMs: 10_000,
  /** Of one neighbour: calls, questions for all there is, and advertisements whose signatures do not hold. */
  floodCalls: { ratePerS: 80, burst: 160 },
  floodGreetings: { ratePerS: 0.5, burst: 8 },
  floodForgeries: { ratePerS: 1, burst: 16 },
  /** Standing alarms of one node; beyond, the one that has been quiet for longest goes. */
  floodAlarms: 64,

  /** Of what requests wait for: asked of a node in one call; how long that may take, and one request may wait. */
  relayUrgentBytes: 256 * 1024,
  relayUrgentMs: 15_000,
  relayWaitMs: 5000,
  relayWaiting: 4096,
  /** Brought ahead of need in one call, and how long that may take; pause after one that failed, from and to. */
  relayAheadBytes: 1024 * 1024,
  relayAheadMs: 60_000,
  relayBackoffMs: 250,
  relayBackoffMaxMs: 30_000,
  /** Units that a request looks through which bounds the hops of its key. */
  unitsWithin: 4096,
  /** A pool that no key could be brought into for so long, and that is used, raises an alarm. */
  relayShortMs: 60_000,

  // Peers: other deployments that host nodes of the network
  /** A session's key; how long before its end another takes its place; how far clocks may be apart. */
  peerSessionMs: 3_600_000,
  peerRenewMs: 600_000,
  peerSkewMs: 30_000,
  /** Sessions of others whose signatures were found good, and nodes whose own are at hand, an isolate. */
  peerSessions: 1024,
  peerIdentities: 256,
  /** Within the 8 KiB that proxies allow one header. */
  peerHeadChars: 7 * 1024,
  /** A question: the longest is a batch of a pool's half. And an answer: the key of a relay, in base64. */
  peerQuestionBytes: 4 * 1024 * 1024,
  peerAnswerBytes: 2 * 1024 * 1024,
  peerAnswerMs: 5000,
  /** Of the words of a fault that crosses. */
  peerFaultChars: 500,

  // Neighbours that run qkd-trusted-node
  legacyNodes: 64,
  /** That one of them may speak for. */
  legacySaes: 4096,
  /** In one list of who is there, and of one node's KMEs and neighbours. */
  legacyWalkedNodes: 256,
  /** Of one request for keys, and of one that fetches some. */
  legacyKeys: 128,
  /** A list of who is there travels with each request. */
  legacyBodyBytes: 1024 * 1024,
  /** How long a KME or neighbour may take: the original gives up after as long. */
  legacyAnswerMs: 5000,
  /** Keys that one node keeps for who is to fetch them, and IDs of those that it has kept. */
  legacyKeptKeys: 16_384,
  legacyUpkeepMs: 60_000,

  // KMSs of others at our nodes (ETSI GS QKD 020)
  kmsPeers: 64,
  kmsPeerSaes: 4096,
  kmsCallbackHosts: 16,
  kmsCallbackUrlChars: 1024,
  /** Keys of one container, which a published profile bounds so, and SAEs that they are for; the container's JSON. */
  extKeys: 1024,
  extKeyTargets: 64,
  extKeysBodyBytes: 2 * 1024 * 1024,
  /** IDs of others' keys that a pool remembers; how long beyond the life of the key. */
  foreignKeys: 65_536,
  foreignRememberMs: 24 * 3_600_000,
  /** Acknowledgements on their way to one peer; of each, how long it is tried; how long one try may take; pause between two. */
  kmsAcks: 1024,
  kmsAckMs: 600_000,
  kmsAckTryMs: 10_000,
  /** A hand-over of ours: how long its acknowledgements are waited for; how many are under way to one peer. */
  kmsHandOverMs: 10_000,
  kmsHandOvers: 256,
  kmsAckRetryMs: 1000,
  kmsAckRetryMaxMs: 60_000,
} as const;
