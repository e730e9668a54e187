/**
 * KEM secrets of hybrid streams: fetched from storage or agreed with the other half when chunks need them, held for a
 * while, and mixed with the pool's chunks. A chunk is given only of secrets that both halves have confirmed.
 */
import { fail, type Fault } from "../../../shared/errors/errors.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type {
  ExchangeAnswer,
  ExchangeName,
  ExchangeOffer,
  ExchangeOutcome,
  ExchangeVerdict,
  HybridHalfRpc,
} from "../../../shared/hybrid/edge/rpc.ts";
import type { HybridTerms } from "../../../shared/hybrid/edge/terms.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { Half, Seat } from "../half.ts";
import { askUntilKnown, initiate } from "./initiator.ts";
import type { HybridMaterial } from "./material.ts";
import {
  cannotCombine,
  type Exchange,
  exchangeOf,
  type HybridParts,
  materialOf,
  peerGone,
  unavailable,
} from "./parts.ts";
import { answerOffer, exchangeAt, judge } from "./responder.ts";

/** Chunks of the pool, concatenated in the order of `indices`; the mixer wipes them. */
export interface ToMix {
  readonly indices: readonly number[];
  readonly qkd: Uint8Array;
}

/** An exchange that is being made, or fetched from storage. */
interface Running {
  readonly name: ExchangeName;
  work: Promise<Result<null, Fault>>;
  /** Meanwhile the stream was closed, or is no more: what becomes of what was written since. */
  thenWrite: (() => void) | null;
}

export class HybridExchanges {
  readonly #parts: HybridParts;
  /** The one used last comes last. */
  readonly #held = new Map<string, { readonly name: ExchangeName; readonly material: HybridMaterial }>();
  readonly #running = new Map<string, Running>();

  constructor(parts: HybridParts) {
    this.#parts = parts;
  }

