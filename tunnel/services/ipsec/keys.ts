/**
 * The key of one SA: a hybrid key stream that is opened together with the other end, of which chunk 0 is taken, and closed.
 * Of this agent's own engine, or of a listener of JSON over TCP. Each has a KSID and bits that nobody has had before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { mixtureOf } from "../../../shared/hybrid/mixture.ts";
import type { KeyWish, MadeKey } from "../../../shared/ipsec/errand.ts";
import type { EntryReason } from "../../../shared/ipsec/outcome.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Application } from "../hybrid/agreement.ts";
import type { HybridOpener } from "../hybrid/engine-types.ts";
import type { HybridCode, HybridFailure } from "../hybrid/failure.ts";
import { streamsFor } from "../hybrid/streams.ts";

export interface FetchedKey {
  /** For the caller to wipe. */
  readonly key: Uint8Array;
  readonly made: MadeKey;
}

export interface KeyFailure {
  readonly reason: EntryReason;
  /** For people; names no key. */
  readonly message: string;
}

/** Waits for the other end for as long as the wish says. */
export type FetchKey = (wish: KeyWish, signal: AbortSignal) => Promise<Result<FetchedKey, KeyFailure>>;

/** What is no key for now may be one in a moment. */
export interface Attempt extends KeyFailure {
  readonly isPassing: boolean;
}
export type TryKey = (wish: KeyWish, leftMs: number, signal: AbortSignal) => Promise<Result<FetchedKey, Attempt>>;

/** What is not named here is `key-failed`. */
const REASONS: Readonly<Record<string, EntryReason>> = {
  "peer-not-come": "peer-not-come",
  "peer-gone": "peer-not-come",
  timeout: "peer-not-come",
  "source-unavailable": "required-source-missing",
} satisfies Partial<Record<HybridCode, EntryReason>>;

/** The other end, or its agent, is not there yet, or one of the two has much to do. */
const PASSING: ReadonlySet<string> = new Set<HybridCode>(["peer-not-come", "peer-gone", "timeout", "busy"]);

export function attemptOf(code: string, detail: string): Attempt {
  const reason = REASONS[code] ?? "key-failed";
  // Next to the reason the same word would stand twice.
  return { reason, message: code === reason ? detail : `${code}: ${detail}`, isPassing: PASSING.has(code) };
}

/** Again and again until the wish's time is over, while there is hope. */
export const patiently =
  (attempt: TryKey): FetchKey =>
  async (wish, signal) => {
    const untilMs = performance.now() + wish.waitMs;
    for (;;) {
      const leftMs = Math.max(1, Math.min(Math.floor(untilMs - performance.now()), LIMITS.streamTimeoutMs));
      const got = await attempt(wish, leftMs, signal);
      if (got.ok) return checked(got.value, wish);
      const { isPassing, ...failure } = got.error;
      if (signal.aborted) return err(ENDS);
      if (!isPassing || untilMs - performance.now() <= LIMITS.ipsecKeyPauseMs) return err(failure);
      await sleep(LIMITS.ipsecKeyPauseMs, undefined, { signal }).catch(() => undefined);
    }
  };

export const ENDS: KeyFailure = { reason: "interrupted", message: "the agent ends" };

/** A peer that may give less than was asked for gives no key of an SA. */
function checked(fetched: FetchedKey, { chunkBytes }: KeyWish): Result<FetchedKey, KeyFailure> {
  const { length } = fetched.key;
  if (length === chunkBytes) return ok(fetched);
  fetched.key.fill(0);
  return err({ reason: "key-failed", message: `the stream gave ${length} octets, not ${chunkBytes}` });
}

export const madeOf = (ksid: string, metadata: string): MadeKey => {
  const { sources = [], dropped = [], confirmed = false } = mixtureOf(metadata) ?? {};
  return { ksid, sources, dropped, confirmed };
};

/** @param own for whom, at which node of this site */
export function keysOfEngine(opener: HybridOpener, own: Pick<Application, "sae" | "node">): FetchKey {
  const streams = streamsFor(opener, own);
  return patiently(async ({ source, destination, chunkBytes }, leftMs, signal) => {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    const opened = await streams.open({ source, destination, chunkBytes, timeoutMs: leftMs }, timely);
    if (!opened.ok) return refused(opened.error);
    const ksid = opened.value;
    try {
      const chunk = await streams.getKey(ksid, 0, signal);
      return chunk.ok ? ok({ key: chunk.value.key, made: madeOf(ksid, chunk.value.metadata) }) : refused(chunk.error);
    } finally {
      streams.close(ksid);
    }
  });
}

const refused = ({ code, detail }: HybridFailure): Result<never, Attempt> => err(attemptOf(code, detail));
