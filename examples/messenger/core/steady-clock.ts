/**
 * Time that goes on while the machine sleeps and never goes back: where somebody sets the clock back by an hour, nothing
 * is sent again an hour later, and no key is kept for as long.
 */
export interface Clocks {
  /** Date.now: may be set, goes on in sleep. */
  readonly wall: () => number;
  /** performance.now: cannot be set, may stand still in sleep. */
  readonly running: () => number;
}

export function steadyClock({ wall, running }: Clocks): () => number {
  let aheadMs = -Infinity;
  return () => {
    const runningMs = running();
    aheadMs = Math.max(aheadMs, wall() - runningMs);
    return runningMs + aheadMs;
  };
}
