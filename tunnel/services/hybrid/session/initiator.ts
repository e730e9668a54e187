/** The initiator's end of a session: the source's agent. It says which chunks are made, and makes the KEMs' key pairs. */
import { METHODS } from "../../../../shared/hybrid/methods.ts";
import type { Made, Make, PeerMessage } from "../../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import { type Agreement, qkdPeer } from "../agreement.ts";
import type { PeerConnection } from "../channel/types.ts";
import { Exchanges } from "./exchanges.ts";
import { failed, type HybridFailure, NO_ROOM, toPeer } from "../failure.ts";
import { EPOCHS_KEPT, SessionEnd } from "./end.ts";
import { EpochMaterial, epochOf, fits, isTriedWithoutQkd, wipe } from "./material.ts";
import { Pace } from "./pace.ts";
import { decapsulateAll, discard, type Epoch, type Prepared, prepare } from "./prepare.ts";
import { takeQkd } from "./qkd-part.ts";
import { type Surroundings, unlessBusy } from "./session.ts";

export class InitiatorSession extends SessionEnd {
  readonly #exchanges = new Exchanges<Made>();
  readonly #epochs = new Map<number, Epoch>();
  /** Indices that are being made. */
  readonly #making = new Set<number>();
  readonly #pace: Pace;
  /** 0 went out with `open`. */
  #attempts = 1;

  constructor(around: Surroundings, agreement: Agreement) {
    super(around, agreement);
    this.#pace = new Pace(around.nowMs);
  }

  /** Chunk 0, of which the first part went out with `open`. */
  async begin(prepared: Prepared, made: Made, connection: PeerConnection): Promise<Result<null, HybridFailure>> {
    prepared.epoch.announce();
    this.#epochs.set(prepared.epoch.number, prepared.epoch);
    this.#making.add(0);
    const done = await this.#finish(prepared, made, connection);
    this.#making.delete(0);
    if (done.ok || !isTriedWithoutQkd(this.agreement, done.error)) return done;
    this.bring(0);
    return ok(null);
  }

  /**
   * Makes the chunk where it is neither made nor being made, and some after it where one asks quickly.
   * @returns why it is not made now; null where it is, or never will be
   */
  override bring(index: number): HybridFailure | null {
    if (this.ended !== null) return null;
    const ahead = this.#pace.ask(index);
    const last = Math.min(index + ahead, 0xffff_ffff);
    for (let first = index; first <= last && this.#making.size < LIMITS.hybridChunksHeld;) {
      if (!this.#isMissing(first)) {
        first += 1;
        continue;
      }
      const count = this.#run(first, last);
      void this.#make(first, count);
      first += count;
    }
    return this.#isMissing(index) ? { code: "busy", detail: "as many chunks are made as may be" } : null;
  }

  override message(from: PeerConnection, message: PeerMessage): void {
    switch (message.type) {
      case "made":
        this.#exchanges.answer(String(message.made.attempt), ok(message.made));
        break;
      case "want":
        this.#wanted(from, message.index);
        break;
      case "failed":
        if (message.index === null) this.break({ code: message.code, detail: message.detail });
        else this.#exchanges.answer(String(message.attempt), failed(message.code, message.detail));
        break;
      case "close":
        this.#exchanges.endAll(this.peerClosed());
        break;
      default:
    }
  }

  override disconnected(): void {
    this.#exchanges.endAll({ code: "peer-gone", detail: "the connection to the other agent is lost" });
  }

  override close(): void {
    const { site } = this.agreement.peer;
    void this.around.channel
      .reach(site, AbortSignal.timeout(LIMITS.hybridExchangeMs))
      .then((connection) => connection.ok && connection.value.send({ type: "close", session: this.ksid }));
    this.break({ code: "unknown-stream", detail: "the stream is closed" });
  }

  protected override dropAll(failure: HybridFailure): void {
    this.#exchanges.endAll(failure);
    for (const epoch of this.#epochs.values()) this.#forget(epoch);
  }

  #isMissing(index: number): boolean {
    return !this.chunks.wasMade(index) && !this.#making.has(index);
  }

  /** How many from `first` on can be made together: of one epoch, none of them made. */
  #run(first: number, last: number): number {
    const perEpoch = METHODS[this.agreement.method].chunksPerEpoch;
    const end = Math.min(last + 1, first + LIMITS.hybridChunksAtOnce, (epochOf(this.agreement, first) + 1) * perEpoch);
    let next = first + 1;
    while (next < end && this.#isMissing(next)) next += 1;
    return next - first;
  }

