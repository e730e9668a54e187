/**
 * QKD key for hybrid streams. Sessions of two applications share one ETSI GS QKD 004 stream at the edge, opened by the end
 * that allocates its numbers and joined by the other once it is told of one; a session costs no call to the edge of its own.
 */
import { ksidOfText } from "../../../../shared/etsi004/ksid.ts";
import { NO_WISHES } from "../../../../shared/etsi004/qos.ts";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import type { Log } from "../../../log.ts";
import type { ActingFor } from "../../etsi004/as-agent.ts";
import type { EdgeStreams } from "../../etsi004/edge-streams.ts";
import type { QkdNumber, QkdPeer, QkdSupply } from "./types.ts";
import { MAX_NUMBERS, NUMBER_BYTES } from "./numbers.ts";
import { QkdStream } from "./stream.ts";
import { type Entry, QkdStreams } from "./streams.ts";

export interface QkdSupplyOptions {
  /** The edge, for an application of this site; with the binding `qkd-module`. */
  readonly streams: (acting: ActingFor) => EdgeStreams;
  readonly log: Log;
  readonly nowMs: () => number;
}

const LATE = "no QKD key in time";
const UNKNOWN = "no such QKD stream";
/** A stream may turn out to be over when it is used: then there is a new one. */
const OPENINGS = 2;

const qos = { ...NO_WISHES, chunkBytes: NUMBER_BYTES, timeoutMs: LIMITS.hybridQkdTimeoutMs };

/** As shared/etsi004/address.ts reads it: an application at a node. */
const uriOf = ({ sae, uuid }: QkdPeer["peer"]): string =>
  `qkd://${sae === null ? "" : `${encodeURIComponent(sae.toWellFormed())}@`}${uuid}`;

const isCount = (count: number): boolean => Number.isInteger(count) && count > 0 && count <= LIMITS.hybridQkdNumbers;

export class EdgeQkdSupply implements QkdSupply {
  readonly #options: QkdSupplyOptions;
  readonly #streams: QkdStreams;
  readonly #closing = new AbortController();
  readonly #sweeping: NodeJS.Timeout;

  constructor(options: QkdSupplyOptions) {
    this.#options = options;
    this.#streams = new QkdStreams(options.nowMs);
    this.#sweeping = setInterval(() => this.#streams.sweep(), LIMITS.hybridQkdSweepMs).unref();
  }

  async allocate(to: QkdPeer, count: number, signal: AbortSignal): Promise<Result<QkdNumber, string>> {
    if (to.allocates !== "own" || !isCount(count)) return err("QKD numbers that cannot be promised");
    let reason = UNKNOWN;
    for (let opening = 0; opening < OPENINGS; opening++) {
      const entry = this.#streams.currentOf(to) ?? this.#add(to, null);
      const stream = await orAborted(entry.stream, signal);
      if (!stream.ok) return stream;
      const first = await stream.value.allocate(count, signal);
      if (first.ok) return ok({ ksid: stream.value.ksid, number: first.value });
      ({ reason } = first.error);
      if (first.error.kind !== "over") break;
    }
    return err(reason);
  }

  async take(
    to: QkdPeer,
    { ksid: text, number }: QkdNumber,
    count: number,
    signal: AbortSignal,
  ): Promise<Result<Uint8Array, string>> {
    const ksid = ksidOfText(text);
    const areNumbers = Number.isInteger(number) && number >= 0 && isCount(count) && number + count <= MAX_NUMBERS;
    if (ksid === null || !areNumbers) return err("no QKD numbers");
    const known = this.#streams.ofKsid(to, ksid);
    if (known === undefined && to.allocates === "own") return err(UNKNOWN);
    const stream = await orAborted((known ?? this.#add(to, ksid)).stream, signal);
    if (!stream.ok) return stream;
    const taken = await stream.value.take(number, count, signal);
    return taken.ok ? taken : err(taken.error.reason);
  }

  abandon(to: QkdPeer, text: string): void {
    const ksid = ksidOfText(text);
    if (ksid !== null && to.allocates === "own") this.#streams.ofKsid(to, ksid)?.opened?.retire();
  }

  /** Does by and by what is due; on its own, too. */
  sweep(): void {
    this.#streams.sweep();
  }

  close(): void {
    clearInterval(this.#sweeping);
    this.#closing.abort();
    this.#streams.closeAll();
  }

  #add(to: QkdPeer, ksid: Ksid | null): Entry {
    return this.#streams.add(to, ksid, this.#open(to, ksid));
  }

  /** Both opening and joining. @param ksid null: one for the edge to allocate */
  async #open({ own, peer, allocates }: QkdPeer, ksid: Ksid | null): Promise<Result<QkdStream, string>> {
    const { log, nowMs } = this.#options;
    if (this.#closing.signal.aborted) return err("the agent ends");
    const streams = this.#options.streams({ sae: own.sae, node: own.node });
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LIMITS.hybridExchangeMs)]);
    const wish = { source: uriOf(own), destination: uriOf(peer), ksid, qos };
    const opened = await streams.open(wish, signal);
    if (!opened.ok) return err(`the edge opens no QKD stream: ${opened.error.message}`);
    const { status, ksid: given, qos: met, message } = opened.value;
    const isOpen = status === STATUS.success || status === STATUS["peer-not-connected"];
    if (isOpen && given !== null && met?.chunkBytes === NUMBER_BYTES) {
      log("info", "QKD stream opened", { ksid: given, sae: own.sae, peer: peer.sae ?? peer.uuid, allocates });
      return ok(new QkdStream({ streams, ksid: given, allocates: allocates === "own", nowMs }));
    }
    const left = given ?? ksid;
    if (left !== null) void streams.close(left, AbortSignal.timeout(LIMITS.hybridQkdCloseMs));
    return err(`the edge opens no QKD stream: ${message ?? `status ${status}`}`);
  }
}

/** What others wait for, too, goes on without this caller. */
async function orAborted<T>(work: Promise<Result<T, string>>, signal: AbortSignal): Promise<Result<T, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<T, string>>();
  const abort = (): void => resolve(err(LATE));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const outcome = await Promise.race([promise, work]);
  signal.removeEventListener("abort", abort);
  return outcome;
}
