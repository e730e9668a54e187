/**
 * Plays a history against one real half of a pool and the model of the other one, over a carrier that loses, doubles,
 * delays and reorders. The model refuses whatever contradicts what both know; here is what the real half's own callers
 * must see, and how the two agree in the end.
 */
import { expect } from "vitest";
import { retireBegun } from "../../durable-objects/key-pool/begun-units.ts";
import { deliverKeys } from "../../durable-objects/key-pool/dec-keys.ts";
import { giveKeys } from "../../durable-objects/key-pool/enc-keys.ts";
import type { HalfPatience } from "../../durable-objects/key-pool/half-line.ts";
import type { RemoteHalf } from "../../durable-objects/key-pool/half-remote.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import type { Refill } from "../../durable-objects/key-pool/refill.ts";
import { voidStep } from "../../durable-objects/key-pool/upkeep.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type { HalfAnswer, HalfBatch, PlacedSegment } from "../../shared/keypool/half.ts";
import { firstId, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import { EMPTY_LEDGER } from "../../shared/keypool/ledger.ts";
import type { KeyGrant, PoolResult } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { areEqual, checkStored, checkUnits } from "./in-workerd-model-checks.ts";
import type { Clock } from "./in-workerd-model-clock.ts";
import { type HalfRecord, ModelHalf } from "./in-workerd-model-half.ts";
import { configOf, PAIR } from "./in-workerd-model-history.ts";
import type { HalvesPlot, Operation, Step } from "./in-workerd-model-halves-plot.ts";
import { DIED, type Fate, Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { freshBytes, numbers } from "./in-workerd-model-material.ts";
import { NO_IMPORTS, NO_STREAMS, refillAlone } from "./in-workerd-refill.ts";

const PATIENCE: HalfPatience = { waitMs: 400, postMs: 100, retryMs: 5 };

/** Weight of each thing that may happen to a post. */
const FATES_OF_POSTS = {
  delivered: 70,
  delayed: 8,
  "request lost": 6,
  "answer lost": 6,
  doubled: 6,
  "delivered again later": 6,
} as const;

const masterAt = (node: NodeId): SaeId => `master-at-${node}` as SaeId;
const slaveAt = (node: NodeId): SaeId => `slave-at-${node}` as SaeId;

interface Fetching {
  readonly record: HalfRecord;
  /** Indices of keys that the real half has not delivered. */
  readonly left: Set<number>;
}

export class HalvesHistory {
  readonly #lives: PoolLives;
  readonly #clock: Clock;
  readonly #plot: HalvesPlot;
  readonly #theirs: ModelHalf;
  readonly #config: ReturnType<typeof configOf>;
  readonly #random: () => number;
  readonly #material = new Map<BlockId, Uint8Array>();
  readonly #missing: { readonly block: BlockId; readonly end: "ours" | "theirs" }[] = [];
  readonly #fetching = new Map<string, Fetching>();
  #late: (() => Promise<unknown>)[] = [];
  #isCalm = false;
  #life!: Life;
  #refill!: Refill;

  constructor(plot: HalvesPlot, lives: PoolLives, clock: Clock) {
    this.#plot = plot;
    this.#lives = lives;
    this.#clock = clock;
    const [low, high] = PAIR.split("|") as [NodeId, NodeId];
    this.#theirs = new ModelHalf(PAIR, plot.own === "low" ? high : low);
    this.#random = numbers(plot.seed);
    this.#config = configOf({ do: "set", settings: 0, capacity: 0 }, 1, 1);
  }

  async play(): Promise<void> {
    this.#lives.wipe(PAIR);
    await this.#start();
    await this.#push(9000, "both");
    for (const step of this.#plot.steps) {
      if (step.do === "push") await this.#push(step.bytes, step.ends);
      else if (step.do === "evict") await this.#start();
      else await this.#burst(step);
      checkStored(this.#life.pool, this.#lives);
    }
    await this.#finish();
  }

  async #start(): Promise<void> {
    (this.#life as Life | undefined)?.die();
    const remote = {
      ownNode: this.#theirs.other,
      other: { post: async (batch: HalfBatch) => await this.#carryOut(batch), ...NO_IMPORTS, ...NO_STREAMS },
      patience: PATIENCE,
      generation: () => 1,
    };
    this.#life = await this.#lives.start(
      () => this.#config,
      () => remote,
    );
    this.#refill = refillAlone(this.#life.pool);
  }

  // ---- steps

  async #push(bytes: number, ends: "both" | "ours" | "theirs"): Promise<void> {
    const number = this.#material.size;
    const block = `block-${number}` as BlockId;
    this.#material.set(block, freshBytes(number, bytes));
    if (ends !== "theirs") await this.#pushTo(block, "ours");
    else this.#missing.push({ block, end: "ours" });
    if (ends !== "ours") await this.#pushTo(block, "theirs");
    else this.#missing.push({ block, end: "theirs" });
  }

  async #pushTo(id: BlockId, end: "ours" | "theirs"): Promise<void> {
    const bytes = this.#material.get(id) ?? new Uint8Array();
    if (end === "theirs") {
      this.#theirs.push(id, bytes.length);
      return;
    }
    const block = { id, node: this.#theirs.other, bytes, origin: "pushed", principal: "agent" } as const;
    const pushed = await ingestBlock(this.#life.pool, block);
    if (!pushed.ok) throw new Error(pushed.error.message);
  }

  async #burst({ operations, turns, fate }: Extract<Step, { do: "burst" }>): Promise<void> {
    const fates = fate === null ? [] : [...Array.from({ length: fate[0] }, () => null), fate[1]];
    await this.#all(
      operations.map((each, index) => async () => {
        for (let turn = 0; turn < index * turns; turn++) await Promise.resolve();
        await this.#do(each);
      }),
      fates,
    );
  }

  async #all(all: readonly (() => Promise<void>)[], fates: (Fate | null)[] = []): Promise<void> {
    const life = this.#life;
    this.#lives.fates = fates;
    const ends = await Promise.allSettled(all.map(async (each) => await Promise.race([each(), life.end])));
    this.#lives.fates = [];
    this.#lives.tell();
    for (const end of ends) if (end.status === "rejected" && !(end.reason instanceof Intended)) throw end.reason;
    if (life.isOver) await this.#start();
  }

  async #do(next: Operation): Promise<void> {
    const theirs = this.#theirs;
    if (next.do === "enc") await this.#enc(next.count, next.octets);
    else if (next.do === "dec") await this.#dec(pick(theirs.fetchableThere, next.record), next);
    else if (next.do === "their enc") {
      theirs.cut(next.count, next.octets, masterAt(theirs.own), slaveAt(theirs.other), this.#clock.nowMs);
      await this.#theirPost();
    } else if (next.do === "their dec") {
      const record = pick(theirs.fetchableHere, next.record);
      if (record !== undefined) theirs.fetch(record, indicesOf(record, next));
    } else if (next.do === "their void") {
      const record = pick(theirs.fetchableThere, next.record);
      if (record !== undefined) theirs.void(record);
    } else if (next.do === "their retire") theirs.retire();
    else if (next.do === "their post") await this.#theirPost();
    else if (next.do === "catch up") await this.#life.pool.half.catchUp();
    else if (next.do === "void") await this.#void();
    else await retireBegun(this.#life.pool, this.#clock.nowMs + this.#config.policy.unit_max_age_s * 1000);
  }

  /** Not answered before the other half durably has the record; the keys are the bytes at the places it tells. */
  async #enc(count: number, octets: number): Promise<void> {
    const { own, other } = this.#theirs;
    const call = {
      configVersion: 0,
      principal: "sae",
      master: masterAt(other),
      masterNode: other,
      recipients: [{ sae: slaveAt(own), node: own }],
      count,
      sizeBits: octets * 8,
    };
    const refill = this.#refill;
    const answer = await giveKeys(this.#life.pool, call, {
      poolOf: () => expect.unreachable("all are served here"),
      refill: async (need) => await refill.bytes(need),
      published: () => {},
    });
    if (!answer.ok) {
      expect(["not-enough-keys", "unavailable"]).toContain(answer.error.code);
      return;
    }
    const [first] = answer.value.keyIds;
    const record = first === undefined ? undefined : this.#theirs.recordOf(firstId(first));
    if (record === undefined) throw new Error("keys were given that the other half knows nothing of");
    record.isGiven = true;
    expect(record.announced).toMatchObject({ keys: count, sizeBytes: octets, recipients: call.recipients });
    expect(areEqual(answer.value.bytes, this.#bytesAt(record.announced.segments))).toBe(true);
  }

  #bytesAt(segments: readonly PlacedSegment[]): Uint8Array[] {
    return segments.map(([block, offset, length]) => {
      const bytes = this.#material.get(block)?.subarray(offset, offset + length);
      if (bytes?.length !== length) throw new Error("a segment lies outside its block");
      return bytes;
    });
  }

  /** Keys of the other half's making: each once, with the bytes at the places it told. */
  async #dec(record: HalfRecord | undefined, which: { readonly first: number; readonly keys: number }): Promise<void> {
    if (record === undefined) return;
    const { announced, nonce, keyIds } = record;
    const fetching = this.#fetching.get(nonce) ?? { record, left: new Set(keyIds.keys()) };
    this.#fetching.set(nonce, fetching);
    const indices = indicesOf(record, which);
    const call = {
      configVersion: 0,
      principal: "sae",
      sae: slaveAt(this.#theirs.other),
      master: announced.master,
      keyIds: indices.map((index) => keyIds[index]).filter((keyId) => keyId !== undefined),
    };
    const pool = this.#lives.seenBy(this.#life, (outcome: Result<KeyGrant<KeyIdRun>, Fault>) => {
      const isThere = indices.every((index) => fetching.left.has(index));
      if (!outcome.ok) {
        expect(outcome.error.code).toBe("key-not-found");
        expect(isThere && !record.isVoid, "what was given and not fetched is there").toBe(false);
        return;
      }
      expect(isThere, "nothing is fetched twice").toBe(true);
      for (const index of indices) fetching.left.delete(index);
      const whole = Uint8Array.from(this.#bytesAt(announced.segments).flatMap((bytes) => [...bytes]));
      const keys = indices.map((index) =>
        whole.subarray(index * announced.sizeBytes, (index + 1) * announced.sizeBytes),
      );
      expect(areEqual(outcome.value.bytes, keys), "both ends have the same keys").toBe(true);
    });
    await deliverKeys(pool, call, async () => await Promise.resolve(false));
  }

  async #void(): Promise<void> {
    for (let after: number | null = 0; after !== null;) {
      const call = { sae: masterAt(this.#theirs.other), after, reason: "test" };
      const done: Awaited<ReturnType<typeof voidStep>> = await voidStep(this.#life.pool, call);
      if (!done.ok) throw new Error(done.error.message);
      after = done.value.next;
    }
  }

  // ---- the carrier

  /** Posts of the real half. */
  async #carryOut(batch: HalfBatch): PoolResult<HalfAnswer> {
    return await this.#carry(async () => {
      const answer = this.#theirs.receive(JSON.parse(JSON.stringify(batch)) as HalfBatch);
      // Units on their way: they are awaited.
      if (answer.yieldedBytes > 0) setTimeout(() => void this.#theirPost(), 1);
      return await Promise.resolve(ok(answer));
    });
  }

  /** Posts of the other half, a few times at most: what is lost then goes with the next. */
  async #theirPost(): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      const batch = this.#theirs.batch();
      if (batch.messages.length === 0 && batch.wantBytes === 0) return;
      try {
        const answer = await this.#carry(async () => await this.#receive(batch));
        if (answer.ok) this.#theirs.answered(answer.value);
      } catch (error) {
        if (!(error instanceof Intended)) throw error;
      }
    }
  }

  async #receive(batch: HalfBatch): PoolResult<HalfAnswer> {
    const { pool, end } = this.#life;
    const plain = JSON.parse(JSON.stringify(batch)) as HalfBatch;
    const answer = await Promise.race([(pool.half as RemoteHalf).receive(plain), end]);
    if (answer === DIED) throw new Intended("the real half died");
    return JSON.parse(JSON.stringify(answer)) as Awaited<PoolResult<HalfAnswer>>;
  }

  async #carry(send: () => PoolResult<HalfAnswer>): PoolResult<HalfAnswer> {
    if (this.#isCalm) return await send();
    let roll = this.#random() * Object.values(FATES_OF_POSTS).reduce((sum, weight) => sum + weight, 0);
    const names = Object.keys(FATES_OF_POSTS) as (keyof typeof FATES_OF_POSTS)[];
    const fate = names.find((name) => (roll -= FATES_OF_POSTS[name]) < 0);
    if (this.#random() < 0.3) await this.#late.shift()?.();
    if (fate === "delayed") {
      const ms = Math.floor(this.#random() * 1.5 * PATIENCE.postMs);
      await new Promise<void>((resolve) => setTimeout(resolve, ms));
    }
    if (fate === "request lost") throw new Intended("lost");
    const answer = await send();
    if (fate === "doubled") await send();
    if (fate === "delivered again later") this.#late.push(send);
    if (fate === "answer lost") throw new Intended("lost");
    return answer;
  }

  // ---- the end

  /** All is known at both ends, every key that was given can be had, and both count the same. */
  async #finish(): Promise<void> {
    this.#isCalm = true;
    this.#late = [];
    await this.#start();
    for (const { block, end } of this.#missing) await this.#pushTo(block, end);
    await this.#settle();
    for (const record of this.#theirs.fetchableThere) {
      const left = this.#fetching.get(record.nonce)?.left ?? new Set(record.keyIds.keys());
      if (record.isVoid) continue;
      for (const index of left) {
        await this.#all([async () => await this.#dec(record, { first: index, keys: 1 })]);
        expect(this.#fetching.get(record.nonce)?.left.has(index)).toBe(false);
      }
    }
    for (const record of this.#theirs.fetchableHere) this.#theirs.fetch(record, [...record.left]);
    await this.#settle();
    checkStored(this.#life.pool, this.#lives);
    checkUnits(this.#lives);
    const { ledger } = this.#life.pool.books.totals;
    const theirs = this.#theirs.ledger;
    // Keys that one half voided while the other delivered them are counted as each saw it.
    const ended = ledger.delivered + ledger.voided;
    expect({ ...ledger, delivered: 0, voided: ended }).toEqual({
      ...EMPTY_LEDGER,
      ...theirs,
      delivered: 0,
      voided: theirs.delivered + theirs.voided,
    });
    expect(this.#life.pool.standingAlarms.list()).toEqual([]);
  }

  async #settle(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      await this.#life.pool.half.catchUp();
      await this.#theirPost();
      if (this.#theirs.isSettled && this.#lives.sql("SELECT seq FROM half_log").length === 0) return;
    }
    throw new Error("the halves do not come to an end");
  }
}

const pick = <T>(list: readonly T[], index: number): T | undefined => list[list.length - 1 - (index % list.length)];

const indicesOf = (
  { announced }: HalfRecord,
  { first, keys }: { readonly first: number; readonly keys: number },
): number[] => {
  const from = first % announced.keys;
  return Array.from({ length: Math.min(keys, announced.keys - from) }, (_, index) => from + index);
};
