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
import { STREAMS } from "./limits-streams.ts";
import { FRONTS } from "./limits-fronts.ts";
import { FEEDS } from "./limits-feeds.ts";
import { TUNNEL } from "./limits-tunnel.ts";
import { SITE_AGENT } from "./limits-site-agent.ts";
import { HYBRID } from "./limits-hybrid.ts";
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
  ...STREAMS,
  ...FRONTS,
  ...FEEDS,
  ...TUNNEL,
  ...SITE_AGENT,
  ...HYBRID,
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
  /** Objects do their other work after it: one log that does not answer shall not hold that up. */
  auditAppendMs: 10_000,

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
} as const;
