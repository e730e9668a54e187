/**
 * This isolate's copy of the Directory's snapshot.
 *
 * Used at most LIMITS.snapshotMaxAgeMs after it was asked for, so that a revocation holds everywhere within that time;
 * refreshed in the background before. When the Directory does not answer, the copy serves up to
 * LIMITS.directoryPatienceMs, then requests are refused with `directory-unavailable`.
 *
 * Workers may not wait for each other's I/O, so requests share the finished copy only: each that must wait fetches.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import { buildLookup, type Lookup } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME } from "../../durable-objects/env.ts";
import type { Env } from "../env.ts";

/** What of the Directory this needs, and what of the request's context. */
export type SnapshotSource = Pick<DirectoryRpc, "snapshot">;
export type Background = Pick<ExecutionContext, "waitUntil">;

interface Copy {
  readonly lookup: Lookup;
  /** When it was asked for: what it says held at that time at the earliest. */
  readonly askedAtMs: number;
}

export class DirectoryCache {
  readonly #nowMs: () => number;
  #copy: Copy | null = null;
  #backgroundAskedAtMs = Number.NEGATIVE_INFINITY;
  #forcedAtMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /**
   * The network as of at most `maxAgeMs` ago (longer while the Directory does not answer), or `directory-unavailable`.
   */
  async lookup(
    source: SnapshotSource,
    background: Background,
    maxAgeMs: number = LIMITS.snapshotMaxAgeMs,
  ): Promise<Result<Lookup, Fault>> {
    const copy = this.#copy;
    const ageMs = copy === null ? Number.POSITIVE_INFINITY : this.#nowMs() - copy.askedAtMs;
    if (ageMs > maxAgeMs) await this.#refresh(source);
    else if (ageMs >= LIMITS.snapshotRefreshAgeMs) this.#refreshInBackground(source, background);
    const latest = this.#copy;
    if (latest !== null && this.#nowMs() - latest.askedAtMs <= LIMITS.directoryPatienceMs) return ok(latest.lookup);
    return fail("directory-unavailable", "the directory of the network does not answer");
  }

  /**
   * For something the copy does not know (a credential, an SAE): asks the Directory, at most once in
   * LIMITS.forcedRefreshMs an isolate. Null when nothing newer is to be had.
   */
  async afterMiss(source: SnapshotSource, seen: Lookup): Promise<Lookup | null> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#forcedAtMs >= LIMITS.forcedRefreshMs) {
      this.#forcedAtMs = nowMs;
      await this.#refresh(source);
    }
    const latest = this.#copy?.lookup ?? null;
    return latest !== null && latest.sequence !== seen.sequence ? latest : null;
  }

  #refreshInBackground(source: SnapshotSource, background: Background): void {
    const nowMs = this.#nowMs();
    // A request that ends early takes its refresh with it: the mark runs out instead of being taken back.
    if (nowMs - this.#backgroundAskedAtMs < LIMITS.snapshotFetchTimeoutMs) return;
    this.#backgroundAskedAtMs = nowMs;
    background.waitUntil(
      this.#refresh(source).finally(() => {
        this.#backgroundAskedAtMs = Number.NEGATIVE_INFINITY;
      }),
    );
  }

  /** Never throws: what counts afterwards is the age of the copy. */
  async #refresh(source: SnapshotSource): Promise<void> {
    const askedAtMs = this.#nowMs();
    const known = this.#copy;
    const answer = await withinTimeout(source.snapshot(known?.lookup.sequence ?? -1));
    if (answer === null) return;
    if (!("unchanged" in answer)) this.#take({ lookup: buildLookup(answer), askedAtMs });
    else if (known !== null && known.lookup.sequence === answer.sequence)
      this.#take({ lookup: known.lookup, askedAtMs });
  }

  /** Answers may come in any order: the one asked for last is the newest. */
  #take(copy: Copy): void {
    if (this.#copy === null || copy.askedAtMs >= this.#copy.askedAtMs) this.#copy = copy;
  }
}

/** The answer, or null when it fails or takes too long. */
async function withinTimeout<T>(answer: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), LIMITS.snapshotFetchTimeoutMs);
  });
  try {
    return await Promise.race([answer, timeout]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** Asks for the Directory when there is something to ask: to get hold of an object costs, too. */
export const snapshotSourceOf = (env: Env): SnapshotSource => ({
  snapshot: async (known) => await directoryOf(env).snapshot(known),
});

/** The one Directory of this deployment. */
export const directoryOf = (env: Env) => env.DIRECTORY.getByName(DIRECTORY_NAME);

/** This isolate's copy. */
export const directoryCache = new DirectoryCache();
