/** Plays a history against a real pool and the model, and compares the two after every step. */
import type { LinkId, PairName, SaeId } from "../../shared/ids.ts";
import { castOf, encOf, type Given } from "./in-workerd-model-calls.ts";
import { checkCounts, checkStored, checkUnits } from "./in-workerd-model-checks.ts";
import type { Clock } from "./in-workerd-model-clock.ts";
import { DIED, type Fate, Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { fetchKeys, give, perform, type Scene } from "./in-workerd-model-operations.ts";
import { CAPACITIES_BYTES, type Plot, SETTINGS, SHORT_LIVES, type Step } from "./in-workerd-model-steps.ts";
import { type ModelConfig, type ModelRecord, PoolModel } from "./in-workerd-model.ts";
import { defaultPolicy } from "./in-workerd-pool.ts";

export const PAIR = "n-1|n-2" as PairName;
export const START_MS = 1_800_000_000_000;

export function configOf(
  { settings, capacity }: Extract<Step, { do: "set" }>,
  version: number,
  epoch: number,
): ModelConfig {
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
  readonly #cast = castOf(PAIR);
  readonly #given: Given[] = [];
  readonly #imports: Scene["imports"] = [];
  #life: Life;

  private constructor(plot: Plot, lives: PoolLives, clock: Clock, model: PoolModel, life: Life) {
    this.#plot = plot;
    this.#lives = lives;
    this.#clock = clock;
    this.#model = model;
    this.#life = life;
  }

  static async play(plot: Plot, lives: PoolLives, clock: Clock): Promise<void> {
    lives.wipe(PAIR);
    const model = new PoolModel(configOf(plot.first, 1, 1));
    const history = new History(plot, lives, clock, model, await lives.start(() => model.config));
    for (const step of plot.steps) {
      await history.#play(step);
      history.#check();
    }
    await history.#finish();
  }

  async #play(step: Step): Promise<void> {
    if (step.do === "wait") this.#clock.nowMs += step.ms;
    else if (step.do === "evict") await this.#restart();
    else if (step.do === "burst") await this.#burst(step);
    else this.#model.config = configOf(step, this.#model.config.version + 1, this.#model.config.epoch);
  }

  /** Whatever was in memory is gone. */
  async #restart(): Promise<void> {
    this.#life.die();
    this.#life = await this.#lives.start(() => this.#model.config);
  }

  async #burst({ operations, turns, fate }: Extract<Step, { do: "burst" }>): Promise<void> {
    const fates = fate === null ? [] : [...Array.from({ length: fate[0] }, () => null), fate[1]];
    const all = operations.map((operation, index) => async (scene: Scene) => {
      for (let turn = 0; turn < index * turns; turn++) await Promise.resolve();
      return await perform(scene, operation);
    });
    await this.#all(all, fates);
  }

  async #all(all: readonly ((scene: Scene) => Promise<() => void>)[], fates: (Fate | null)[] = []): Promise<void> {
    const life = this.#life;
    const scene: Scene = {
      plot: this.#plot,
      cast: this.#cast,
      lives: this.#lives,
      model: this.#model,
      life,
      nowMs: this.#clock.nowMs,
      given: this.#given,
      imports: this.#imports,
      epoch: this.#model.config.epoch,
    };
    this.#model.blocks.beginStep();
    this.#lives.fates = fates;
    const ends = await Promise.allSettled(all.map(async (each) => await Promise.race([each(scene), life.end])));
    this.#lives.fates = [];
    this.#lives.tell();
    for (const end of ends) {
      if (end.status === "fulfilled" && end.value !== DIED) end.value();
      else if (end.status === "rejected" && !(end.reason instanceof Intended)) throw end.reason;
    }
    this.#model.config = { ...this.#model.config, epoch: scene.epoch };
    if (life.isOver) await this.#restart();
  }

  #check(): void {
    const { pool } = this.#life;
    checkStored(pool, this.#lives);
    const { ledger, ingested, quarantinedBlocks } = pool.books.totals;
    const { ledger: expected, blocks } = this.#model;
    checkCounts(ledger, expected);
    checkCounts(
      { ingested, quarantinedBlocks },
      { ingested: blocks.ingestedBits, quarantinedBlocks: blocks.quarantinedBlocks },
    );
  }

  /** In the end every key that waits can be had by those it waits for, and every bit that is left be used. */
  async #finish(): Promise<void> {
    await this.#restart();
    for (const record of this.#model.records.values()) {
      for (const { sae } of record.recipients) await this.#fetchLeft(record, sae);
    }
    const octets = this.#model.ledger.available / 8;
    const wish = { do: "enc", from: "low", master: 0, slaves: 1, count: 1, octets, again: 0, importer: null } as const;
    if (octets > 0) {
      await this.#all([async (scene) => await give(scene, encOf(wish, this.#cast), null)]);
      const [last] = [...this.#model.records.values()].slice(-1);
      if (last !== undefined) await this.#fetchLeft(last, this.#cast.high[0]?.sae ?? last.master);
    }
    this.#check();
    checkUnits(this.#lives);
  }

  async #fetchLeft({ master, keyIds, left }: ModelRecord, sae: SaeId): Promise<void> {
    const asked = keyIds.filter((_, index) => left[index]?.has(sae));
    const call = { configVersion: 0, principal: `sae:${sae}`, sae, master, keyIds: asked };
    if (asked.length > 0) await this.#all([async (scene) => await fetchKeys(scene, call)]);
  }
}
