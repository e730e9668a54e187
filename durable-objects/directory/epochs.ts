/**
 * Epochs: which key protects new material, for how long, and when the keys before it go. A key goes when every pool
 * that may hold anything sealed under it has said that it holds nothing of the kind, and never will again.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { poolName } from "../../shared/ids.ts";
import type { KeyPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { EpochsState } from "../../shared/network/directory-types.ts";
import { localPair, maxShardsOf, pairOfLink } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { EpochStore } from "../storage/epoch-store.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import type { EpochRow, EpochTable, LaggingPool } from "./epoch-table.ts";
import { attempt, RETRY_MS, STUCK_ATTEMPTS } from "./errands.ts";

/** A pool by its name, or another object that seals. */
export type RollPools = (pool: string) => Pick<KeyPoolRpc, "rollEpoch">;

/** KeyStream objects seal KEM secrets, and are told of epochs as pools are: under names that no pool has. */
const STREAM = "key-stream:";
export const sealerOfStream = (object: string): string => `${STREAM}${object}`;
/** @returns the KeyStream object's name; null: a pool's */
export const streamOfSealer = (name: string): string | null =>
  name.startsWith(STREAM) && !name.includes("|") ? name.slice(STREAM.length) : null;

/** How soon it is tried again where the keys are kept, when that failed; and an epoch that could not begin. */
const KEYS_AGAIN_MS = 60_000;
const ROLL_AGAIN_MS = 15 * 60_000;

export class Epochs {
  readonly #parts: DirectoryParts;
  readonly #table: EpochTable;
  readonly #keys: EpochStore;
  readonly #pools: RollPools;
  /** Since this start the epoch in force has been one there is a key of. */
  #isSound = false;
  /** There may be keys that nothing needs: at each start, and when a pool has come along. */
  #mayDestroy = true;
  #notBeforeMs = 0;
  #rollAgainMs = 0;

  constructor(parts: DirectoryParts, table: EpochTable, keys: EpochStore, pools: RollPools) {
    this.#parts = parts;
    this.#table = table;
    this.#keys = keys;
    this.#pools = pools;
  }

