/** Plays random histories of key streams against a real pool and the model of them. */
import fc from "fast-check";
import { expect } from "vitest";
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import { keysLeft } from "../../durable-objects/key-pool/left.ts";
import { availableChunks } from "../../durable-objects/key-pool/stream-available.ts";
import { giveChunks } from "../../durable-objects/key-pool/stream-chunks.ts";
import { closeStream } from "../../durable-objects/key-pool/stream-close.ts";
import { endStreams } from "../../durable-objects/key-pool/stream-end.ts";
import { openStream } from "../../durable-objects/key-pool/stream-open.ts";
import { letGo, settleChunks } from "../../durable-objects/key-pool/stream-settle.ts";
import { expireRecords, voidStep } from "../../durable-objects/key-pool/upkeep.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type { ChunksAnswer, ChunksCall, StreamOpened } from "../../shared/keypool/streams.ts";
import type { Result } from "../../shared/result.ts";
import type { Clock } from "./in-workerd-model-clock.ts";
import { checkStored, checkUnits } from "./in-workerd-model-checks.ts";
import { configOf, PAIR } from "./in-workerd-model-history.ts";
import { type Fate, FATES, Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { CHUNK_BYTES, type End, StreamModel, TTL_MS, type Waiter } from "./in-workerd-model-streams.ts";
import { defaultPolicy } from "./in-workerd-pool.ts";
import { wish } from "./in-workerd-pool-streams.ts";

const KSIDS = Array.from({ length: 3 }, (_, at) => `00000000-0000-4000-8000-00000000000${at}` as Ksid);
const ENDS = [
  { sae: "sae-a" as SaeId, node: "n-1" as NodeId },
  { sae: "sae-b" as SaeId, node: "n-2" as NodeId },
] as const;

const ksid = fc.nat(KSIDS.length - 1);
const end = fc.constantFrom<End>(0, 1);
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("open" as const), ksid, end }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("get" as const),
      ksid,
      end,
      /** Relative to the first one it has not had. */
      from: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: -3, max: 70 }) },
      ),
      steps: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
      readAhead: fc.oneof(fc.constant(0), fc.nat(8)),
      waitMs: fc.constantFrom(0, 0, 400, 3000),
      afterClose: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      ksid,
      end,
      back: fc.array(fc.nat(15), { maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("close" as const), ksid, end, lingers: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("available" as const), ksid, end, count: fc.option(fc.nat(6)) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("push" as const), chunks: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("upkeep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("void" as const), end }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Of<Do extends Operation["do"]> = Extract<Operation, { do: Do }>;

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("burst" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
      fate: fc.option(fc.tuple(fc.nat(3), fc.constantFrom(...FATES)), { freq: 8 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(500, 6000, TTL_MS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);

export const streamsPlot = fc.record({
  /** Are all streams opened by both ends first, and with how many chunks in the pool? */
  isOpen: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  stock: fc.constantFrom(0, 0, 5, 200),
  graceSeconds: fc.constantFrom(0, 0, 2),
  steps: fc.array(step, { minLength: 1, maxLength: 25, size: "max" }),
});
export type StreamsPlot = typeof streamsPlot extends fc.Arbitrary<infer T> ? T : never;

const POLICY = { ...defaultPolicy, pool: { ...defaultPolicy.pool, low_bytes: 0 } };
/** Of a commit that is not the model's concern. */
const unheard = () => {};

export class StreamsHistory {
  readonly #lives: PoolLives;
  readonly #clock: Clock;
  readonly #model: StreamModel;
  readonly #config: ReturnType<typeof configOf>;
  #life: Life;
  #blocks = 0;

  private constructor(
    lives: PoolLives,
    clock: Clock,
    model: StreamModel,
    config: ReturnType<typeof configOf>,
    life: Life,
  ) {
    this.#lives = lives;
    this.#clock = clock;
    this.#model = model;
    this.#config = config;
    this.#life = life;
  }

  static async play(
    { graceSeconds, isOpen, stock, steps }: StreamsPlot,
    lives: PoolLives,
    clock: Clock,
  ): Promise<void> {
    lives.wipe(PAIR);
    const config = {
      ...configOf({ do: "set", settings: 0, capacity: 0 }, 1, 1),
      feed: "one-ended" as const,
      health: "accept" as const,
      policy: { ...POLICY, delivery_grace_s: graceSeconds },
    };
    const life = await lives.start(() => config);
    const history = new StreamsHistory(lives, clock, new StreamModel(graceSeconds * 1000), config, life);
    const opens = KSIDS.flatMap((_, at) =>
      ([0, 1] as const).map((side) => ({ do: "open", ksid: at, end: side }) as const),
    );
    if (isOpen) await history.#burst(opens, null);
    if (stock > 0) await history.#burst([{ do: "push", chunks: stock }], null);
    for (const each of steps) {
      if (each.do === "wait") clock.nowMs += each.ms;
      else if (each.do === "restart") await history.#restart();
      else await history.#burst(each.operations, each.fate);
      history.#check();
    }
    await history.#finish();
  }

  async #restart(): Promise<void> {
    this.#life.die();
    this.#life = await this.#lives.start(() => this.#config);
    this.#model.restart();
  }

  async #burst(operations: readonly Operation[], fate: readonly [number, Fate] | null): Promise<void> {
    const life = this.#life;
    this.#model.isStrict = fate === null;
    this.#lives.fates = fate === null ? [] : [...Array.from({ length: fate[0] }, () => null), fate[1]];
    const ends = await Promise.allSettled(operations.map(async (one) => await Promise.race([this.#do(one), life.end])));
    this.#lives.fates = [];
    this.#lives.tell();
    for (const one of ends) {
      if (one.status === "rejected" && !(one.reason instanceof Intended)) throw one.reason;
    }
    if (life.isOver) await this.#restart();
    this.#model.waiters.length = 0;
  }

  async #do(one: Operation): Promise<void> {
    if (one.do === "open") await this.#open(one);
    else if (one.do === "get") await this.#get(one);
    else if (one.do === "settle") await this.#settle(one);
    else if (one.do === "close") await this.#close(one);
    else if (one.do === "available") await this.#available(one);
    else if (one.do === "push") await this.#push(one.chunks * CHUNK_BYTES);
    else if (one.do === "void") await this.#void(ENDS[one.end].sae);
    else await this.#upkeep();
  }

  /** The pool, as one whose commits' outcomes the model hears, with the time of each. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what its works come to
  #heard<T>(hear: (value: T, nowMs: number) => void): PoolContext {
    return this.#lives.seenBy<Result<T, Fault>, number>(
      this.#life,
      (outcome, nowMs) => {
        if (!outcome.ok) throw new Error(`refused: ${outcome.error.code}`);
        hear(outcome.value, nowMs ?? 0);
      },
      () => Date.now(),
    );
  }

  #named(one: { readonly ksid: number; readonly end: End }) {
    const instance = this.#model.streams.get(one.ksid)?.instance ?? 1;
    const self = ENDS[one.end];
    return { configVersion: 0, principal: `sae:${self.sae}`, ksid: KSIDS[one.ksid] as Ksid, instance, self };
  }

  async #open(one: Of<"open">): Promise<void> {
    const pool = this.#heard<StreamOpened>((opened, nowMs) => this.#model.opened(one.ksid, one.end, opened, nowMs));
    const { ksid: id, self } = this.#named(one);
    const qos = wish({ chunkBytes: CHUNK_BYTES, ttlSeconds: TTL_MS / 1000, priority: one.ksid });
    const peer = ENDS[one.end === 0 ? 1 : 0];
    await openStream(pool, { configVersion: 0, principal: "x", ksid: id, self, peer, qos, opensAdjusted: false });
  }

  async #get(one: Of<"get">): Promise<void> {
    const stream = this.#model.streams.get(one.ksid);
    const side = stream?.opener === one.end ? 0 : 1;
    const [first = stream?.chunks.length ?? 0] =
      stream === undefined ? [] : this.#model.unread(stream, side, this.#clock.nowMs);
    let index = Math.max(0, first + one.from);
    const indices = [index, ...one.steps.map((by) => (index += by))];
    const { readAhead, waitMs, afterClose } = one;
    const call: ChunksCall = { ...this.#named(one), indices, readAhead, waitMs, afterClose };
    const waiter: Waiter = { priority: one.ksid, untilMs: this.#clock.nowMs + waitMs, isOver: false };
    const pool = this.#heard<ChunksAnswer | { lacks: string }>((answer, nowMs) => {
      this.#model.chunks(one.ksid, one.end, call, answer, nowMs, waiter);
      if (!("lacks" in answer)) waiter.isOver = true;
    });
    await giveChunks(pool, call, async () => false);
  }

  async #settle(one: Of<"settle">): Promise<void> {
    const handedBack = [...new Set(one.back)].toSorted((a, b) => a - b);
    const call = { ...this.#named(one), handedBack };
    const pool = this.#heard<null>((_, nowMs) => this.#model.settled(one.ksid, one.end, call, nowMs));
    await settleChunks(pool, call);
  }

  async #close(one: Of<"close">): Promise<void> {
    const call = { ...this.#named(one), lingers: one.lingers };
    const pool = this.#heard<unknown>((_, nowMs) => this.#model.closed(one.ksid, one.end, call, nowMs));
    await closeStream(pool, { ...call, mayStillFetch: one.lingers });
  }

  async #available(one: Of<"available">): Promise<void> {
    const call = { ...this.#named(one), count: one.count };
    const pool = this.#heard<{ readonly indices: readonly number[] }>(({ indices }, nowMs) =>
      this.#model.available(one.ksid, one.end, call, indices, nowMs),
    );
    await availableChunks(pool, call, async () => false);
  }

  async #push(bytes: number): Promise<void> {
    const id = `block-${this.#blocks++}` as BlockId;
    const material = crypto.getRandomValues(new Uint8Array(bytes));
    const pool = this.#heard<unknown>(() => {
      this.#model.availableBytes += bytes;
    });
    await ingestBlock(pool, { id, node: ENDS[0].node, bytes: material, origin: "pushed", principal: "x" });
  }

  async #void(sae: SaeId): Promise<void> {
    const pool = this.#heard<unknown>(() => this.#model.streams.clear());
    for (let after: number | null = 0; after !== null;) {
      const done = await voidStep(pool, { sae, after, reason: "test" });
      if (!done.ok) throw new Error(done.error.message);
      after = done.value.next;
    }
  }

  async #upkeep(): Promise<void> {
    const pool = this.#heard<unknown>(unheard);
    const nowMs = Date.now();
    for (const work of [expireRecords, letGo, endStreams]) await work(pool, nowMs);
  }

  /** What is pending is what the records say; nothing is kept that nobody may have any more. */
  #check(): void {
    const { pool } = this.#life;
    checkStored(pool, this.#lives);
    expect(pool.books.totals.ledger.available).toBe(this.#model.availableBytes * 8);
    const records = this.#lives.sql<{ keys: number; left: ArrayBuffer; state: string }>(
      "SELECT keys, left, state FROM key_record",
    );
    const pending = records.reduce((sum, { keys, left }) => sum + keysLeft(new Uint8Array(left), 2, keys), 0);
    expect(pool.books.totals.ledger.pending).toBe(pending * CHUNK_BYTES * 8);
    for (const { keys, left, state } of records) {
      expect(state).toBe(keysLeft(new Uint8Array(left), 2, keys) === 0 ? "held" : "pending");
    }
  }

  /** Every chunk can be had by the end it waits for; and when all time is over, nothing is left. */
  async #finish(): Promise<void> {
    await this.#restart();
    for (const [id, stream] of this.#model.streams) {
      for (const side of [0, 1] as const) {
        if (this.#model.live(id, this.#clock.nowMs) === undefined || stream.states[1] === "absent") continue;
        for (const index of this.#model.unread(stream, side, this.#clock.nowMs)) {
          const of = side === 0 ? stream.opener : ((1 - stream.opener) as End);
          const named = this.#named({ ksid: id, end: of });
          const call: ChunksCall = { ...named, indices: [index], readAhead: 0, waitMs: 0, afterClose: true };
          const waiter: Waiter = { priority: id, untilMs: 0, isOver: true };
          const pool = this.#heard<ChunksAnswer>((answer, nowMs) =>
            this.#model.chunks(id, of, call, answer, nowMs, waiter),
          );
          await giveChunks(pool, call, async () => false);
          this.#lives.tell();
        }
      }
    }
    this.#check();
    this.#clock.nowMs += 2 * 24 * 3600_000;
    for (let round = 0; round < 3; round++) await this.#upkeep();
    this.#lives.tell();
    expect(this.#lives.sql("SELECT id FROM key_record UNION ALL SELECT instance FROM stream")).toEqual([]);
    expect(this.#life.pool.books.totals.ledger.pending).toBe(0);
    this.#check();
    checkUnits(this.#lives);
  }
}
