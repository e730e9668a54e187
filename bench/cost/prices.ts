/** Cloudflare's list prices beyond what the Workers Paid plan includes, and what readings of the meter cost. Pure. */
import type { Metered } from "./meter.ts";

export const PRICES = {
  lookedUp: "2026-11-21",
  sources: [
    "https://developers.cloudflare.com/workers/platform/pricing/",
    "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  ],
  /** US dollars a million. */
  workerRequests: 0.3,
  objectRequests: 0.15,
  gbSeconds: 12.5,
  rowsRead: 0.001,
  rowsWritten: 1,
  /** US dollars a GB and month. */
  storedGbMonth: 0.2,
} as const;

/** An object is billed for 128 MB while it runs, whatever it uses. */
const OBJECT_GB = 0.128;

/** What a number of keys took. */
export interface Usage extends Metered {
  readonly keys: number;
  readonly seconds: number;
}

/** The same for a million keys. */
export interface PerMillionKeys {
  readonly workerRequests: number;
  readonly objectRequests: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** At most: as if all objects concerned had run from the first request to the last. */
  readonly gbSeconds: number;
  readonly storedGb: number;
}

export function perMillionKeys(usage: Usage): PerMillionKeys {
  const scale = 1e6 / usage.keys;
  return {
    workerRequests: usage.workerRequests * scale,
    objectRequests: usage.objectRequests * scale,
    rowsWritten: usage.rowsWritten * scale,
    rowsRead: usage.rowsRead * scale,
    gbSeconds: usage.objects * usage.seconds * OBJECT_GB * scale,
    storedGb: (Math.max(0, usage.storedBytes) * scale) / 1e9,
  };
}

export type Dollars = Readonly<Record<keyof PerMillionKeys | "total", number>>;

/** @returns US dollars; what stays stored (the audit log), for its first month */
export function dollarsOf(use: PerMillionKeys): Dollars {
  const parts = {
    workerRequests: (use.workerRequests * PRICES.workerRequests) / 1e6,
    objectRequests: (use.objectRequests * PRICES.objectRequests) / 1e6,
    rowsWritten: (use.rowsWritten * PRICES.rowsWritten) / 1e6,
    rowsRead: (use.rowsRead * PRICES.rowsRead) / 1e6,
    gbSeconds: (use.gbSeconds * PRICES.gbSeconds) / 1e6,
    storedGb: use.storedGb * PRICES.storedGbMonth,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

export const sumOf = (one: PerMillionKeys, other: PerMillionKeys): PerMillionKeys => ({
  workerRequests: one.workerRequests + other.workerRequests,
  objectRequests: one.objectRequests + other.objectRequests,
  rowsWritten: one.rowsWritten + other.rowsWritten,
  rowsRead: one.rowsRead + other.rowsRead,
  gbSeconds: one.gbSeconds + other.gbSeconds,
  storedGb: one.storedGb + other.storedGb,
});
