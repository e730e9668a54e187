/** Bounds of what site agents take from QKD devices. */
export const FEEDS = {
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
} as const;
