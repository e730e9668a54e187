/** Keyed entries that were made for later, in memory only: bounded in number and age, and wiped when they go. */
import type { MadeKey } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Change } from "../netconf/netconf-host.ts";

export interface HeldEntry {
  /** With the key in it. */
  readonly change: Change;
  readonly made: MadeKey;
}

export class HeldKeys {
  readonly #held = new Map<string, HeldEntry & { readonly untilMs: number }>();
  readonly #nowMs: () => number;
  readonly #sweeper: NodeJS.Timeout;
  #isClosed = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sweeper = setInterval(() => this.sweep(), LIMITS.ipsecHeldSweepMs);
    this.#sweeper.unref();
  }

  get size(): number {
    return this.#held.size;
  }

  /** Of one name the newest counts. @returns false where there is no room: `entry` is the caller's then */
  put(name: string, entry: HeldEntry): boolean {
    this.forget(name);
    this.sweep();
    if (this.#held.size >= LIMITS.ipsecHeldKeys || this.#isClosed) return false;
    this.#held.set(name, { ...entry, untilMs: this.#nowMs() + LIMITS.ipsecHeldMs });
    return true;
  }

  /** It is the caller's then. */
  take(name: string): HeldEntry | null {
    this.sweep();
    const held = this.#held.get(name) ?? null;
    this.#held.delete(name);
    return held;
  }

  forget(name: string): void {
    this.#held.get(name)?.change.config.fill(0);
    this.#held.delete(name);
  }

  sweep(): void {
    const nowMs = this.#nowMs();
    for (const [name, { untilMs }] of this.#held) if (untilMs <= nowMs) this.forget(name);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    for (const name of this.#held.keys()) this.forget(name);
  }
}
