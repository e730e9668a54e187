/** The edge as the feeds see it: one function, given by who knows how to reach it and how to prove who we are. */
import * as v from "valibot";
import { LIMITS } from "../../shared/limits.ts";
import { RETRY } from "../../shared/retry.ts";
import { messageIn } from "../http/message-in.ts";

export interface EdgeRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** With its query. */
  readonly path: string;
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string };
}

export interface EdgeAnswer {
  readonly status: number;
  /** Of a `Retry-After` header in its numeric form. */
  readonly retryAfterSeconds: number | null;
  /** Parsed body; null where it is empty or no JSON. */
  readonly json: unknown;
}

/** The pause that an answer asks for, within bounds. */
export const askedPauseMs = ({ retryAfterSeconds }: Pick<EdgeAnswer, "retryAfterSeconds">): number =>
  Math.min((retryAfterSeconds ?? 0) * 1000, RETRY.maxDelayMs);

/** Rejects where the edge cannot be reached, or does not answer before `signal`. */
export type Send = (request: EdgeRequest, signal: AbortSignal) => Promise<EdgeAnswer>;

/** A question or push is given up after so long, and with the feed. */
export const withTimeout = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(LIMITS.feedPushMs)]);

export function describeAnswer({ status, json }: EdgeAnswer): string {
  const message = messageIn(json);
  return message === null ? `HTTP ${status}` : `${message} (${status})`;
}

const segment = encodeURIComponent;
export const linkPath = (link: string): string => `/api/v1/links/${segment(link)}`;
export const awaitedPath = (link: string, node: string, after: number): string =>
  `${linkPath(link)}/blocks?awaiting=${segment(node)}&after=${after}`;
export const keyIdsPath = (link: string, block: string, node: string): string =>
  `${linkPath(link)}/blocks/${segment(block)}/key-ids?node=${segment(node)}`;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** The part of a link's state that tells how full the pool is that takes its blocks in. */
const PoolSchema = v.object({
  pool: v.object({
    watermarks: v.nullable(v.object({ high_bytes: count })),
    ledger_bits: v.object({ unmatched: count }),
    shards: v.array(v.object({ shard: count, available_bits: count })),
  }),
});

/** @returns null for an answer of another shape */
export function readPressure(json: unknown): Pressure | null {
  const parsed = v.safeParse(PoolSchema, json);
  if (!parsed.success) return null;
  const { watermarks, ledger_bits: ledger, shards } = parsed.output.pool;
  // Watermarks are of each shard, and blocks go into the first; what waits for its twin lies there too.
  const intake = shards.find(({ shard }) => shard === 0);
  if (watermarks === null || intake === undefined) return null;
  return { highBits: watermarks.high_bytes * 8, availableBits: intake.available_bits, unmatchedBits: ledger.unmatched };
}

export interface Pressure {
  readonly highBits: number;
  readonly availableBits: number;
  readonly unmatchedBits: number;
}
