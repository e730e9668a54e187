/**
 * This isolate's copy of what objects said of bearer tokens, each at most LIMITS.accessMaxAgeMs old. Of finished answers
 * only: requests may not wait for each other's I/O.
 */
import { LIMITS } from "../../shared/limits.ts";

interface Word<Holder> {
  readonly holder: Holder | null;
  readonly askedAtMs: number;
}

export class TokenWords<Holder> {
  readonly #nowMs: () => number;
  readonly #words = new Map<string, Word<Holder>>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Who holds this token; null: nobody. @throws where the object does not answer */
  async holder(tokenSha256: string, ask: (tokenSha256: string) => Promise<Holder | null>): Promise<Holder | null> {
    const askedAtMs = this.#nowMs();
    const known = this.#words.get(tokenSha256);
    if (known !== undefined && askedAtMs - known.askedAtMs <= LIMITS.accessMaxAgeMs) return known.holder;
    const holder = await ask(tokenSha256);
    this.#words.delete(tokenSha256);
    const oldest = this.#words.size >= LIMITS.cachedAccesses ? this.#words.keys().next().value : undefined;
    if (oldest !== undefined) this.#words.delete(oldest);
    this.#words.set(tokenSha256, { holder, askedAtMs });
    return holder;
  }

  /** What was said of this one is out of date. */
  forget(tokenSha256: string): void {
    this.#words.delete(tokenSha256);
  }
}
