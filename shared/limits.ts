/**
 * Every bound of the system, in one place. Units are in the names. What an operator may tune lies in the network
 * document's policy; these are the walls it may not cross.
 */
export const LIMITS = {
  // requests
  jsonBodyBytes: 256 * 1024,
  networkBodyBytes: 8 * 1024 * 1024,
  blockBytes: 1024 * 1024,
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
  saeIdChars: 256,
  versionsKept: 100,
  drainSeconds: 24 * 3600,
  faultsReported: 200,

  // ETSI 014
  keySizeBits: 32_768,
  keysPerRequest: 4096,
  multicastSaes: 64,
  containerKeyBytes: 1024 * 1024,
  deliveryGraceSeconds: 30,
  decWaitMs: 10_000,

  // KeyPool
  shards: 64,
  unitBytes: 4096,
  fileBlockBytes: 64 * 1024,
  poolCapacityBytes: 4 * 1024 * 1024 * 1024,
  /** Decrypted units an object keeps, units to allocate from and units being read together. */
  cachedUnits: 512,
  commitQueue: 4096,
  commitBatch: 256,
  waitingDecs: 1024,
  alarmBatchRows: 500,
  rateLimitedPrincipals: 4096,
  outboxEvents: 10_000,
  auditBatchEvents: 200,

  // Directory
  snapshotMaxAgeMs: 1000,
  snapshotRefreshAgeMs: 500,
  directoryPatienceMs: 5000,
  revocations: 100_000,
  bootstrapSeconds: 3600,
} as const;