  /** Are the secrets for these chunks at hand? They are until something is waited for. */
  isReady({ stream, ksid }: Half, indices: readonly number[]): boolean {
    return numbersOf(indices).every((number) => this.#held.has(keyOf({ ksid, instance: stream.instance, number })));
  }

  /**
   * Gets them. What is under way when the time is over goes on.
   * @returns false where it is over
   */
  async prepare(seat: Seat, indices: readonly number[], untilMs: number): Promise<Result<boolean, Fault>> {
    const { half } = seat;
    const { hybrid: terms, instance } = half.stream;
    if (terms === undefined) throw new Error("not a hybrid stream");
    for (const number of numbersOf(indices)) {
      const name = { ksid: half.ksid, instance, number };
      const made = await this.#inTime(this.#once({ name, terms, ...seat }), untilMs);
      if (made === null) return ok(false);
      if (!made.ok) return made;
    }
    return ok(true);
  }

  /** Of chunks that `isReady` said yes to, in the same turn. @returns all or none */
  mix({ ksid, stream }: Half, { indices, qkd }: ToMix): Result<Uint8Array, Fault> {
    const { chunkBytes } = stream.qos;
    const qkdBytes = qkd.length / indices.length;
    const key = new Uint8Array(indices.length * chunkBytes);
    try {
      for (const [at, index] of indices.entries()) {
        const held = this.#held.get(keyOf({ ksid, instance: stream.instance, number: exchangeOf(index) }));
        if (held === undefined) throw new Error(`the secrets for chunk ${index} are not at hand`);
        const chunk = held.material.chunk(index, qkd.subarray(at * qkdBytes, (at + 1) * qkdBytes), chunkBytes);
        if (!chunk.ok) {
          key.fill(0);
          if (chunk.error !== "too-few-bytes") return cannotCombine(chunk.error);
          return fail("conflict", `too-few-bytes: ${stream.hybrid?.method} does not fill ${chunkBytes} bytes`);
        }
        key.set(chunk.value, at * chunkBytes);
        chunk.value.fill(0);
      }
      return ok(key);
    } finally {
      qkd.fill(0);
    }
  }

  // ---- What the other half asks

  async offered(call: ExchangeOffer): Promise<Result<ExchangeAnswer, Fault>> {
    return await answerOffer(this.#parts, call);
  }

  async judged(call: ExchangeVerdict): Promise<Result<ExchangeOutcome, Fault>> {
    const judged = await judge(this.#parts, call);
    if (!judged.ok || typeof judged.value === "string") return judged as Result<ExchangeOutcome, Fault>;
    const { name, material } = judged.value;
    if (material !== null) this.#hold(name, material);
    return ok("confirmed");
  }

  async wanted(call: Parameters<HybridHalfRpc["wantExchange"]>[0]): Promise<Result<null, Fault>> {
    const known = await exchangeAt(this.#parts, call, "initiator");
    return known.ok ? await this.#once(known.value) : known;
  }

  // ---- Ends

  /** This end has closed the stream. */
  async closed({ ksid, stream: { instance, hybrid } }: Half): Promise<void> {
    if (hybrid === undefined) return;
    const wipe = () => this.#parts.store.wipe(ksid, instance);
    this.#letGo(({ ksid: of }) => of === ksid, wipe);
    await this.#parts.commit(wipe);
  }

  /** There is no such stream any more; or there is another since. */
  drop(ksid: Ksid, beforeInstance?: number): void {
    const drop = () => this.#parts.store.drop(ksid, beforeInstance);
    this.#letGo(({ ksid: of, instance }) => of === ksid && instance < (beforeInstance ?? Infinity), drop);
    drop();
  }

  /** When to look whether a stream is still there: sooner where secrets are kept for it. */
  lookMs(ksid: Ksid): number {
    return this.#parts.store.has(ksid) ? LIMITS.hybridLookMs : LIMITS.streamSweepMs;
  }

  /** Offers that nobody came back to, and exchanges whose chunks have all run out. */
  sweep(): void {
    const { store, nowMs } = this.#parts;
    store.dropEnded(nowMs(), LIMITS.hybridSweepRows);
    this.#letGo((name) => store.get(name) === undefined);
  }

  // ---- Inside

  async #once(exchange: Exchange): Promise<Result<null, Fault>> {
    const key = keyOf(exchange.name);
    if (this.#held.has(key)) return ok(null);
    let running = this.#running.get(key);
    if (running === undefined) {
      running = { name: exchange.name, work: Promise.resolve(ok(null)), thenWrite: null };
      this.#running.set(key, running);
      running.work = this.#run(exchange, running).finally(() => this.#running.delete(key));
      this.#parts.background(running.work.catch(() => undefined));
    }
    return await running.work;
  }

  async #run(exchange: Exchange, running: Running): Promise<Result<null, Fault>> {
    const material = await this.#make(exchange);
    if (running.thenWrite !== null) {
      if (material.ok) material.value.wipe();
      await this.#parts.commit(running.thenWrite);
      return material.ok ? unavailable("this end has closed the stream") : material;
    }
    if (!material.ok) return material;
    this.#hold(exchange.name, material.value);
    return ok(null);
  }

  async #make(exchange: Exchange): Promise<Result<HybridMaterial, Fault>> {
    const { name, terms, end } = exchange;
    const isConfirmed = () => ["confirmed", "over"].includes(this.#parts.store.get(name)?.state ?? "");
    if (!isConfirmed() && !isInitiator(terms, end.self)) {
      const wanted = await askUntilKnown(this.#parts, exchange, (half, to) => half.wantExchange({ ...name, to }));
      if (!wanted.ok) return wanted;
      if (!isConfirmed()) return peerGone("the other end's half has agreed on nothing");
    }
    const row = this.#parts.store.get(name);
    return isConfirmed() && row !== undefined
      ? await materialOf(this.#parts, exchange, row)
      : await initiate(this.#parts, exchange);
  }

  #hold(name: ExchangeName, material: HybridMaterial): void {
    const key = keyOf(name);
    this.#held.get(key)?.material.wipe();
    this.#held.delete(key);
    this.#held.set(key, { name, material });
    for (const [oldest, held] of this.#held) {
      if (this.#held.size <= LIMITS.hybridExchangesHeld) return;
      held.material.wipe();
      this.#held.delete(oldest);
    }
  }

  /** @param thenWrite of what is being made still; it goes on where there is none */
  #letGo(concerns: (name: ExchangeName) => boolean, thenWrite: (() => void) | null = null): void {
    if (thenWrite !== null) {
      for (const running of this.#running.values()) if (concerns(running.name)) running.thenWrite = thenWrite;
    }
    for (const [key, { name, material }] of this.#held) {
      if (!concerns(name)) continue;
      material.wipe();
      this.#held.delete(key);
    }
  }

  async #inTime<T>(work: Promise<T>, untilMs: number): Promise<T | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), Math.max(0, untilMs - this.#parts.nowMs()));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const isInitiator = ({ initiator }: HybridTerms, { node }: Seat["end"]["self"]): boolean => initiator.node === node;
const numbersOf = (indices: readonly number[]): readonly number[] => [...new Set(indices.map(exchangeOf))];
const keyOf = ({ ksid, instance, number }: ExchangeName): string => `${ksid} ${instance} ${number}`;
