/** Every bound of the messenger. What the room bounds stands in shared/limits-browsers.ts. */
export const BOUNDS = {
  /** A text that is typed; as UTF-8 it fits one frame. */
  textChars: 4000,
  fileBytes: 100 * 1024 * 1024,
  fileNameChars: 200,
  fileTypeChars: 100,
  /** Files offered by one side that are neither taken nor declined, or under way. */
  files: 8,
  /** Of a file in one frame: with what surrounds it, below the room's frame. */
  chunkBytes: 56 * 1024,
  /** A message as it lies in a record: a chunk and what is said of it, or a session description. */
  messageBytes: 60 * 1024,
  /** JSON makes six bytes of a character that it escapes. */
  messageHeadBytes: 25 * 1024,
  sdpChars: 12 * 1024,

  /** Sent and not acknowledged by the other side, and so what it keeps at most of what came out of order. */
  windowMessages: 64,
  windowBytes: 384 * 1024,
  /** Messages that wait to be sent the first time; beyond, the sender is told so. */
  waitingMessages: 512,
  /** Texts that have come and wait for a pad, or behind one. */
  textsUnopened: 512,
  /** A file puts its next chunk into the queue when no more than this waits there. */
  waitingChunks: 4,
  /** Nothing acknowledged for so long: sent again, then ever less often. */
  resendMs: 1500,
  resendMaxMs: 12_000,
  /** So many times in a row without an answer on the direct channel: it is dead, whatever the browser says. */
  resendsUntilDead: 3,
  /** A greeting that is not answered is said again after so long. */
  helloMs: 2000,
  /** So many greetings in a row without an answer, and then twice as many each time: perhaps nobody can open them. */
  hellosUntilNewKey: 4,
  /** Pages of the other side that are remembered as gone. */
  pagesKnown: 64,

  /** Keys of the other side that are kept at once, and for how long after a later one came into use. */
  keysKept: 8,
  lateFrameMs: 30_000,
  /** Counters below the highest that are still taken, once each. */
  replayWindow: 1024,
  /** Of one key: far below what AES-GCM allows (2^32 calls, NIST SP 800-38D clause 8.3). */
  framesPerKey: 1_000_000,
  bytesPerKey: 64 * 1024 * 1024,
  /** Key IDs that could not be had, remembered so that they are not asked for again. */
  refusedKeys: 64,
  /** So many key IDs are asked for in vain in so long; then frames of further unknown keys are thrown away unread. */
  refusals: { most: 5, withinMs: 10_000 },
  /** What would be noted again and again is noted once in so long. */
  noteAgainMs: 10_000,
  /** Frames that came and wait for their key. */
  unopenedBytes: 1024 * 1024,
  /** How long the receiver's key management entity is asked for a key before the sender is asked for another. */
  peerKeyMs: 30_000,
  /** Between two looks at a key management entity that is short of key. */
  keyPauseMs: 500,
  keyPauseMaxMs: 5000,

  /** What is on the screen; the oldest goes. */
  entries: 1000,
  /** Keys whose use is shown. */
  keysShown: 64,

  /** Ahead of a data channel's own buffer. */
  directBufferBytes: 512 * 1024,
  /** Between two attempts at a direct channel. */
  directRetryMs: 5000,
  directRetryMaxMs: 60_000,
  directOpenMs: 10_000,
  /** Offers of the other side that are tried. */
  directOffers: { most: 10, withinMs: 10_000 },
  gatherMs: 1500,
  roomRetryMs: 500,
  roomRetryMaxMs: 8000,

  /** Sound: samples a second, samples of one frame (40 ms), frames that wait to be sent and to be played. */
  soundRateHz: 16_000,
  soundFrameSamples: 640,
  soundFramesToSend: 8,
  soundFramesToPlay: 15,
  /** A moment's frames, and twice as many as can be spoken: no more are played. */
  soundFramesHeard: { most: 100, withinMs: 2000 },
  /** Frames gathered before the first is played: what the line's unevenness may cost. */
  soundFramesAhead: 3,
  /** A call that nobody answers. */
  ringMs: 45_000,
  /** It rings at most so much longer than the caller waits. */
  ringOverMs: 5000,
} as const;
