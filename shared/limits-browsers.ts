/** Bounds of what browsers use. A table of its own, so that what a page loads holds these and not those of the whole system. */
export const BROWSERS = {
  /** Of a room: one frame, 64 KiB of a file's and what seals it; a smaller one than the seal alone is not one. */
  roomFrameBytes: 65 * 1024,
  roomFrameMinBytes: 32,
  /** On their way from one end: passed on or dropped, and not told back as credit. */
  roomWindowBytes: 512 * 1024,
  /** Credit is told once there is so much of it: who reads nothing has little waiting. */
  roomCreditBytes: 64 * 1024,
  /** Of one SAE in a room, with those that are over and that it does not close: each may hold a window of unread frames. */
  roomSocketsPerSae: 16,
  /** A client that has pinged and then does not for so long is gone once something is to be passed on to it. Pages that nobody looks at ping once a minute. */
  roomSilentMs: 150_000,
  /** Between two pings of a page; and how long nothing may come until it takes the room for lost. */
  roomPingMs: 25_000,
  roomLostMs: 70_000,
  /** Of a text from a client. */
  roomTextChars: 64,
  /** Origins of other hosts whose pages may call the API, and the length of one. */
  browserOrigins: 64,
  browserOriginChars: 256,
  /** Operators' sessions: how long one lasts, those of one operator, and all. */
  sessionMs: 12 * 3_600_000,
  sessionsEach: 16,
  sessions: 1024,
} as const;
