/**
 * The pools into which this node has relays under way. A crash ends those, and their targets may have the key already:
 * so the node remembers the pools, not each relay, and whoever it is after the crash has the targets take back what they
 * have. Written down with the first relay after a rest and struck out after the last one: a relay costs no write.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { type NodeId, type PairName, parsePairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { VoidRelaysCall } from "../../shared/relay/types.ts";
import type { Result } from "../../shared/result.ts";
import { within } from "../within.ts";

/** A pool of relayed key. */
export interface RelayedPool {
  readonly pair: PairName;
  readonly shard: number;
}

interface BegunParts {
  readonly node: NodeId;
  readonly store: { begun: readonly RelayedPool[] };
  /** `voidRelays` of that node. Does not throw. */
  readonly voidRelaysAt: (node: NodeId, call: VoidRelaysCall) => Promise<Result<null, Fault>>;
  readonly nowMs: () => number;
}

interface Begun {
  readonly pool: RelayedPool;
  count: number;
  endedMs: number;
}

const nameOf = ({ pair, shard }: RelayedPool): string => `${pair}#${shard}`;

export class BegunRelays {
  readonly #parts: BegunParts;
  /** Of this life. */
  readonly #begun = new Map<string, Begun>();
  /** Of the life before: their targets are still to be asked. */
  readonly #left: Map<string, RelayedPool>;
  readonly #asking = new Map<string, Promise<unknown>>();

  constructor(parts: BegunParts) {
    this.#parts = parts;
    this.#left = new Map(parts.store.begun.map((pool) => [nameOf(pool), pool]));
  }

  /** A relay for that pool, from its beginning to its end: after what an earlier life has left there is taken back. */
  async during<T>(pool: RelayedPool, relay: () => Promise<T>): Promise<T> {
    const name = nameOf(pool);
    const left = this.#left.get(name);
    if (left !== undefined || this.#asking.has(name)) await within(LIMITS.relayTakeBackMs, this.#takeBack(name, pool));
    const begun = this.#begun.get(name) ?? { pool, count: 0, endedMs: 0 };
    begun.count += 1;
    if (!this.#begun.has(name)) {
      this.#begun.set(name, begun);
      this.#write();
    }
    try {
      return await relay();
    } finally {
      begun.count -= 1;
      begun.endedMs = this.#parts.nowMs();
    }
  }

  /** Infinity: nothing is open. */
  dueMs(): number {
    if (this.#left.size > 0) return 0;
    const ended = [...this.#begun.values()].flatMap(({ count, endedMs }) => (count === 0 ? [endedMs] : []));
    return Math.min(Infinity, ...ended) + LIMITS.relayRestMs;
  }

  /** Asks the targets of an earlier life's relays, and strikes out pools that have come to rest. */
  async tick(): Promise<void> {
    const restMs = this.#parts.nowMs() - LIMITS.relayRestMs;
    const resting = [...this.#begun].filter(([, { count, endedMs }]) => count === 0 && endedMs <= restMs);
    for (const [name] of resting) this.#begun.delete(name);
    if (resting.length > 0) this.#write();
    await Promise.all([...this.#left].map(([name, pool]) => this.#takeBack(name, pool)));
  }

  /** Asked once: what is not heard, the target's pool gives up by itself after a minute. */
  #takeBack(name: string, pool: RelayedPool): Promise<unknown> {
    const known = this.#asking.get(name);
    if (known !== undefined) return known;
    this.#left.delete(name);
    const asking = this.#ask(pool).finally(() => {
      this.#asking.delete(name);
      this.#write();
    });
    this.#asking.set(name, asking);
    return asking;
  }

  async #ask({ pair, shard }: RelayedPool): Promise<void> {
    const { node, voidRelaysAt } = this.#parts;
    const { low, high } = parsePairName(pair);
    await voidRelaysAt(low === node ? high : low, { pair, shard, from: node });
  }

  #write(): void {
    const begun = [...this.#begun.values()].map(({ pool }) => pool);
    this.#parts.store.begun = [...this.#left.values(), ...begun];
  }
}
