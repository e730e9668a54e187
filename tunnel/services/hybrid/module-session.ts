/**
 * Hybrid streams whose other end is an unmodified hybridization module. It knows no index, no transcript and no
 * confirmation: the n-th key here is the n-th there, and metadata says that nobody has confirmed it.
 */
import { readFile } from "node:fs/promises";
import { NO_WISHES } from "../../../shared/etsi004/qos.ts";
import { combineLegacy, legacyCoversBytes } from "../../../shared/hybrid/combiners/legacy.ts";
import { isLegacy, type LegacyMethod } from "../../../shared/hybrid/methods.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { type Log, messageOf } from "../../log.ts";
import { OpenLanes } from "../etsi004-json/lanes.ts";
import type { ActingFor, Ask } from "../etsi004/as-agent.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { type Application, type ModuleWish, qkdSource } from "./agreement.ts";
import type { OpenWithModule } from "./engine.ts";
import { failed, type HybridFailure } from "./failure.ts";
import { HeldChunks, type MadeChunk } from "./held-chunks.ts";
import type { ModuleFailure } from "./module-peer/failure.ts";
import type { ModulePeers } from "./module-peer/module-peers.ts";
import { type ModuleQkd, moduleQkd } from "./module-peer/qkd.ts";
import { keyOfSeed } from "./module-peer/seed.ts";
import type { ModuleSession } from "./module-peer/session.ts";
import type { Reports } from "./reports.ts";
import { SessionReports } from "./session-reports.ts";
import type { HybridSession } from "./session.ts";

export interface WithModulesOptions {
  /** Rejects where they cannot be had. */
  readonly modules: Promise<ModulePeers>;
  readonly askFor: (acting: ActingFor) => Ask;
  readonly reports: Reports;
  readonly log: Log;
  readonly nowMs: () => number;
}

export function withModules({ modules, askFor, reports, log, nowMs }: WithModulesOptions): OpenWithModule {
  const lanes = new Map<string, OpenLanes>();
  const lanesOf = ({ sae, node }: Application): OpenLanes => {
    const key = `${sae} ${node}`;
    const there = lanes.get(key) ?? new OpenLanes();
    lanes.set(key, there);
    return there;
  };
  return async (wish, signal) => {
    const { method } = wish;
    if (!isLegacy(method)) return failed("unknown-method", `a hybridization module does not know ${method}`);
    const seed = wish.peer.seedFile === null ? null : await readSeed(wish.peer.seedFile);
    if (seed?.ok === false) return seed;
    const { own, role, peer } = wish;
    const session = await (
      await modules
    ).openSession({ ...wish, role: role === "initiator" ? "client" : "server", peer: peer.module }, signal);
    if (!session.ok) return refused(session.error);
    const streams = edgeStreams({ ask: askFor(own), binding: "json-tcp", log });
    const [sourceUuid, destinationUuid] = role === "initiator" ? [own.uuid, peer.uuid] : [peer.uuid, own.uuid];
    const qos = { ...NO_WISHES, chunkBytes: wish.chunkBytes, timeoutMs: wish.timeoutMs };
    const qkd =
      qkdSource(wish) === undefined
        ? null
        : await moduleQkd({ streams, lanes: lanesOf(own), sourceUuid, destinationUuid, qos }, signal);
    if (qkd?.ok === false && qkdSource(wish)?.required === true) {
      session.value.close();
      return failed("source-unavailable", `QKD: ${qkd.error}`);
    }
    return ok(
      new SessionWithModule({
        wish,
        method,
        seed: seed?.value ?? null,
        session: session.value,
        qkd: qkd?.ok === true ? qkd.value : null,
        reports,
        nowMs,
      }),
    );
  };
}

async function readSeed(file: string): Promise<Result<string, HybridFailure>> {
  try {
    return ok((await readFile(file, "utf8")).trim());
  } catch (thrown) {
    return failed("source-unavailable", `shared_seed_file: ${messageOf(thrown)}`);
  }
}

const CODES = {
  "peer-not-come": "peer-not-come",
  "peer-not-trusted": "peer-gone",
  "peer-gone": "peer-gone",
  timeout: "timeout",
  "kem-failed": "source-unavailable",
  busy: "busy",
  aborted: "timeout",
} as const satisfies Record<ModuleFailure["code"], HybridFailure["code"]>;

const refused = ({ code, detail }: ModuleFailure): Result<never, HybridFailure> => failed(CODES[code], detail);

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

class SessionWithModule implements HybridSession {
  readonly #parts: Parts;
  readonly #chunks: HeldChunks;
  readonly #reports: SessionReports;
  /** One after the other: their order is all that the two ends have in common. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Fetched, and not mixed in yet. */
  #qkd: Uint8Array | null = null;
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
    this.#parts.session.close();
    void this.#parts.qkd?.close();
    this.#qkd?.fill(0);
    this.#chunks.wipe({ code: "unknown-stream", detail: "the stream is closed" });
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
    try {
      const isSeeded = this.#addSeed(keys);
      if (wish.chunkBytes > legacyCoversBytes(method, keys) && !wish.allowShort) {
        return failed("too-few-bytes", `${method} gives fewer than ${wish.chunkBytes} bytes of these sources`);
      }
      const [mixed, left] = [this.#mixed(qkd.value !== null), this.#left(qkd.value !== null)];
      this.#reports.dropped(left);
      if (isSeeded) this.#reports.seedUsed(mixed);
      const metadata = JSON.stringify({
        method,
        sources: mixed,
        ...(left.length === 0 ? {} : { dropped: left }),
        ...(isSeeded ? { seedFallback: true } : {}),
        confirmed: false,
        kem: "agent",
      });
      return ok({ key: combineLegacy(method, keys, wish.chunkBytes), metadata, tag: null });
    } finally {
      for (const key of keys) key.fill(0);
    }
  }

  async #qkdKey(signal: AbortSignal): Promise<Result<Uint8Array | null, HybridFailure>> {
    const { qkd, wish } = this.#parts;
    if (qkd === null || this.#qkd !== null) return ok(this.#qkd);
    const key = await qkd.key(signal);
    if (key.ok) {
      this.#qkd = key.value;
      return key;
    }
    return qkdSource(wish)?.required === true ? failed("source-unavailable", `QKD: ${key.error}`) : ok(null);
  }

  /** @returns whether there was but one key, and the seed's has been added */
  #addSeed(keys: Uint8Array[]): boolean {
    const { seed } = this.#parts;
    const [only, ...more] = keys;
    if (seed === null || only === undefined || more.length > 0) return false;
    keys.push(keyOfSeed(seed, only.length));
    return true;
  }

  #mixed(hasQkd: boolean): readonly string[] {
    const { wish, session } = this.#parts;
    return wish.sources
      .filter(({ algorithm, slot }) =>
        algorithm === "QKD" ? hasQkd : !session.dropped.some((each) => each.slot === slot),
      )
      .map(({ algorithm }) => algorithm);
  }

  #left(hasQkd: boolean): readonly string[] {
    const { wish, session } = this.#parts;
    return [
      ...session.dropped.map(({ algorithm }) => algorithm),
      ...(!hasQkd && qkdSource(wish) !== undefined ? ["QKD"] : []),
    ];
  }
}

export const NO_MODULES: OpenWithModule = () =>
  Promise.resolve(err({ code: "unknown-peer", detail: "no hybridization module is a peer" }));
