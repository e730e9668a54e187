/** What is measured on each way to the device, and what it is called. Pure. */
import type { PathName } from "../paths/path.ts";

export const MEASURES = {
  bulkUpMBs: "bulk up, MB/s",
  bulkDownMBs: "bulk down, MB/s",
  pingP50Ms: "1-byte ping, p50 ms",
  pingP99Ms: "p99 ms",
  pingInBulkUpP50Ms: "during bulk up, p50 ms",
  pingInBulkUpP99Ms: "p99 ms",
  bulkUpInPingMBs: "the bulk meanwhile, MB/s",
  pingInBulkDownP50Ms: "during bulk down, p50 ms",
  pingInBulkDownP99Ms: "p99 ms",
  bulkDownInPingMBs: "the bulk meanwhile, MB/s",
  setupP50Ms: "connection set-up, p50 ms",
  setupP99Ms: "p99 ms",
  h2c1PerS: "h2c requests/s, 1 at once",
  h2c16PerS: "16 at once",
  http32PerS: "HTTP requests/s, 32 at once",
} as const;
export type Measure = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as Measure[];

export type Measured = Readonly<Record<Measure, number>>;
/** What was measured in one round; ssh is absent where it is not installed. */
export type Round = Readonly<Partial<Record<PathName, Measured>>>;
