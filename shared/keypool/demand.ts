/**
 * How much relayed key a pool keeps at hand: as much as was taken within the last seconds, so that a refill comes before
 * it is gone. It rises with the demand at once and falls slowly, as those who take much at a time come back; a pool that
 * nobody has used for minutes keeps nothing, so that links give their key to those who need it.
 */
import { LIMITS } from "../limits.ts";

/** As of `atMs`, when key was last taken or wanted. */
export interface Demand {
  readonly atMs: number;
  /** Taken of late: what was taken `HORIZON_MS` ago counts by 1/e. At a steady rate it is that of HORIZON_MS. */
  readonly recentBytes: number;
  /** The most that `recentBytes` has been, halved every HALVING_MS. */
  readonly peakBytes: number;
}

export const NO_DEMAND: Demand = { atMs: -Infinity, recentBytes: 0, peakBytes: 0 };

const HORIZON_MS = 5000;
const HALVING_MS = 60_000;
const SOON_MS = 1000;
/** Not used for so long, a pool counts as unused. */
export const UNUSED_MS = 300_000;
/** The least that a pool in use keeps. */
const LEAST_BYTES = LIMITS.unitBytes;
/** With less than this share of the target a refill begins: many small ones would cost more tags. */
const REFILL_BELOW = 0.75;

/** After `bytes` were taken, or wanted and not there. */
export function demandAfter({ atMs, recentBytes, peakBytes }: Demand, bytes: number, nowMs: number): Demand {
  // Clocks may go back; nothing is known before the first time.
  const elapsedMs = Math.max(0, nowMs - atMs);
  const recent = faded(recentBytes, elapsedMs) + bytes;
  return { atMs: nowMs, recentBytes: recent, peakBytes: Math.max(recent, halved(peakBytes, elapsedMs)) };
}

const faded = (bytes: number, elapsedMs: number): number => bytes * Math.exp(-elapsedMs / HORIZON_MS);

const halved = (bytes: number, elapsedMs: number): number => bytes * 2 ** (-elapsedMs / HALVING_MS);

/** @param highBytes of the policy: more is never kept */
export function targetBytes({ atMs, peakBytes }: Demand, nowMs: number, highBytes: number): number {
  const elapsedMs = Math.max(0, nowMs - atMs);
  if (elapsedMs >= UNUSED_MS) return 0;
  return Math.min(highBytes, Math.max(LEAST_BYTES, Math.ceil(halved(peakBytes, elapsedMs))));
}

/** What to bring in now: whole units up to the target, or 0 while there is enough. */
export function missingBytes(target: number, availableBytes: number): number {
  if (availableBytes >= target * REFILL_BELOW) return 0;
  return Math.ceil((target - availableBytes) / LIMITS.unitBytes) * LIMITS.unitBytes;
}

/**
 * What is used within the next second. Whoever waits for key in a dry pool has so much brought: a key by itself costs
 * its links twice its bits (a tag's key is as long), so that a pool once dry would stay so where these have little over.
 */
export const soonBytes = ({ atMs, recentBytes }: Demand, nowMs: number): number =>
  Math.floor((faded(recentBytes, Math.max(0, nowMs - atMs)) * SOON_MS) / HORIZON_MS);

/** As kept over restarts: when, and the peak. */
export const writeDemand = ({ atMs, peakBytes }: Demand): string => JSON.stringify([atMs, Math.ceil(peakBytes)]);

export function readDemand(text: string): Demand {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `writeDemand` wrote
  const [atMs, peakBytes] = JSON.parse(text) as [number, number];
  return { atMs, peakBytes, recentBytes: 0 };
}
