/** The client certificates that callers show, told to the Monitor now and then: it says when one is about to end. */
import { LIMITS } from "../../shared/limits.ts";
import type { AlarmsRpc, ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import type { Background } from "./directory.ts";

type Monitor = Pick<AlarmsRpc, "certificatesSeen">;

export class ShownCertificates {
  /** Fingerprint -> when it was told last. */
  readonly #toldMs = new Map<string, number>();
  #pending: ShownCertificate[] = [];
  #tellingFromMs = Number.NEGATIVE_INFINITY;

  /** Cheap: called with every request. One that cannot be told is told with a later request, or by another isolate. */
  note(shown: ShownCertificate, nowMs: number, monitor: () => Monitor, background: Background): void {
    if (nowMs < (this.#toldMs.get(shown.fingerprint) ?? -Infinity) + LIMITS.certificateToldMs) return;
    if (this.#pending.length < LIMITS.certificatesToldAtOnce) this.#add(shown, nowMs);
    // Who was to tell them may have been ended by the platform.
    if (nowMs - this.#tellingFromMs < LIMITS.backgroundMs) return;
    this.#tellingFromMs = nowMs;
    background.waitUntil(this.#tell(monitor));
  }

  #add(shown: ShownCertificate, nowMs: number): void {
    const { fingerprint } = shown;
    this.#toldMs.delete(fingerprint);
    this.#toldMs.set(fingerprint, nowMs);
    const [oldest] = this.#toldMs.keys();
    if (this.#toldMs.size > LIMITS.cachedCertificates && oldest !== undefined) this.#toldMs.delete(oldest);
    this.#pending.push(shown);
  }

  async #tell(monitor: () => Monitor): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const told = this.#pending;
        this.#pending = [];
        // oxlint-disable-next-line no-await-in-loop -- what came meanwhile goes together
        await monitor().certificatesSeen(told);
      }
    } catch {
      // Without the Monitor all else goes on: in an hour they are told again.
    } finally {
      this.#tellingFromMs = Number.NEGATIVE_INFINITY;
    }
  }
}

/** This isolate's. */
export const shownCertificates = new ShownCertificates();
