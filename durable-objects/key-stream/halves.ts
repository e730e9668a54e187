/** The halves that an object holds, and what its verbs work with. */
import type { Fault } from "../../shared/errors/errors.ts";
import { type KeyStreamRpc, type Ksid, type StreamCaller, streamName } from "../../shared/etsi004/types.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import type { StreamPoolRpc, StreamState } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { Half, type Seat } from "./half.ts";
import type { HybridExchanges } from "./hybrid/exchanges.ts";
import type { Place, StreamRow, StreamStore } from "./store.ts";
import { Turns } from "./turns.ts";

export interface StreamReach {
  readonly store: StreamStore;
  readonly nowMs: () => number;
  /** Many at once cost no more than one. */
  readonly commit: (write: () => void) => Promise<void>;
  readonly poolOf: (place: Place) => StreamPoolRpc;
  /** Another node's KeyStream object. */
  readonly other: (name: string) => Pick<KeyStreamRpc, "peerChanged">;
  readonly background: (work: Promise<unknown>) => void;
  /** A stream was remembered. */
  readonly planLook: () => void;
}

export class Halves {
  readonly reach: StreamReach;
  /** Of streams that mix KEM secrets in. */
  readonly hybrid: HybridExchanges;
  /** Told when something about a half has changed that sockets may wait for. */
  changed: (half: Half) => void = () => {};
  /** Told when a stream is no more. */
  gone: (ksid: Ksid) => void = () => {};
  readonly #halves = new Map<Ksid, Half>();
  readonly #openings = new Map<Ksid, Turns>();

  constructor(reach: StreamReach, hybridOf: (halves: Halves) => HybridExchanges) {
    this.reach = reach;
    this.hybrid = hybridOf(this);
  }

  /** Only if it is in memory. */
  awake(ksid: Ksid): Half | undefined {
    return this.#halves.get(ksid);
  }

  poolOf(half: Half): StreamPoolRpc {
    return this.reach.poolOf(half.place);
  }

  /** How many wait to open it. */
  openings(ksid: Ksid): number {
    return this.#openings.get(ksid)?.waiting ?? 0;
  }

  /** Those who open the same KSID do so one by one. @returns null where it has not come to it in time */
  async opening<T>(ksid: Ksid, untilMs: number, work: () => Promise<T>): Promise<T | null> {
    const turns = this.#openings.get(ksid) ?? new Turns(this.reach.nowMs);
    this.#openings.set(ksid, turns);
    const turn = await turns.take(untilMs);
    try {
      return turn === null ? null : await work();
    } finally {
      turn?.release();
      if (turns.isIdle) this.#openings.delete(ksid);
    }
  }

  /** Where a stream of this KSID is, or was. */
  rowOf(ksid: Ksid): StreamRow | undefined {
    return this.reach.store.get(ksid);
  }

  /** Opened here, or joined. */
  async remember(row: StreamRow, stream: StreamState): Promise<Half> {
    const { store, nowMs, planLook, commit } = this.reach;
    const known = store.get(row.ksid);
    if (known === undefined || !isSamePlace(known, row)) {
      this.#forgetHalf(row.ksid);
      const lookMs = stream.hybrid === undefined ? LIMITS.streamSweepMs : LIMITS.hybridLookMs;
      await commit(() => store.put(row, nowMs() + lookMs));
      planLook();
    }
    this.hybrid.drop(row.ksid, stream.instance);
    return this.#hold(row, stream);
  }

  /** The pool knows of no such stream any more. */
  forget(ksid: Ksid): void {
    this.reach.store.drop(ksid);
    this.hybrid.drop(ksid);
    const half = this.#halves.get(ksid);
    this.#forgetHalf(ksid);
    half?.news.tell();
    this.gone(ksid);
  }

  /**
   * The end that a caller has opened.
   * @returns null where it has not: there is no such stream, or it is that of others
   */
  async seatOf(call: Pick<StreamCaller, "configVersion" | "ksid" | "self">): Promise<Result<Seat | null, Fault>> {
    const half = this.#halves.get(call.ksid);
    const end = half?.endOf(call.self) ?? null;
    if (half !== undefined && end !== null) return ok({ half, end });
    const row = this.rowOf(call.ksid);
    if (row === undefined) return ok(null);
    const state = await this.#ask(row, call);
    if (!state.ok) return state;
    if (state.value === null) return ok(null);
    const loaded = this.#hold(row, state.value);
    const seat = loaded.endOf(call.self);
    return ok(seat === null ? null : { half: loaded, end: seat });
  }

  /** Is the stream still there that was here? */
  async isThere(row: StreamRow, configVersion: number): Promise<Result<boolean, Fault>> {
    const self = { sae: row.sae };
    const state = await this.#ask(row, { configVersion, ksid: row.ksid, self });
    return state.ok ? ok(state.value !== null) : state;
  }

  /** Looks at the pool again. @returns false where the stream is no more, or not this caller's */
  async look({ half, end }: Seat, configVersion: number): Promise<Result<boolean, Fault>> {
    const state = await this.#ask(half.place, { configVersion, ksid: half.ksid, self: end.self });
    if (!state.ok) return state;
    if (state.value === null) return ok(false);
    half.learn(state.value);
    return ok(half.endOf(end.self) !== null);
  }

  /** Tells the other end that something has changed. */
  tell({ half, end }: Seat): void {
    const peer = half.peerOf(end.self);
    half.news.tell();
    this.changed(half);
    if (peer.node === end.self.node) return;
    const { ksid, stream } = half;
    const { instance } = stream;
    // It may be lost: who waits looks for himself.
    const news = { ksid, instance };
    const told: Promise<unknown> =
      peer.node === stream.remoteNode
        ? this.poolOf(half).tellPeer(news)
        : this.reach.other(streamName(ksid, peer.node)).peerChanged(news);
    this.reach.background(told.catch(() => undefined));
  }

  async #ask(place: Place, { configVersion, ksid, self }: Ask): PoolResult<StreamState | null> {
    const state = await this.reach.poolOf(place).streamState({ configVersion, ksid, sae: self.sae });
    // A pair that is no more has no streams.
    return !state.ok && state.error.code === "no-route" ? ok(null) : state;
  }

  #hold({ ksid, pair, shard }: StreamRow, stream: StreamState): Half {
    const known = this.#halves.get(ksid);
    if (known !== undefined) {
      known.learn(stream);
      return known;
    }
    if (this.#halves.size >= LIMITS.streamHalves) this.#dropOneIdle();
    const half = new Half(ksid, { pair, shard }, stream, this.reach.nowMs);
    this.#halves.set(ksid, half);
    return half;
  }

  /** The one that was held first of those that nobody would miss; it is looked up again when it is wanted. */
  #dropOneIdle(): void {
    for (const [ksid, half] of this.#halves) {
      if (!half.isIdle) continue;
      this.#forgetHalf(ksid);
      return;
    }
  }

  #forgetHalf(ksid: Ksid): void {
    this.#halves.get(ksid)?.dropEnds();
    this.#halves.delete(ksid);
  }
}

type Ask = Pick<StreamCaller, "configVersion" | "ksid"> & { readonly self: Pick<StreamCaller["self"], "sae"> };

export const isSamePlace = (a: Place, b: Place): boolean => a.pair === b.pair && a.shard === b.shard;
