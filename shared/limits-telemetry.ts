/** Bounds of what is told about the service itself: metrics, log lines, traces. */
export const TELEMETRY = {
  /** Between two reports of one isolate's tallies to the Monitor. */
  tallyFlushMs: 5000,
  /** Operations, and statuses of one, that are counted; what is beyond counts as none. */
  tallyOperations: 512,
  tallyCodes: 64,
  /** Reports that rates and percentiles are told from. */
  tallyReports: 1024,
  /** How old the figures of a scrape may be. */
  metricsMaxAgeMs: 10_000,
  /** Lines of one kind in a minute. */
  logLinesAMinute: 10,
  requestIdChars: 128,
  /** Spans of an isolate that wait to be sent; sent at once; how long after the first; how long the collector may take. */
  spansHeld: 1024,
  spansAtOnce: 256,
  spanFlushMs: 2000,
  collectorMs: 5000,
  /** Spans of calls of objects made for one request, or for one such call. */
  spansOfCalls: 32,
  /** So long what a request leaves behind may go on: the platform's own bound. */
  backgroundMs: 30_000,
} as const;
