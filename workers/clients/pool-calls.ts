/** How key requests reach their pools: each by itself, or those of one batch together. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import type { DecKeysCall, EncKeysCall, KeyGrant, KeyPoolRpc, PoolCall } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { answerOf, poolOf } from "./key-pool.ts";

export interface PoolRef {
  readonly pair: PairName;
  readonly shard: number;
}

export interface PoolCalls {
  encKeys(pool: PoolRef, call: EncKeysCall): Promise<Result<KeyGrant, Fault>>;
  decKeys(pool: PoolRef, call: DecKeysCall): Promise<Result<KeyGrant, Fault>>;
}

/** Calls of a request that came alone. */
export const callsOf = (env: Env): PoolCalls => ({
  encKeys: async ({ pair, shard }, call) => await answerOf(() => poolOf(env, pair, shard).encKeys(call)),
  decKeys: async ({ pair, shard }, call) => await answerOf(() => poolOf(env, pair, shard).decKeys(call)),
});

interface Waiting {
  readonly call: PoolCall;
  readonly settle: (result: Result<KeyGrant, Fault>) => void;
}

/** The calls of one request in a batch. */
export interface MemberCalls extends PoolCalls {
  /** The request is answered: the others need not wait for its call any longer. */
  ended(): void;
}

/**
 * Calls of a batch: those of all its requests go to each pool in one message, and into one commit there. Nobody waits
 * for a key on its way: that is for a request that came alone.
 */
export class BatchedCalls {
  readonly #env: Env;
  readonly #waiting = new Map<string, { readonly pool: PoolRef; readonly calls: Waiting[] }>();
  /** Requests that have neither called a pool yet nor ended. */
  #undecided: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(env: Env, requests: number) {
    this.#env = env;
    this.#undecided = requests;
  }

  /** For one of the requests. */
  member(): MemberCalls {
    let undecided = true;
    const decide = (): void => {
      if (undecided) this.#undecided -= 1;
      undecided = false;
      this.#sendWhenComplete();
    };
    const join = async (pool: PoolRef, call: PoolCall): Promise<Result<KeyGrant, Fault>> =>
      await new Promise((settle) => {
        this.#add(pool, { call, settle });
        decide();
      });
    return {
      encKeys: async (pool, enc) => await join(pool, { enc }),
      decKeys: async (pool, call) => await join(pool, { dec: { ...call, waits: false } }),
      ended: decide,
    };
  }

  #add(pool: PoolRef, waiting: Waiting): void {
    const name = poolName(pool.pair, pool.shard);
    const group = this.#waiting.get(name);
    if (group === undefined) this.#waiting.set(name, { pool, calls: [waiting] });
    else group.calls.push(waiting);
  }

  /** A request that is held up, or one that calls a second time, keeps the others for a moment only. */
  #sendWhenComplete(): void {
    if (this.#waiting.size === 0) return;
    if (this.#undecided === 0) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), 0);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const groups = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { pool, calls } of groups) void this.#sendGroup(pool, calls);
  }

  async #sendGroup({ pair, shard }: PoolRef, waiting: readonly Waiting[]): Promise<void> {
    const stub = poolOf(this.#env, pair, shard);
    const calls = waiting.map(({ call }) => call);
    const answer = await answerOf(() => serveAll(stub, calls));
    waiting.forEach(({ settle }, i) => {
      settle(answer.ok ? (answer.value[i] ?? fail("unavailable", "the pool did not answer")) : answer);
    });
  }
}

/** A pool that still runs the release before does not know `serveAll`. */
async function serveAll(pool: KeyPoolRpc, calls: readonly PoolCall[]): ReturnType<KeyPoolRpc["serveAll"]> {
  try {
    return await pool.serveAll(calls);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const each = (call: PoolCall) => ("enc" in call ? pool.encKeys(call.enc) : pool.decKeys(call.dec));
    return ok(await Promise.all(calls.map(each)));
  }
}
