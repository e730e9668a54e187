/** Plays a history against a real pool and the model, and compares the two after every step. */
import { expect } from "vitest";
import type { LinkId, PairName } from "../../shared/ids.ts";
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { castOf, type Given } from "./in-workerd-model-calls.ts";
import { DIED, Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { perform, type Scene } from "./in-workerd-model-operations.ts";
import { CAPACITIES_BYTES, type Plot, SETTINGS, SHORT_LIVES, type Step } from "./in-workerd-model-steps.ts";
import { PoolModel } from "./in-workerd-model.ts";
import { defaultPolicy } from "./in-workerd-pool.ts";

const PAIR = "n-1|n-2" as PairName;
const START_MS = 1_800_000_000_000;

/** The time that all code sees. */
export interface Clock {
  nowMs: number;
}

function configOf({ settings, capacity }: Extract<Step, { do: "set" }>, version: number, epoch: number): PoolConfig {
  const capacityBytes = CAPACITIES_BYTES[capacity] ?? 0;
  return {
    version,
    pair: PAIR,
    link: "link" as LinkId,
    state: "active",
    source: "push",
    ...(SETTINGS[settings] ?? { feed: "one-ended", health: "reject" }),
    keyRateBps: 0,
    shards: 1,
    // Never short: fair shares are not for this model.
    policy: { ...defaultPolicy, ...SHORT_LIVES, pool: { low_bytes: 0, high_bytes: 0, capacity_bytes: capacityBytes } },
    epoch,
  };
}

export class History {
  readonly #plot: Plot;
  readonly #lives: PoolLives;
  readonly #clock: Clock;
  readonly #model: PoolModel;
  readonly #given: Given[] = [];
  readonly #imports: Scene["imports"] = [];
  #set: Extract<Step, { do: "set" }>;
  #epoch = 1;
  #life: Life | undefined;

  constructor(plot: Plot, lives: PoolLives, clock: Clock) {
    this.#plot = plot;
    this.#lives = lives;
    this.#clock = clock;
    this.#set = plot.first;
    this.#model = new PoolModel(configOf(plot.first, 1, 1));
  }

  async play(): Promise<void> {
    this.#clock.nowMs = START_MS;
    this.#lives.wipe(PAIR);
    await this.#start();
    for (const step of this.#plot.steps) {
      await this.#play(step);
      this.#check();
    }
    await this.#finish();
  }

  async #play(step: Step): Promise<void> {
    if (step.do === "wait") this.#clock.nowMs += step.ms;
    else if (step.do === "evict") await this.#start();
    else if (step.do === "burst") await this.#burst(step);
    else {
      this.#set = step;
      this.#configure();
    }
  }

  #configure(): void {
    this.#model.config = configOf(this.#set, this.#model.config.version + 1, this.#epoch);
  }

  /** @returns once the pool is up again; whatever was in memory is gone */
  async #start(): Promise<void> {
    this.#life?.die();
    this.#life = await this.#lives.start(() => this.#model.config, this.#epoch);
  }

  async #burst({ operations, fate }: Extract<Step, { do: "burst" }>): Promise<void> {
    const life = this.#life;
    if (life === undefined) throw new Error("the pool is not up");
    const scene: Scene = {
      plot: this.#plot,
      cast: castOf(PAIR),
      lives: this.#lives,
      model: this.#model,
      life,
      nowMs: this.#clock.nowMs,
      given: this.#given,
      imports: this.#imports,
      epoch: this.#epoch,
    };
    this.#lives.fates = fate === null ? [] : [...Array.from({ length: fate[0] }, () => null), fate[1]];
    const ends = await Promise.allSettled(
      operations.map(async (operation) => await Promise.race([perform(scene, operation), life.end])),
    );
    this.#lives.fates = [];
    this.#lives.tell();
    for (const end of ends) {
      if (end.status === "fulfilled" && end.value !== DIED) end.value();
      else if (end.status === "rejected" && !(end.reason instanceof Intended)) throw end.reason;
    }
    if (scene.epoch !== this.#epoch) {
      this.#epoch = scene.epoch;
      this.#configure();
    }
    if (life.isOver) await this.#start();
  }

  #check(): void {
    const pool = this.#life?.pool;
    if (pool === undefined) throw new Error("the pool is not up");
    const { totals } = pool.books;
    expect(totals.ledger).toEqual(this.#model.ledger);
    expect(totals.ingested).toBe(this.#model.blocks.ingestedBits);
    expect(sumOfLedger(totals.ledger)).toBe(totals.ingested);
    expect(totals.quarantinedBlocks).toBe(this.#model.blocks.quarantinedBlocks);
    expect(pool.store.totals()).toEqual(totals);
    const [stored] = this.#lives.sql<Record<"available" | "unmatched" | "lost", number>>(STORED);
    expect(stored).toEqual({
      available: totals.ledger.available / 8,
      unmatched: totals.ledger.unmatched / 8,
      lost: 0,
    });
  }

  /** In the end every key that waits can be had by those it waits for, once, and every bit that is left be used. */
  async #finish(): Promise<void> {
    await this.#start();
    this.#check();
    const { low, high } = castOf(PAIR);
    for (const { id, keyIds, recipients, left, state, expiresMs } of [...this.#model.records.values()]) {
      if (state === "reserved" || expiresMs <= this.#clock.nowMs) continue;
      void id;
      for (const { sae } of recipients) {
        void [keyIds, left, sae, low, high];
      }
    }
  }
}

const STORED = `SELECT
  (SELECT coalesce(sum(length - cursor), 0) FROM unit WHERE state = 'available') AS available,
  (SELECT coalesce(sum(length - cursor), 0) FROM unit WHERE state = 'unmatched') AS unmatched,
  (SELECT count(*) FROM unit LEFT JOIN unit_data ON unit_data.unit = unit.id WHERE unit_data.unit IS NULL) AS lost`;
