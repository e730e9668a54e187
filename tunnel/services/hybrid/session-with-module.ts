/**
 * A hybrid stream whose other end is an unmodified hybridization module. It knows no index, no transcript and no
 * confirmation: the n-th key here is the n-th there, and metadata says that nobody has confirmed it.
 */
import { combineLegacy, legacyCoversBytes } from "../../../shared/hybrid/combiners/legacy.ts";
import type { LegacyMethod } from "../../../shared/hybrid/methods.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { type Application, kemSources, type ModuleWish, qkdSource } from "./agreement.ts";
import { failed, type HybridFailure } from "./failure.ts";
import { HeldChunks, type MadeChunk } from "./session/held-chunks.ts";
import type { ModuleFailure } from "./module-peer/failure.ts";
import type { ModuleQkd } from "./module-peer/qkd.ts";
import { keyOfSeed } from "./module-peer/seed.ts";
import type { ModuleSession } from "./module-peer/session.ts";
import type { Reports } from "./reports.ts";
import { SessionReports } from "./session-reports.ts";
import type { HybridSession } from "./session/session.ts";

const CODES = {
  "peer-not-come": "peer-not-come",
  "peer-not-trusted": "peer-gone",
  "peer-gone": "peer-gone",
  timeout: "timeout",
  "kem-failed": "source-unavailable",
  busy: "busy",
  aborted: "timeout",
} as const satisfies Record<ModuleFailure["code"], HybridFailure["code"]>;

export const refused = ({ code, detail }: ModuleFailure): Result<never, HybridFailure> => failed(CODES[code], detail);

const CLOSED: HybridFailure = { code: "unknown-stream", detail: "the stream is closed" };

interface Parts {
  readonly wish: ModuleWish;
  readonly method: LegacyMethod;
  /** Null: none is to be used. */
  readonly seed: string | null;
  readonly session: ModuleSession;
  /** Null: not wanted, or optional and not to be had. */
  readonly qkd: ModuleQkd | null;
  readonly reports: Reports;
  readonly nowMs: () => number;
}

export class SessionWithModule implements HybridSession {
  readonly #parts: Parts;
  readonly #chunks: HeldChunks;
  readonly #reports: SessionReports;
  /** One after the other: their order is all that the two ends have in common. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Being fetched, whoever waits for it: a key that was given to nobody would be missed for ever. */
  #fetching: Promise<Result<Uint8Array, string>> | null = null;
  /** Fetched, and not mixed in yet. */
  #qkd: Uint8Array | null = null;
  readonly #closed = new AbortController();
  lastUsedMs: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#chunks = new HeldChunks(parts.nowMs);
    this.#reports = new SessionReports(parts.reports, { ...parts.wish, ksid: parts.session.ksid });
    this.lastUsedMs = parts.nowMs();
  }

  get ksid() {
    return this.#parts.session.ksid;
  }

  get own(): Application {
    return this.#parts.wish.own;
  }

  get timeoutMs(): number {
    return this.#parts.wish.timeoutMs;
  }

  /** @param index of an answer that was lost: it is told again; any other is the next key, as the module has no index */
  async getKey(index: number, signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>> {
    this.lastUsedMs = this.#parts.nowMs();
    const made = this.#turn.then(async () => {
      if (this.#chunks.wasMade(index)) return ok(null);
      const next = await this.#next(signal);
      if (next.ok) this.#chunks.put(index, next.value);
      if (this.#closed.signal.aborted) this.#chunks.wipe(CLOSED);
      return next;
    });
    this.#turn = made.catch(() => undefined);
    const outcome = await made;
    return outcome.ok ? await this.#chunks.take(index, signal) : outcome;
  }

  sweep(): void {
    this.#chunks.sweep();
  }

  close(): void {
    this.#closed.abort();
    this.#parts.session.close();
    void this.#parts.qkd?.close();
    this.#qkd?.fill(0);
    this.#chunks.wipe(CLOSED);
  }

  async #next(signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>> {
    const { wish, method, session } = this.#parts;
    const qkd = await this.#qkdKey(signal);
    if (!qkd.ok) return qkd;
    // The module may not have been asked yet: the next call goes on with the same exchange, and the same QKD key.
    const exchanged = await session.secrets(signal);
    if (!exchanged.ok) return refused(exchanged.error);
    this.#qkd = null;
    const keys = [...exchanged.value.map(({ secret }) => secret), ...(qkd.value === null ? [] : [qkd.value])];
    if (keys.length === 0) return failed("source-unavailable", "none of the sources gives key");
    try {
      const isSeeded = this.#addSeed(keys);
      if (wish.chunkBytes > legacyCoversBytes(method, keys) && !wish.allowShort) {
        return failed("too-few-bytes", `${method} gives fewer than ${wish.chunkBytes} bytes of these sources`);
      }
      const metadata = this.#told(qkd.value !== null, isSeeded);
      return ok({ key: combineLegacy(method, keys, wish.chunkBytes), metadata, tag: null });
    } finally {
      for (const key of keys) key.fill(0);
    }
  }

  async #qkdKey(signal: AbortSignal): Promise<Result<Uint8Array | null, HybridFailure>> {
    const { qkd, wish } = this.#parts;
    if (qkd === null || this.#qkd !== null) return ok(this.#qkd);
    const key = await before(signal, (this.#fetching ??= this.#fetch(qkd)));
    if (key === null) return failed("timeout", "the QKD key did not come in time");
    if (this.#closed.signal.aborted) return failed(CLOSED.code, CLOSED.detail);
    if (key.ok) return key;
    return qkdSource(wish)?.required === true ? failed("source-unavailable", `QKD: ${key.error}`) : ok(null);
  }

  async #fetch(qkd: ModuleQkd): Promise<Result<Uint8Array, string>> {
    const key = await qkd.key(this.#closed.signal);
    this.#fetching = null;
    if (!key.ok) return key;
    this.#qkd = key.value;
    if (this.#closed.signal.aborted) key.value.fill(0);
    return key;
  }

  /** @returns whether there was but one key, and the seed's has been added */
  #addSeed(keys: Uint8Array[]): boolean {
    const { seed } = this.#parts;
    const [only, ...more] = keys;
    if (seed === null || only === undefined || more.length > 0) return false;
    keys.push(keyOfSeed(seed, only.length));
    return true;
  }

  /** @returns metadata: what was mixed, and what was not; which is reported besides */
  #told(hasQkd: boolean, isSeeded: boolean): string {
    const { wish, method, session } = this.#parts;
    const qkd = qkdSource(wish);
    const isDropped = (slot: number): boolean => session.dropped.some((each) => each.slot === slot);
    const kems = Map.groupBy(kemSources(wish), ({ slot }) => (isDropped(slot) ? "left" : "mixed"));
    const named = (which: "left" | "mixed", more: boolean): readonly string[] => [
      ...(kems.get(which) ?? []).map(({ algorithm }) => algorithm),
      ...(qkd !== undefined && more ? ["QKD"] : []),
    ];
    const [sources, dropped] = [named("mixed", hasQkd), named("left", !hasQkd)];
    this.#reports.dropped(dropped);
    if (isSeeded) this.#reports.seedUsed(sources);
    return JSON.stringify({
      method,
      sources,
      ...(dropped.length === 0 ? {} : { dropped }),
      ...(isSeeded ? { seedFallback: true } : {}),
      confirmed: false,
      kem: "agent",
    });
  }
}

/** @returns null where nobody waits any more */
async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  if (signal.aborted) return null;
  const { promise: over, resolve } = Promise.withResolvers<null>();
  const onAbort = (): void => resolve(null);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
