/** Hybrid streams as one listener's application sees them. */
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { Application } from "./agreement.ts";
import type { HybridOpener } from "./engine-types.ts";
import { failed, type HybridFailure } from "./failure.ts";
import type { MadeChunk } from "./session/held-chunks.ts";
import type { OpenHybrid } from "./wish.ts";

export interface HybridStreams {
  open(wish: OpenHybrid, signal: AbortSignal): Promise<Result<Ksid, HybridFailure>>;
  /** Has this application opened it, and not closed it? */
  has(ksid: Ksid): boolean;
  /** Whoever gets the key wipes it. */
  getKey(ksid: Ksid, index: number, signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>>;
  close(ksid: Ksid): void;
}

/** @param own whom the listener acts for */
export const streamsFor = (engine: HybridOpener, own: Pick<Application, "sae" | "node">): HybridStreams => ({
  async open(wish, signal) {
    const opened = await engine.open(wish, own, signal);
    return opened.ok ? ok(opened.value.ksid) : opened;
  },
  has: (ksid) => engine.sessionOf(ksid, own) !== null,
  async getKey(ksid, index, signal) {
    const session = engine.sessionOf(ksid, own);
    if (session === null) return failed("unknown-stream", "no such stream");
    return await session.getKey(index, AbortSignal.any([signal, AbortSignal.timeout(session.timeoutMs)]));
  },
  close(ksid) {
    const session = engine.sessionOf(ksid, own);
    if (session !== null) engine.closeSession(session);
  },
});
