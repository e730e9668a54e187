/**
 * Nonces that agents may sign, each once and for a short time. In memory: a hub that slept or was deployed anew knows
 * none, and an agent asks for another. Strangers may ask for as many as they like: what they push out is the oldest.
 */
import { toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import { NONCE_BYTES } from "../../shared/tunnel/messages.ts";

export class Nonces {
  readonly #nowMs: () => number;
  /** Until when. Oldest first. */
  readonly #untilMs = new Map<string, number>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  issue(): string {
    const nowMs = this.#nowMs();
    for (const [nonce, untilMs] of this.#untilMs) {
      if (untilMs > nowMs && this.#untilMs.size < LIMITS.tunnelNonces) break;
      this.#untilMs.delete(nonce);
    }
    const nonce = toBase64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
    this.#untilMs.set(nonce, nowMs + LIMITS.tunnelNonceMs);
    return nonce;
  }

  /** Uses one up. @returns whether it was good */
  take(nonce: string): boolean {
    const untilMs = this.#untilMs.get(nonce) ?? 0;
    this.#untilMs.delete(nonce);
    return untilMs > this.#nowMs();
  }
}
