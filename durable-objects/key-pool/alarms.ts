/**
 * The pool's one alarm: simulated material, relayed key that a fault or a crash kept from coming, what has run out of
 * time, transfers left open, audit events to ship. It arms a recovery alarm first, does a bounded batch of each, then
 * plans the earliest next deadline.
 */
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import type { PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { logFailure } from "../log-failure.ts";
import { Shipping } from "../storage/shipping.ts";
import { nextRetiringMs, retireBegun } from "./begun-units.ts";
import { tellHopUses } from "./hop-uses.ts";
import type { PoolContext } from "./context.ts";
import { nextOverdueMs, tellOverdue } from "./epoch-overdue.ts";
import type { FillAhead } from "./fill-ahead.ts";
import { recoverTransfers } from "./siblings.ts";
import { nextLoneMs, voidLone } from "./half-lone.ts";
import { makeMaterial, simulatedBytesDue } from "./sources.ts";
import { endStreams } from "./stream-end.ts";
import { letGo } from "./stream-settle.ts";
import { expireRecords } from "./upkeep.ts";
import { giveUpWaiting, nextGivingUpMs } from "./waiting-blocks.ts";

const RECOVERY_MS = 30_000;
const TICK_MS = 1000;
/** Events that make the pool ship at once instead of at the next tick. */
const SHIP_NOW_EVENTS = 1000;

/** What runs out of time; each does one batch and answers whether more may be due. */
const UPKEEP: readonly (readonly [name: string, work: (pool: PoolContext, nowMs: number) => Promise<boolean>])[] = [
  ["expiry", expireRecords],
  ["twins", giveUpWaiting],
  ["twins elsewhere", voidLone],
  ["units in use", retireBegun],
  ["epoch", tellOverdue],
  ["chunks held", letGo],
  ["streams", endStreams],
  ["relays", tellHopUses],
];

interface Reach {
  readonly logOf: (node: string) => Pick<AuditLogRpc, "append">;
  readonly shardOf: (shard: number) => PoolToPoolRpc;
  readonly ahead: Pick<FillAhead, "consider" | "dueMs">;
}

export class Alarms {
  readonly #pool: PoolContext;
  readonly #ctx: DurableObjectState;
  readonly #reach: Reach;
  /** When the stored alarm will ring, as far as this instance knows. */
  #armedMs = Infinity;
  #simulatedUntilMs = Date.now();
  readonly #shipping: Shipping;

  constructor(pool: PoolContext, ctx: DurableObjectState, reach: Reach) {
    this.#pool = pool;
    this.#ctx = ctx;
    this.#reach = reach;
    this.#shipping = new Shipping(pool.outbox, reach.logOf);
  }

  /** Brings the alarm forward where something is due earlier. Cheap: called on every request and commit. */
  replan(): void {
    const dueMs = this.#dueMs(Date.now());
    if (dueMs < this.#armedMs) this.#arm(dueMs);
    const shipsNow = this.#pool.outbox.pending() >= SHIP_NOW_EVENTS && this.#shipping.dueMs() <= Date.now();
    if (shipsNow) this.#ctx.waitUntil(this.#shipping.ship());
  }

  /** @param isLeased without a lease nothing comes in and nothing is moved */
  async run(isLeased: boolean): Promise<void> {
    const nowMs = Date.now();
    this.#arm(nowMs + RECOVERY_MS);
    let more = false;
    if (isLeased) await step("simulated source", () => this.#simulate(nowMs));
    for (const [name, work] of UPKEEP) {
      await step(name, async () => {
        if (await work(this.#pool, nowMs)) more = true;
      });
    }
    if (isLeased) await step("transfers", () => recoverTransfers(this.#pool, this.#reach.shardOf));
    if (isLeased) await step("other half", () => this.#pool.half.catchUp());
    if (isLeased) this.#reach.ahead.consider(nowMs);
    await step("audit", () => this.#shipping.ship());
    this.#pool.records.recountExpiry();
    const endMs = Date.now();
    const dueMs = this.#dueMs(endMs);
    // What was due and could not be done is tried again a tick later, not at once for ever.
    this.#arm(more ? endMs : dueMs > endMs ? dueMs : endMs + TICK_MS);
  }

  #arm(atMs: number): void {
    this.#armedMs = atMs;
    // What is parked is due at the end of time, which no alarm can be set to.
    const never = atMs >= Number.MAX_SAFE_INTEGER;
    this.#ctx.waitUntil(never ? this.#ctx.storage.deleteAlarm() : this.#ctx.storage.setAlarm(atMs));
  }

  #dueMs(nowMs: number): number {
    const { policy, source, state, keyRateBps, shards } = this.#pool.config();
    const { ledger } = this.#pool.books.totals;
    const making =
      source === "simulated" &&
      state === "active" &&
      this.#pool.shard === 0 &&
      keyRateBps > 0 &&
      ledger.available < policy.pool.high_bytes * 8;
    const borrowing = (shards > 1 || this.#pool.shard > 0) && this.#pool.store.hasOpenTransfers();
    const busy = making || borrowing || this.#pool.outbox.pending() > 0;
    return Math.min(
      busy ? nowMs + TICK_MS : Infinity,
      this.#pool.half.dueMs(nowMs),
      this.#pool.records.earliestExpiryMs,
      nextGivingUpMs(this.#pool),
      nextLoneMs(this.#pool),
      nextRetiringMs(this.#pool),
      nextOverdueMs(this.#pool),
      this.#pool.holds.earliestMs,
      this.#pool.streams.earliestEndMs,
      this.#reach.ahead.dueMs(nowMs),
      this.#pool.hopUses.earliestMs,
    );
  }

  async #simulate(nowMs: number): Promise<void> {
    const { source, state } = this.#pool.config();
    if (source !== "simulated" || state !== "active" || this.#pool.shard !== 0) return;
    const { bytes, usedMs } = simulatedBytesDue(this.#pool, nowMs - this.#simulatedUntilMs);
    this.#simulatedUntilMs += usedMs;
    if (bytes > 0) await makeMaterial(this.#pool, "simulated", bytes);
  }
}

/** What fails does not keep the rest from being done; it is tried again with the next alarm. */
async function step(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    logFailure(`key pool alarm, ${name}`, error);
  }
}
