/**
 * Are the secrets shown the right ones? Their hashes are slow on purpose, and everybody in the isolate waits for one:
 * they are rationed, and a secret that was right is known again for a while by a fast hash under a key that lives in
 * memory only, so that clients that ask for a token a key are not slow.
 */
import { createHmac, randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import { LIMITS } from "../../shared/limits.ts";
import { HASH_BYTES, isHashable, readPasswordHash } from "../../shared/open-qkd-network/password-hash.ts";
import { Ration } from "./ration.ts";

/** Above 128 * N * r of the most expensive hash that the network document may hold. */
const MAX_MEMORY_BYTES = 80 * 1024 * 1024;

export type Verdict =
  | { readonly is: "right" }
  | { readonly is: "wrong" }
  | { readonly is: "throttled"; readonly waitMs: number };

export class Secrets {
  readonly #key = randomBytes(32);
  /** Fast hash of a right secret -> until when it is remembered. The one used least recently comes first. */
  readonly #remembered = new Map<string, number>();
  readonly #own: Ration;
  readonly #shared: Ration;

  /** @param shared by all that hash in this isolate */
  constructor(shared: Ration, nowMs: number) {
    this.#own = new Ration(LIMITS.kmsHashes, nowMs);
    this.#shared = shared;
  }

  /** Is this secret known to be right, without its slow hash? @param hash as it stands in the network document */
  knows(hash: string, shown: string, nowMs: number): boolean {
    const mark = this.#markOf(hash, shown);
    const untilMs = this.#remembered.get(mark);
    if (untilMs === undefined) return false;
    this.#remembered.delete(mark);
    if (nowMs >= untilMs) return false;
    this.#remember(mark, nowMs);
    return true;
  }

  check(hash: string, shown: string, nowMs: number): Verdict {
    if (this.knows(hash, shown, nowMs)) return { is: "right" };
    const verdict = this.#hashed(hash, shown, nowMs);
    if (verdict.is === "right") this.#remember(this.#markOf(hash, shown), nowMs);
    return verdict;
  }

  /**
   * Takes as long as `check`, and is never right: for who is nobody. Nothing of it is remembered, or what is quick would
   * show the secret of the decoy's owner to who tries it under other names.
   */
  pretend(decoy: string, shown: string, nowMs: number): Verdict {
    const verdict = this.#hashed(decoy, shown, nowMs);
    return verdict.is === "right" ? { is: "wrong" } : verdict;
  }

  #hashed(hash: string, shown: string, nowMs: number): Verdict {
    const waitMs = this.#own.take(nowMs) || this.#shared.take(nowMs);
    if (waitMs > 0) return { is: "throttled", waitMs };
    return { is: isRight(hash, shown) ? "right" : "wrong" };
  }

  #remember(mark: string, nowMs: number): void {
    this.#remembered.set(mark, nowMs + LIMITS.kmsRememberedMs);
    const oldest =
      this.#remembered.size > LIMITS.kmsRememberedSecrets ? this.#remembered.keys().next().value : undefined;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #markOf(hash: string, shown: string): string {
    return createHmac("sha256", this.#key).update(`${hash}\n${shown}`).digest("base64");
  }
}

function isRight(text: string, shown: string): boolean {
  const wanted = readPasswordHash(text);
  if (wanted === null || !isHashable(shown)) return false;
  const { log2N, r, p, salt, hash } = wanted;
  const computed = scryptSync(shown, salt, HASH_BYTES, { N: 2 ** log2N, r, p, maxmem: MAX_MEMORY_BYTES });
  return timingSafeEqual(computed, hash);
}
