/**
 * Key pairs of slow mechanisms, made ahead of need: who has used a mechanism may use it again soon. They are wiped when
 * they get old, and at the end.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { KeyPair } from "../../shared/kem/kem.ts";
import type { KemName } from "../../shared/kem/registry.ts";

export interface PairMaker {
  /** For somebody who waits. */
  now(name: KemName): Promise<KeyPair>;
  /** When there is nothing better to do; `begins` is called then. */
  ahead(name: KemName, begins: () => void): Promise<KeyPair>;
}

interface Kept {
  readonly name: KemName;
  readonly pair: KeyPair;
  readonly madeMs: number;
}

interface Making {
  readonly name: KemName;
  pair: Promise<KeyPair> | null;
  begun: boolean;
  /** Somebody waits for it. */
  taken: boolean;
}

export class PairsAhead {
  readonly #maker: PairMaker;
  /** The oldest first. */
  readonly #kept: Kept[] = [];
  readonly #wanted = new Set<KemName>();
  #making: Making | null = null;
  #closed = false;
  #sweep: NodeJS.Timeout | undefined;

  constructor(maker: PairMaker) {
    this.#maker = maker;
  }

  async take(name: KemName): Promise<KeyPair> {
    const pair = (await this.#ready(name)) ?? (await this.#maker.now(name));
    this.#wanted.add(name);
    this.#next();
    return pair;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
    this.#wipeUntil(Number.POSITIVE_INFINITY);
  }

  async #ready(name: KemName): Promise<KeyPair | null> {
    const at = this.#kept.findIndex((kept) => kept.name === name);
    const [kept] = at < 0 ? [] : this.#kept.splice(at, 1);
    if (kept !== undefined) return kept.pair;
    const making = this.#making;
    if (making?.name !== name || making.taken || !making.begun) return null;
    making.taken = true;
    return (await making.pair?.catch(() => null)) ?? null;
  }

  #next(): void {
    if (this.#closed || this.#making !== null) return;
    const [name] = this.#wanted;
    if (name === undefined) return;
    const making: Making = { name, pair: null, begun: false, taken: false };
    this.#making = making;
    making.pair = this.#maker.ahead(name, () => {
      making.begun = true;
    });
    void this.#keep(making, making.pair);
  }

  async #keep(making: Making, made: Promise<KeyPair>): Promise<void> {
    const { name } = making;
    try {
      const pair = await made;
      if (!making.taken) this.#kept.push({ name, pair, madeMs: performance.now() });
      const enough = this.#kept.filter((kept) => kept.name === name).length >= LIMITS.kemPairsAheadEach;
      if (enough) this.#wanted.delete(name);
    } catch {
      // Whoever needs one next has it made, and hears why that fails.
      this.#wanted.delete(name);
    }
    this.#making = null;
    if (this.#kept.length > LIMITS.kemPairsAhead) wipe(this.#kept.shift());
    if (this.#closed) return this.#wipeUntil(Number.POSITIVE_INFINITY);
    this.#planSweep();
    this.#next();
  }

  #planSweep(): void {
    clearTimeout(this.#sweep);
    const [oldest] = this.#kept;
    if (oldest === undefined) return;
    const leftMs = oldest.madeMs + LIMITS.kemPairAheadMs - performance.now();
    this.#sweep = setTimeout(
      () => {
        this.#wipeUntil(performance.now() - LIMITS.kemPairAheadMs);
        this.#planSweep();
      },
      Math.max(1, leftMs),
    ).unref();
  }

  #wipeUntil(madeMs: number): void {
    while (this.#kept[0] !== undefined && this.#kept[0].madeMs <= madeMs) wipe(this.#kept.shift());
  }
}

const wipe = (kept: Kept | undefined): unknown => kept?.pair.secretKey.fill(0);
