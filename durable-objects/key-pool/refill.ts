/** Brings material in when a request finds too little: made here, yielded by the other half, or borrowed from siblings. */
import type { PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PoolContext } from "./context.ts";
import { borrow } from "./siblings.ts";
import { makeMaterial } from "./sources.ts";

/** Those that had nothing to give are not asked again for so long. */
const EMPTY_MS = 250;

export class Refill {
  readonly #pool: PoolContext;
  readonly #shardOf: (shard: number) => PoolToPoolRpc;
  #asking: Promise<boolean> | undefined;
  #emptyUntilMs = 0;

  constructor(pool: PoolContext, shardOf: (shard: number) => PoolToPoolRpc) {
    this.#pool = pool;
    this.#shardOf = shardOf;
  }

  /** Brings in at least so many bytes; false where there are none. */
  async bytes(bytes: number): Promise<boolean> {
    while (!this.#pool.supply.has(bytes)) {
      if (!(await this.#bringIn(bytes))) return false;
    }
    return true;
  }

  /** Is there anybody to ask? */
  get mayBringIn(): boolean {
    const { half, shard } = this.#pool;
    const { source, shards } = this.#pool.config();
    if (source === "local") return true;
    // A shard beyond the link's own count exists for imports only; it borrows like the others.
    const isAlone = half.ownNode === null && shards === 1 && shard === 0;
    return !isAlone && Date.now() >= this.#emptyUntilMs;
  }

  /** @returns true where anything came */
  async #bringIn(bytes: number): Promise<boolean> {
    if (!this.mayBringIn) return false;
    if (this.#pool.config().source === "local") {
      return (await makeMaterial(this.#pool, "local", Math.max(bytes, LIMITS.fileBlockBytes))).ok;
    }
    this.#asking ??= this.#ask(bytes).finally(() => {
      this.#asking = undefined;
    });
    const came = await this.#asking;
    if (!came) this.#emptyUntilMs = Date.now() + EMPTY_MS;
    return came;
  }

  /** Units of a pool in two halves are told by block and offset, which a sibling shard does not know: none are lent. */
  async #ask(bytes: number): Promise<boolean> {
    const { half } = this.#pool;
    return half.ownNode === null ? await borrow(this.#pool, bytes, this.#shardOf) : await half.bringIn(bytes);
  }
}
