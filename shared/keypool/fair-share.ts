/**
 * Fair when short: while a pool holds little, nobody takes what others would need to catch up.
 *
 * Every principal has a level: the bits it took, fading with time. Those who ask at present are served like vessels
 * filled from the bottom: one is told to wait where the others need all that is left to come up to its level. The lowest
 * is always served, so a lone principal gets everything. Levels are counted only while the pool is short, and kept in
 * memory only.
 */

interface Taker {
  /** Bits as of `atMs`. */
  readonly level: number;
  readonly atMs: number;
  /** Until then it is one of those who ask. */
  readonly asksUntilMs: number;
}

/** Half of what was taken counts no more after 42 s, nearly all of it after three minutes. */
const FADES_MS = 60_000;
/** Who has been served, or has found the pool empty, is expected back within so long: it is told to come after a second. */
const ASKS_MS = 3000;

const levelAt = ({ level, atMs }: Taker, nowMs: number): number =>
  level * Math.exp(-Math.max(0, nowMs - atMs) / FADES_MS);

export class FairShare {
  readonly #maxTakers: number;
  /** Who asked last stands last. */
  readonly #takers = new Map<string, Taker>();

  /** @param maxTakers beyond, who has not asked for longest is forgotten */
  constructor(maxTakers: number) {
    this.#maxTakers = maxTakers;
  }

  /** May `who` take some now? False: it is not waited for until it asks again. */
  mayTake(who: string, availableBits: number, nowMs: number): boolean {
    const own = this.#levelOf(who, nowMs);
    let owedBits = 0;
    for (const [other, taker] of this.#takers) {
      if (other !== who && taker.asksUntilMs > nowMs) owedBits += Math.max(0, own - levelAt(taker, nowMs));
    }
    const may = owedBits < availableBits;
    this.#put(who, own, nowMs, may);
    return may;
  }

  took(who: string, bits: number, nowMs: number): void {
    this.#put(who, this.#levelOf(who, nowMs) + bits, nowMs, true);
  }

  /** It may take, but the pool has too little: what comes in is kept for it, as far as it is owed that. */
  unserved(who: string, nowMs: number): void {
    this.#put(who, this.#levelOf(who, nowMs), nowMs, true);
  }

  #levelOf(who: string, nowMs: number): number {
    const taker = this.#takers.get(who);
    return taker === undefined ? 0 : levelAt(taker, nowMs);
  }

  #put(who: string, level: number, nowMs: number, asks: boolean): void {
    this.#takers.delete(who);
    this.#takers.set(who, { level, atMs: nowMs, asksUntilMs: asks ? nowMs + ASKS_MS : nowMs });
    if (this.#takers.size <= this.#maxTakers) return;
    for (const oldest of this.#takers.keys()) {
      this.#takers.delete(oldest);
      return;
    }
  }
}
