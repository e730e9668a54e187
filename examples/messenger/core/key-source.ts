/**
 * Keys from the own site's key management entity (ETSI GS QKD 014). Where it is short of them this waits, and says so with
 * the reason and since when: there is no other way to send.
 */
import type { Etsi014Client } from "../../../client/index.ts";
import { RefusedError, UnreachableError } from "../../../client/index.ts";
import { BOUNDS } from "./bounds.ts";
import type { TakenKey } from "./sending-key.ts";

export interface Waiting {
  /** `mine`: to send with. `theirs`: one that the other side has sealed with. */
  readonly whose: "mine" | "theirs";
  readonly sinceMs: number;
  readonly reason: string;
}

export interface KeySourceOptions {
  readonly kme: Pick<Etsi014Client, "getKey" | "getKeyWithIds">;
  readonly peer: string;
  readonly now: () => number;
  /** Rejects once the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onWaiting: (waiting: readonly Waiting[]) => void;
  /** The key management entity does not know who asks (any more). */
  readonly onSignedOut: () => void;
}

/** Answers after which the same question may be answered otherwise. */
const isPassing = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof RefusedError && PASSING.has(error.httpStatus));
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

export class KeySource {
  readonly #options: KeySourceOptions;
  readonly #waiting = new Set<Waiting>();

  constructor(options: KeySourceOptions) {
    this.#options = options;
  }

  /**
   * @param isOnce where it may not be given at all, as for its size: to be told rather than to wait
   * @throws the signal's reason; RefusedError for what waiting does not mend, where that is to be told
   */
  async take(sizeBits: number, signal: AbortSignal, isOnce = false): Promise<TakenKey> {
    const ask = async (): Promise<TakenKey> => {
      const [taken] = await this.#options.kme.getKey(this.#options.peer, { sizeBits, signal });
      return taken as TakenKey;
    };
    return await this.#patiently("mine", signal, ask, isOnce);
  }

  /** Null where there is none by this ID, not for us, or not in time. @throws the signal's reason */
  async fetch(keyId: string, sizeBits: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(BOUNDS.peerKeyMs)]);
    try {
      return await this.#patiently("theirs", inTime, async () => {
        const [taken] = await this.#options.kme.getKeyWithIds(this.#options.peer, [keyId], {
          sizeBits,
          signal: inTime,
        });
        return (taken as TakenKey).key;
      });
    } catch {
      signal.throwIfAborted();
      return null;
    }
  }

  async #patiently<T>(
    whose: Waiting["whose"],
    signal: AbortSignal,
    ask: () => Promise<T>,
    isOnce = whose === "theirs",
  ): Promise<T> {
    const sinceMs = this.#options.now();
    let told: Waiting | null = null;
    try {
      for (let pauseMs: number = BOUNDS.keyPauseMs; ; pauseMs = Math.min(BOUNDS.keyPauseMaxMs, 1.5 * pauseMs)) {
        let askedMs = 0;
        signal.throwIfAborted();
        try {
          return await ask();
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof RefusedError && error.httpStatus === 401 && whose === "mine")
            this.#options.onSignedOut();
          askedMs = Math.min(BOUNDS.keyPauseMaxMs, askedPauseMs(error));
          if (!isPassing(error) && isOnce) throw error;
          told = this.#tell(told, { whose, sinceMs, reason: reasonOf(error) });
        }
        await this.#options.pause(Math.max(pauseMs, askedMs), signal);
      }
    } finally {
      this.#tell(told, null);
    }
  }

  #tell(former: Waiting | null, next: Waiting | null): Waiting | null {
    if (former !== null) this.#waiting.delete(former);
    if (next !== null) this.#waiting.add(next);
    if (former?.reason !== next?.reason) this.#options.onWaiting([...this.#waiting]);
    return next;
  }
}

const askedPauseMs = (error: unknown): number =>
  error instanceof RefusedError ? 1000 * (error.retryAfterSeconds ?? 0) : 0;

/** The key management entity's own words, where it has said anything. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof RefusedError) return error.reason;
  return error instanceof Error ? error.message : String(error);
};
