/** How key requests reach their pools: each by itself, or those of one batch together. */
import { asCall } from "../../durable-objects/telemetry/calls.ts";
import { inScope } from "../../durable-objects/telemetry/scope.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import { countKeys, expandRuns, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, EncKeysCall, KeyGrant, PoolCall } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isMissingMethod } from "../../shared/missing-method.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { answerOf, poolOf } from "./key-pool.ts";

export interface PoolRef {
  readonly pair: PairName;
  readonly shard: number;
}

export interface PoolCalls {
  readonly encKeys: (pool: PoolRef, call: EncKeysCall) => Promise<Result<KeyGrant<KeyIdRun>, Fault>>;
  readonly decKeys: (pool: PoolRef, call: DecKeysCall<KeyIdRun>) => Promise<Result<KeyGrant<KeyIdRun>, Fault>>;
}

/** Calls of a request that came alone. */
export const callsOf = (env: Env): PoolCalls => ({
  encKeys: async ({ pair, shard }, call) => await answerOf(() => poolOf(env, pair, shard).encKeys(call)),
  decKeys: async ({ pair, shard }, call) =>
    await answerOf(() => poolOf(env, pair, shard).decKeys({ ...call, keyIds: expandRuns(call.keyIds) })),
});

interface Waiting {
  readonly call: PoolCall;
  readonly settle: (result: Result<KeyGrant<KeyIdRun>, Fault>) => void;
}

/** The calls of one request in a batch. */
export interface MemberCalls extends PoolCalls {
  /** The request shall come again by itself: its answer may be too large for a batch. Nothing was changed. */
  readonly alone: boolean;
  /** The request is answered: the others need not wait for its call any longer. */
  ended(): void;
}

/**
 * Calls of a batch: the first of each of its requests go to each pool in one message, and into one commit there. What
 * a pool cannot answer at once it is asked again by itself, so that nobody waits for it but who asked.
 */
export class BatchedCalls {
  readonly #env: Env;
  /** Calls made as if a request had come alone. */
  readonly #each: PoolCalls;
  readonly #waiting = new Map<string, { readonly pool: PoolRef; readonly calls: Waiting[] }>();
  /** Requests that have neither called a pool yet nor ended. */
  #undecided: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(env: Env, requests: number) {
    this.#env = env;
    this.#each = callsOf(env);
    this.#undecided = requests;
  }

  /** For one of the requests. */
  member(): MemberCalls {
    const each = this.#each;
    let alone = false;
    let decided = false;
    const decide = (): void => {
      if (!decided) this.#undecided -= 1;
      decided = true;
      this.#sendWhenComplete();
    };
    const ask = async <Call extends { readonly waits?: boolean }>(
      pool: PoolRef,
      call: Call,
      keys: number,
      method: "encKeys" | "decKeys",
      inBatch: (call: Call) => PoolCall,
      byItself: (pool: PoolRef, call: Call) => Promise<Result<KeyGrant<KeyIdRun>, Fault>>,
    ): Promise<Result<KeyGrant<KeyIdRun>, Fault>> => {
      // A request's first call may have taken keys: from then on it cannot be started over.
      if (decided) return await byItself(pool, call);
      if (keys > LIMITS.batchedKeys) {
        alone = true;
        return fail("unavailable", "too many keys for a batch");
      }
      const answer = asCall(
        `KeyPool.${method}`,
        async (scope) =>
          await this.#join(pool, { ...inBatch({ ...call, waits: false }), ...(scope === null ? {} : { scope }) }),
      );
      decide();
      const result = await answer;
      if (result.ok || result.error.code !== "on-its-way") return result;
      return await byItself(pool, { ...call, waits: true });
    };
    return {
      get alone() {
        return alone;
      },
      encKeys: async (pool, call) => await ask(pool, call, call.count, "encKeys", (enc) => ({ enc }), each.encKeys),
      decKeys: async (pool, call) =>
        await ask(pool, call, countKeys(call.keyIds), "decKeys", (dec) => ({ dec }), each.decKeys),
      ended: decide,
    };
  }

  #join(pool: PoolRef, call: PoolCall): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
    const name = poolName(pool.pair, pool.shard);
    const { promise, resolve: settle } = Promise.withResolvers<Result<KeyGrant<KeyIdRun>, Fault>>();
    const group = this.#waiting.get(name);
    if (group === undefined) this.#waiting.set(name, { pool, calls: [{ call, settle }] });
    else group.calls.push({ call, settle });
    return promise;
  }

  /** A request that is held up keeps the others for a moment only. */
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

  async #sendGroup(pool: PoolRef, waiting: readonly Waiting[]): Promise<void> {
    const calls = waiting.map(({ call }) => call);
    const answer = await answerOf(async () => await this.#serveAll(pool, calls));
    waiting.forEach(({ settle }, i) => {
      settle(answer.ok ? (answer.value[i] ?? fail("unavailable", "the pool did not answer")) : answer);
    });
  }

  async #serveAll(
    pool: PoolRef,
    calls: readonly PoolCall[],
  ): Promise<Result<readonly Result<KeyGrant<KeyIdRun>, Fault>[], Fault>> {
    try {
      // Each of them is for a request of its own.
      return await inScope(null, async () => await poolOf(this.#env, pool.pair, pool.shard).serveAll(calls));
    } catch (error) {
      if (!isMissingMethod(error)) throw error;
    }
    // A pool of the release before takes each by itself, has done nothing yet, and knows of no requests.
    const { encKeys, decKeys } = this.#each;
    const serveEach = async () =>
      await Promise.all(calls.map((call) => ("enc" in call ? encKeys(pool, call.enc) : decKeys(pool, call.dec))));
    return ok(await inScope(null, serveEach));
  }
}
