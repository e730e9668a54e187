/**
 * Brings material in when a request finds too little: made here, yielded by the other half, borrowed from siblings, or
 * relayed over other nodes.
 */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { FIRST_RELAY_SHARD, isRelayShard } from "../../shared/keypool/relay-shard.ts";
import type { PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { stillOnItsWay } from "./bring-key.ts";
import type { PoolContext } from "./context.ts";
import { takeBackRuns } from "./hop-run-uses.ts";
import { notEnoughKeys } from "./refusals.ts";
import { borrow, type Loan } from "./siblings.ts";
import { makeMaterial } from "./sources.ts";
import type { UrgentKey } from "./urgent-key.ts";

/** Those that had nothing to give are not asked again for so long. */
const EMPTY_MS = 250;
/** Units borrowed beyond the need at hand. */
const UNITS_AHEAD = 16;
const PAD_UNITS_AHEAD = 3;
/** What was brought in may be taken by others before it is looked at; nobody waits for ever for that. */
const ROUNDS = 8;

export interface Need {
  readonly bytes: number;
  /** See EncKeysCall; only where it leaves any of the pool's key out (`boundOf`). */
  readonly maxHops?: number | undefined;
  /** False: who needs it would not wait. */
  readonly waits?: boolean;
  /** One-time pad between the two nodes, which their link gives before relays do. */
  readonly isPad?: boolean;
}

type Outcome = Result<null, Fault>;
interface RefillReach {
  readonly shardOf: (shard: number) => PoolToPoolRpc;
  readonly urgent: UrgentKey;
}

export class Refill {
  readonly #pool: PoolContext;
  readonly #reach: RefillReach;
  #asking: Promise<Outcome> | undefined;
  #emptyUntilMs = 0;

  constructor(pool: PoolContext, reach: RefillReach) {
    this.#pool = pool;
    this.#reach = reach;
  }

  /** Brings in at least so many bytes. @returns why not: nobody has any, or (`on-its-way`) who needs them would not wait */
  async bytes(need: Need): Promise<Outcome> {
    const endMs = relayEndMs();
    for (let round = 0; !this.#has(need); round++) {
      if (need.waits === false && this.#mayBringIn(need)) {
        return fail("on-its-way", "material must be brought in for these keys");
      }
      const came = round < ROUNDS ? await this.#bringIn(need, endMs) : notEnoughKeys();
      if (!came.ok) return came;
    }
    return ok(null);
  }

  /** A sibling has some from here, and may give it back. */
  lent(): void {
    this.#emptyUntilMs = 0;
  }

  /** A shard of relayed key is asked to lend so many units: it has some relayed where it has too few that are untouched. */
  async untouched(units: number): Promise<Outcome> {
    const { source, state } = this.#pool.config();
    if (source !== "relay" || state !== "active" || !isRelayShard(this.#pool.shard)) return ok(null);
    const bytes = units * LIMITS.unitBytes;
    const found = this.#pool.units.lendable(units).reduce((sum, { length }) => sum + length, 0);
    return found >= bytes ? ok(null) : await this.#reach.urgent.bytes(bytes, undefined, relayEndMs());
  }

  #has({ bytes, maxHops }: Need): boolean {
    const { supply } = this.#pool;
    return maxHops === undefined ? supply.has(bytes) : supply.hasWithin(maxHops, bytes);
  }

  /** Is there anybody to ask? */
  #mayBringIn({ bytes, maxHops }: Need): boolean {
    const { half, shard } = this.#pool;
    const { source, shards } = this.#pool.config();
    if (source === "local") return true;
    if (source === "relay" && isRelayShard(shard)) return this.#reach.urgent.refusal(bytes, maxHops) === null;
    // A shard beyond the link's own count exists for imports only; it borrows like the others.
    const isAlone = half.ownNode === null && shards === 1 && shard === 0 && source !== "relay";
    return !isAlone && Date.now() >= this.#emptyUntilMs;
  }

  /** @param endMs relayed key is waited for until then, in all rounds together */
  async #bringIn(need: Need, endMs: number): Promise<Outcome> {
    const { source, state } = this.#pool.config();
    if (this.#pool.hopRuns.restBits > 0 && (await takeBackRuns(this.#pool))) return ok(null);
    if (source === "relay") {
      if (state !== "active") return notEnoughKeys();
      if (Date.now() >= endMs) return stillOnItsWay();
      if (isRelayShard(this.#pool.shard)) return await this.#bringRelayed(need, endMs);
    } else if (need.maxHops !== undefined) return tooFar(need.maxHops);
    if (!this.#mayBringIn(need)) return notEnoughKeys();
    if (source === "local") return await makeMaterial(this.#pool, "local", Math.max(need.bytes, LIMITS.fileBlockBytes));
    return await this.#askOnce(need);
  }

  /** The other half may have some to spare, and the pair's link for pads: links give of their key before relays do. */
  async #bringRelayed(need: Need, endMs: number): Promise<Outcome> {
    const { half } = this.#pool;
    const { linkShards = 0 } = this.#pool.config();
    const isOfLink = need.isPad === true && linkShards > 0;
    // What a link lends came over one hop: no bound leaves it out.
    const mayAsk = (need.maxHops === undefined || isOfLink) && Date.now() >= this.#emptyUntilMs;
    const asks = half.ownNode !== null || isOfLink;
    if (mayAsk && asks && (await this.#askOnce(need)).ok) return ok(null);
    const came = await this.#reach.urgent.bytes(need.bytes, need.maxHops, endMs);
    // What has come may be the other half's to give.
    if (came.ok) this.#emptyUntilMs = 0;
    return came;
  }

  async #askOnce({ bytes }: Need): Promise<Outcome> {
    this.#asking ??= this.#ask(bytes).finally(() => {
      this.#asking = undefined;
    });
    const came = await this.#asking;
    if (!came.ok) this.#emptyUntilMs = Date.now() + EMPTY_MS;
    return came;
  }

  /** Units of a pool in two halves are told by block and offset, which a sibling shard does not know: none are lent. */
  async #ask(bytes: number): Promise<Outcome> {
    const { half } = this.#pool;
    if (half.ownNode === null) return await borrow(this.#pool, this.#loanOf(bytes), this.#reach.shardOf);
    return (await half.bringIn(bytes)) ? ok(null) : notEnoughKeys();
  }

  #loanOf(bytes: number): Loan {
    const { source, shards, linkShards = 0 } = this.#pool.config();
    if (source !== "relay") return { bytes, unitsAhead: UNITS_AHEAD, shards: upTo(shards) };
    // What comes over other nodes costs every link on its way: no more than is needed.
    return isRelayShard(this.#pool.shard)
      ? { bytes, unitsAhead: PAD_UNITS_AHEAD, shards: upTo(linkShards) }
      : { bytes, unitsAhead: 0, shards: [FIRST_RELAY_SHARD], brings: true };
  }
}

const relayEndMs = (): number => Date.now() + LIMITS.relayWaitMs;

const upTo = (shards: number): Iterable<number> => Array.from({ length: shards }, (_, shard) => shard);

const tooFar = (maxHops: number): Outcome =>
  err({
    code: "no-path",
    message: `no key of these two nodes comes over ${maxHops} ${maxHops === 1 ? "link" : "links"} or fewer`,
  });
