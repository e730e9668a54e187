/**
 * Where a module's connections and the applications that want them meet. Either may come first; a connection that
 * nobody has asked for when its module gives up is gone.
 */
import { LIMITS } from "../../../../shared/limits.ts";
import type { ModuleConnection } from "./connection.ts";

export interface Arrival {
  /** See `keyOf`. */
  readonly key: string;
  readonly connection: ModuleConnection;
  /** Of its certificate. */
  readonly fingerprint: string;
  /** Does its certificate name this host? */
  isOf(host: string): boolean;
}

interface Waiter {
  readonly key: string;
  /** Whose connection: that somebody else of the same authority knows its name does not make it theirs. */
  readonly host: string;
  readonly resolve: (connection: ModuleConnection | null) => void;
}

export class Meeting {
  /** In the order in which they came. */
  readonly #arrivals = new Map<Arrival, NodeJS.Timeout>();
  readonly #waiters = new Set<Waiter>();
  readonly #holdMs: number;

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** For tests and metrics: connections that nobody has asked for. */
  get unclaimed(): number {
    return this.#arrivals.size;
  }

  arrive(arrival: Arrival): void {
    for (const waiter of this.#waiters) {
      if (waiter.key !== arrival.key || !arrival.isOf(waiter.host)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(arrival.connection);
      return;
    }
    this.#makeRoomFor(arrival);
    const { connection } = arrival;
    const timer = setTimeout(() => connection.leave("nobody asked for it"), this.#holdMs);
    this.#arrivals.set(arrival, timer);
    void connection.ended.then(() => this.#take(arrival));
  }

  /** @returns null where none has come in time */
  async claim(key: string, host: string, within: AbortSignal): Promise<ModuleConnection | null> {
    for (const arrival of this.#arrivals.keys()) {
      if (arrival.key !== key || arrival.connection.gone !== null || !arrival.isOf(host)) continue;
      return this.#take(arrival);
    }
    if (within.aborted || this.#waiters.size >= LIMITS.hybridWaiting) return null;
    const { promise, resolve } = Promise.withResolvers<ModuleConnection | null>();
    const waiter = { key, host, resolve };
    const onAbort = (): void => {
      this.#waiters.delete(waiter);
      resolve(null);
    };
    within.addEventListener("abort", onAbort);
    this.#waiters.add(waiter);
    try {
      return await promise;
    } finally {
      within.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    for (const { resolve } of this.#waiters) resolve(null);
    this.#waiters.clear();
    for (const { connection } of this.#arrivals.keys()) connection.leave("the agent stops");
  }

  #take(arrival: Arrival): ModuleConnection {
    clearTimeout(this.#arrivals.get(arrival));
    this.#arrivals.delete(arrival);
    return arrival.connection;
  }

  /** Of a module that has many, its own oldest goes; else the oldest of all. */
  #makeRoomFor({ fingerprint }: Arrival): void {
    const all = [...this.#arrivals.keys()];
    const own = all.filter((each) => each.fingerprint === fingerprint);
    const [oldest] = own.length >= LIMITS.hybridModuleUnclaimedEach ? own : all;
    const isFull = own.length >= LIMITS.hybridModuleUnclaimedEach || all.length >= LIMITS.hybridModuleUnclaimed;
    if (!isFull || oldest === undefined) return;
    this.#take(oldest).leave("as many wait as may");
  }
}