  /** What was confirmed, and did not arrive, is confirmed again. */
  #wanted(from: PeerConnection, index: number): void {
    if (this.chunks.get(index) !== undefined) {
      this.#confirm(from, index, 1);
      return;
    }
    const gone = { code: "index-used", detail: `chunk ${index} is not held any more` } as const;
    const refused = this.chunks.wasMade(index) ? gone : this.bring(index);
    if (refused === null) return;
    from.send({ type: "failed", session: this.ksid, attempt: null, index, count: 1, ...toPeer(refused) });
  }

  async #make(first: number, count: number): Promise<void> {
    const indices = Array.from({ length: count }, (_, at) => first + at);
    for (const index of indices) this.#making.add(index);
    try {
      const done = await this.#exchange(first, count);
      if (done.ok) return;
      for (const index of indices) this.chunks.fail(index, done.error);
      // Chunks that were made ahead, when either application closed: nobody wants them.
      if (this.broken?.code === "unknown-stream" || this.ended !== null) return;
      this.around.log("warn", "hybrid chunks not made", { ksid: this.ksid, index: first, count, ...done.error });
    } finally {
      for (const index of indices) this.#making.delete(index);
    }
  }

  /** Where QKD key is optional, and either end cannot have it, once more without. */
  async #exchange(first: number, count: number): Promise<Result<null, HybridFailure>> {
    const done = await this.#try(first, count, true);
    return !done.ok && isTriedWithoutQkd(this.agreement, done.error) ? await this.#try(first, count, false) : done;
  }

  async #try(first: number, count: number, withQkd: boolean): Promise<Result<null, HybridFailure>> {
    const { peer, peerSae } = this.agreement;
    const signal = AbortSignal.timeout(LIMITS.hybridExchangeMs);
    const connection = await this.around.channel.reach(peer.site, signal);
    if (!connection.ok) return failed("peer-gone", connection.error);
    const attempt = this.#attempts++;
    const prepared = await prepare(
      this.around,
      this.agreement,
      peerSae,
      { attempt, first, count, withQkd, epochs: this.#epochs },
      signal,
    );
    // The responder's application may wait for them, too.
    if (!prepared.ok) return this.#refuse(connection.value, { index: first, count }, prepared.error);
    const { make, epoch, pairs } = prepared.value;
    if (pairs !== null && !connection.value.hasRoom()) {
      epoch.announce();
      this.#forget(epoch);
      discard(prepared.value);
      return NO_ROOM;
    }
    const made = await this.#exchanges.ask(String(attempt), () => {
      connection.value.send({ type: "make", session: this.ksid, make });
      if (pairs !== null) epoch.announce();
    });
    if (!made.ok) {
      discard(prepared.value);
      // Of an epoch that was there before, the responder may have forgotten its part.
      if (pairs !== null || made.error.code === "source-unavailable") this.#forget(epoch);
      if (make.qkd !== null && made.error.code === "source-unavailable") {
        this.around.qkd.abandon(qkdPeer(this.agreement, peerSae), make.qkd.ksid);
      }
      return made;
    }
    return await this.#finish(prepared.value, made.value, connection.value);
  }

  async #finish(prepared: Prepared, made: Made, connection: PeerConnection): Promise<Result<null, HybridFailure>> {
    const { index, count, qkd } = prepared.make;
    const material = await this.#material(prepared, made);
    if (!material.ok) return this.#refuse(connection, prepared.make, material.error);
    const part = await takeQkd(this.around, this.agreement, count, qkd, AbortSignal.timeout(LIMITS.hybridExchangeMs));
    if (!part.ok) return this.#refuse(connection, prepared.make, part.error);
    const done = this.combineAll(material.value, { index, count }, part.value);
    if (!done.ok) return this.#refuse(connection, prepared.make, done.error);
    const combined = done.value;
    if (combined.some(({ expected }, at) => !fits(made.tags?.[at], expected))) {
      wipe(combined, null);
      return this.#refuse(connection, prepared.make, {
        code: "not-confirmed",
        detail: "the two ends have not made the same key",
      });
    }
    // Closed meanwhile, or found to differ by another exchange: nothing more is held.
    if (this.broken !== null) {
      wipe(combined, null);
      return err(this.broken);
    }
    combined.forEach(({ chunk, dropped }, at) => {
      this.chunks.put(index + at, chunk);
      this.reports.dropped(dropped);
    });
    this.#confirm(connection, index, count);
    if (METHODS[this.agreement.method].chunksPerEpoch === 1) this.#forget(prepared.epoch);
    return ok(null);
  }

  /** Nothing of these chunks is used any more, at either end; what does not fit once is not trusted again. */
  #refuse(
    connection: PeerConnection,
    { index, count }: Pick<Make, "index" | "count">,
    failure: HybridFailure,
  ): Result<never, HybridFailure> {
    connection.send({ type: "failed", session: this.ksid, attempt: null, index, count, ...toPeer(failure) });
    if (failure.code === "not-confirmed") this.break(failure);
    return err(failure);
  }

  #confirm(connection: PeerConnection, index: number, count: number): void {
    const tags = Array.from({ length: count }, (_, at) => this.chunks.get(index + at)?.tag ?? null);
    const shown = tags.filter((tag) => tag !== null);
    connection.send({ type: "confirm", session: this.ksid, index, count, tags: shown.length === count ? shown : null });
  }

  async #material(prepared: Prepared, made: Made): Promise<Result<EpochMaterial, HybridFailure>> {
    const { pairs, epoch } = prepared;
    if (pairs === null) {
      const material = await epoch.material;
      return material === null ? failed("source-unavailable", "the exchange of KEM keys has failed") : ok(material);
    }
    const entries = await unlessBusy(
      async () => await decapsulateAll(this.around, this.agreement, prepared, made.ciphertexts ?? []),
    );
    if (!entries.ok) {
      this.#forget(epoch);
      return entries;
    }
    const material = new EpochMaterial(this.agreement, entries.value);
    epoch.settle(material);
    if ((await epoch.material) !== material) {
      material.wipe();
      return failed("source-unavailable", "these KEM keys were given up");
    }
    for (const old of [...this.#epochs.values()].slice(0, -EPOCHS_KEPT)) this.#forget(old);
    return ok(material);
  }

  #forget(epoch: Epoch): void {
    epoch.settle(null);
    if (this.#epochs.get(epoch.number) === epoch) this.#epochs.delete(epoch.number);
    void epoch.material.then((material) => material?.wipe());
  }
}