  /** @throws Error where there is no epoch key at all, or where they are kept does not answer */
  async inForce(): Promise<EpochRow> {
    const row = this.#table.inForce();
    if (row !== undefined && this.#isSound) return row;
    await this.#makeUpFor(row?.epoch ?? 0);
    const newest = (await this.#keys.numbers()).at(-1);
    if (newest === undefined) {
      throw new Error("there is no epoch key: set the secret QKD_EPOCH_KEY_1 to base64 of 32 random bytes");
    }
    this.#begin(newest);
    await this.#enterNewest("system");
    this.#isSound = true;
    return await this.inForce();
  }

  /** To be called before a pool seals anything. @param pool its name */
  meet(pool: string): void {
    this.#table.meet(pool, this.#parts.nowMs());
  }

  /** When there is something to do. */
  nextMs(): number {
    const row = this.#table.inForce();
    if (row === undefined || this.#mayDestroy) return this.#notBeforeMs;
    const nextMs = Math.min(this.#rollMs(row), this.#table.nextDueMs() ?? Infinity);
    return Math.max(nextMs, this.#notBeforeMs);
  }

  /** Does what is due, with at most LIMITS.poolCallsPerAlarm calls to pools. */
  async run(): Promise<void> {
    if (this.#parts.nowMs() < this.#notBeforeMs) return;
    try {
      await this.#rollIfDue();
      for (let calls = 0; calls < LIMITS.poolCallsPerAlarm; calls++) {
        const lagging = this.#table.nextLagging(this.#parts.nowMs());
        if (lagging === undefined) break;
        await this.#tell(lagging);
      }
      if (this.#mayDestroy) await this.#destroyOld();
    } catch (error) {
      this.#mayDestroy = true;
      this.#notBeforeMs = this.#parts.nowMs() + KEYS_AGAIN_MS;
      throw error;
    }
  }

  /** The next epoch, now. @param by `principalName` of who wants it */
  async roll(by: string): Promise<Result<{ readonly epoch: number }, Fault>> {
    const { epoch } = await this.inForce();
    const keys = this.#keys;
    if (keys.kind === "secrets") {
      const entered = await this.#enterNewest(by);
      return entered > epoch
        ? ok({ epoch: entered })
        : fail("conflict", `epoch keys are secrets here: set QKD_EPOCH_KEY_${epoch + 1}, and the next epoch begins`);
    }
    if ((await keys.numbers()).length >= LIMITS.epochKeys) {
      return fail("conflict", `pools lag behind: ${LIMITS.epochKeys} epoch keys are kept for them, and no more`);
    }
    await keys.make(epoch + 1);
    return ok({ epoch: await this.#enterNewest(by) });
  }

  async state(): Promise<EpochsState> {
    const row = await this.inForce();
    const keys = await this.#keys.numbers();
    const endMs = this.#endMs(row);
    const { count, first } = this.#table.lagging(LIMITS.laggingPoolsTold);
    return {
      epoch: row.epoch,
      sinceMs: row.sinceMs,
      endMs,
      overdue: this.#parts.nowMs() > endMs + KEYS_AGAIN_MS,
      keptIn: this.#keys.kind,
      keys,
      removable: keys.filter((key) => key < this.#needed(row)),
      laggingPools: count,
      firstLagging: first,
    };
  }

  /** The first epoch. In a deployment older than epochs, every pool there can be counts as holding something. */
  #begin(newest: number): void {
    const { store, nowMs } = this.#parts;
    store.transaction(() => {
      if (this.#table.inForce() !== undefined) return;
      const { document, drains } = store.view();
      const pairs = [
        ...document.links.map((link) => pairOfLink(link)),
        ...document.nodes.map((node) => localPair(node.id)),
        ...drains.flatMap((drain) => (drain.kind === "pair" ? [drain.pair] : [])),
      ];
      const shards = maxShardsOf({ document, drains });
      for (const pair of pairs) for (let shard = 0; shard < shards; shard++) this.meet(poolName(pair, shard));
      this.#table.enter(newest, nowMs());
    });
  }

  /** Should the key in force be lost, what it protects is; with the next one new material can be taken in again. */
  async #makeUpFor(epoch: number): Promise<void> {
    const keys = this.#keys;
    if (keys.kind !== "folder" || (await keys.numbers()).some((key) => key > 0 && key >= epoch)) return;
    await keys.make(epoch + 1);
  }

  #endMs({ sinceMs }: EpochRow): number {
    return sinceMs + this.#parts.store.view().document.policy.epoch_s * 1000;
  }

  #rollMs(row: EpochRow): number {
    return Math.max(this.#endMs(row), this.#rollAgainMs);
  }

  /** The newest key there is: made just before a crash, or set by an operator. @returns the epoch in force then */
  async #enterNewest(by: string): Promise<number> {
    const newest = (await this.#keys.numbers()).at(-1) ?? 0;
    return this.#parts.store.transaction(() => {
      const inForce = this.#table.inForce()?.epoch ?? 0;
      if (newest <= inForce) return inForce;
      this.#table.enter(newest, this.#parts.nowMs());
      this.#mayDestroy = true;
      audit(this.#parts, { act: "epoch.begin", who: by, detail: { epoch: newest, before: inForce } });
      return newest;
    });
  }

  async #rollIfDue(): Promise<void> {
    const row = await this.inForce();
    if (this.#rollMs(row) > this.#parts.nowMs()) return;
    const rolled = await this.roll("system");
    if (rolled.ok) return;
    this.#rollAgainMs = this.#parts.nowMs() + ROLL_AGAIN_MS;
    if (row.overdueMs !== null) return;
    this.#parts.store.transaction(() => {
      this.#table.noteOverdue(this.#parts.nowMs());
      const detail = { epoch: row.epoch, reason: rolled.error.message };
      audit(this.#parts, { act: "epoch.overdue", who: "system", detail });
    });
  }

  /** One step at one pool. */
  async #tell({ pool, attempts }: LaggingPool): Promise<void> {
    const { epoch } = await this.inForce();
    const answer = await attempt(() => this.#pools(pool).rollEpoch({ epoch }));
    if (!answer.ok) {
      this.#postpone(pool, attempts, answer.error);
    } else if (!answer.value.remaining) {
      this.#table.confirm(pool, epoch);
      this.#mayDestroy = true;
    }
  }

  #postpone(pool: string, before: number, why: Fault): void {
    const attempts = Math.min(before + 1, STUCK_ATTEMPTS);
    this.#parts.store.transaction(() => {
      this.#table.postpone(pool, attempts, this.#parts.nowMs() + (RETRY_MS[attempts - 1] ?? RETRY_MS[0]));
      if (attempts < STUCK_ATTEMPTS || before >= STUCK_ATTEMPTS) return;
      const detail = { errand: "epoch", what: pool, code: why.code };
      audit(this.#parts, { act: "directory.stuck", who: "system", detail });
    });
  }

  /** Keys of older epochs than this are needed by nobody. */
  #needed({ epoch }: EpochRow): number {
    return Math.min(epoch, this.#table.oldest() ?? epoch);
  }

  async #destroyOld(): Promise<void> {
    this.#mayDestroy = false;
    const keys = this.#keys;
    if (keys.kind === "secrets") return;
    const needed = this.#needed(await this.inForce());
    for (const key of await keys.numbers()) {
      if (key >= needed) return;
      await keys.destroy(key);
      audit(this.#parts, { act: "epoch.destroy", who: "system", detail: { epoch: key } });
    }
  }
}
