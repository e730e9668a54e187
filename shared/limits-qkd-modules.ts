/** Of QKD modules and the post-processing of what they measure: a part of LIMITS, which is where others find it. */
export const QKD_MODULES = {
  // BB84 post-processing
  /** Of one block: pulses are numbered below it; detections; bits of the sifted key. */
  bb84Pulses: 2 ** 53,
  bb84Detections: 8 * 1024 * 1024,
  bb84KeyBits: 4 * 1024 * 1024,
  bb84Intensities: 3,
  /** The detections of a block are the longest message. */
  bb84MessageBytes: 16 * 1024 * 1024,
  /** One message of error correction: above what one frame asks, 65,536 places of three bytes. */
  cascadeRequestBytes: 256 * 1024,
  /** Key of one block's tags, in an end's store; that one block may add; and names remembered of what was taken. */
  bb84AuthenticationSlots: 1024,
  bb84RefillSlots: 64,
  bb84SpentSlots: 1024,

  // QKD modules
  /** Bits of sifted key of one block: what one object's memory and patience allow. */
  moduleKeyBits: 1024 * 1024,
  /** Of one message: the detections of a block are the longest. */
  moduleMessageBytes: 16 * 1024 * 1024 + 64,
  /** A key block of the fake simulation. */
  moduleFakeBytes: 64 * 1024,
  /** Key blocks made and not put away, before the sender stops. */
  moduleFinishedBlocks: 16,
  /** Blocks of which a receiver does not know whether they count; and tokens that a sender keeps to tell. */
  moduleUnsettled: 8,
  moduleSettlements: 64,
  moduleReports: 32,
  /** Blocks that key in store is to authenticate. */
  moduleSlots: 8,
  /** Openings that a receiver takes up and that turn out not to be the sender's: each may use up authentication key. */
  moduleOpenings: { ratePerS: 1 / 30, burst: 4 },
  /** How far the number of the other end's last block may be beyond this end's: numbers are told before they are vouched for. */
  moduleBlockJump: 4_194_304,
  /** A block is given up after so long without a word; a greeting is repeated after so long; then it is an alarm. */
  moduleSilenceMs: 30_000,
  moduleSyncMs: 5000,
  moduleSilentAlarmMs: 60_000,
  /** Pause after a block that failed: from, to. */
  modulePauseMs: 1000,
  moduleLongPauseMs: 60_000,
  /** Blocks that fail in a row before that is an alarm. */
  moduleFailures: 5,
  /** Messages to the other end's object in one run of an alarm. */
  moduleExchanges: 32,
  /** How long such a run may take before it counts as lost. */
  moduleTurnMs: 60_000,
  moduleRefreshMs: 60_000,
  moduleFullMs: 1000,
  moduleAlarms: 32,
  /** At the agent: of the connection between two ends, before it is broken off for a peer that reads nothing. */
  moduleUnsentBytes: 64 * 1024 * 1024,
  moduleConnectMs: 10_000,
  /** At the agent: what a module's journal may have besides what is in force, before it is written anew. */
  moduleJournalBytes: 4 * 1024 * 1024,
} as const;
