/** What the two ends of a session between agents have alike: what was agreed on, chunks, and why there are no more. */
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { PeerMessage } from "../../../../shared/hybrid/peer/messages.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import { type Agreement, type Application, publicKeysBytes } from "../agreement.ts";
import type { PeerConnection } from "../channel/types.ts";
import type { HybridFailure } from "../failure.ts";
import { SessionReports } from "../session-reports.ts";
import { HeldChunks, type MadeChunk } from "./held-chunks.ts";
import { type Combination, type EpochMaterial, type QkdPart, wipe } from "./material.ts";
import type { AgentSession, Surroundings } from "./session.ts";

/** Epochs whose secrets are kept: the one in use, and its neighbours where indices are asked for out of order. */
export const EPOCHS_KEPT = 4;

export abstract class SessionEnd implements AgentSession {
  protected readonly around: Surroundings;
  protected readonly agreement: Agreement;
  protected readonly chunks: HeldChunks;
  protected readonly reports: SessionReports;
  /** Nothing of the session is of use. */
  protected broken: HybridFailure | null = null;
  /** No more chunks are made; those there are may be fetched. */
  protected ended: HybridFailure | null = null;
  readonly publicKeysBytes: number;
  lastUsedMs: number;

  constructor(around: Surroundings, agreement: Agreement) {
    this.around = around;
    this.agreement = agreement;
    this.chunks = new HeldChunks(around.nowMs);
    this.reports = new SessionReports(around.reports, agreement);
    this.publicKeysBytes = publicKeysBytes(agreement);
    this.lastUsedMs = around.nowMs();
  }

  get ksid(): Ksid {
    return this.agreement.ksid;
  }

  get own(): Application {
    return this.agreement.own;
  }

  get timeoutMs(): number {
    return this.agreement.timeoutMs;
  }

  get peerSite(): string {
    return this.agreement.peer.site;
  }

  async getKey(index: number, signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>> {
    this.lastUsedMs = this.around.nowMs();
    if (this.broken !== null) return err(this.broken);
    if (this.chunks.get(index) === undefined && this.ended !== null) return err(this.ended);
    const refused = this.bring(index);
    return refused === null ? await this.chunks.take(index, signal) : err(refused);
  }

  sweep(): void {
    this.chunks.sweep();
  }

  /** Sees to it that the chunk is made. @returns why it is not made now; null where it is, or never will be */
  abstract bring(index: number): HybridFailure | null;
  abstract message(from: PeerConnection, message: PeerMessage): void;
  abstract disconnected(connection: PeerConnection): void;
  abstract close(): void;

  /** Forgets what only this end's role has. */
  protected abstract dropAll(failure: HybridFailure): void;

  protected break(failure: HybridFailure): void {
    this.broken ??= failure;
    if (this.broken.code === "not-confirmed") this.reports.notConfirmed();
    this.dropAll(failure);
    this.chunks.wipe(failure);
  }

  protected peerClosed(): HybridFailure {
    this.ended ??= { code: "peer-gone", detail: "the other end has closed the stream" };
    return this.ended;
  }

  /** Chunks in a row, all or none. The QKD key is wiped, whatever comes of it. */
  protected combineAll(
    material: EpochMaterial,
    { index, count }: { readonly index: number; readonly count: number },
    qkd: QkdPart | null,
  ): Result<readonly Combination[], HybridFailure> {
    const combined: Combination[] = [];
    for (let at = 0; at < count; at++) {
      const one = material.combine(index + at, qkd, at);
      if (one.ok) combined.push(one.value);
      else {
        wipe(combined, qkd);
        return one;
      }
    }
    wipe([], qkd);
    return ok(combined);
  }
}
