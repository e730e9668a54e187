/**
 * Plays random histories of a link that carries relays against a real pool. What the pool gives out is looked up in the
 * material it was given: every byte may be found in one place only.
 */
import { Buffer } from "node:buffer";
import { expect } from "vitest";
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import { deliverKeys } from "../../durable-objects/key-pool/dec-keys.ts";
import type { Drawn as DrawnBits } from "../../durable-objects/key-pool/drawn-bits.ts";
import { giveKeys } from "../../durable-objects/key-pool/enc-keys.ts";
import { tellHopUses } from "../../durable-objects/key-pool/hop-uses.ts";
import { importKeys } from "../../durable-objects/key-pool/imports.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import { drawHop } from "../../durable-objects/key-pool/relay-draw.ts";
import { takeHop } from "../../durable-objects/key-pool/relay-take.ts";
import { notEnoughKeys } from "../../durable-objects/key-pool/refusals.ts";
import { giveChunks } from "../../durable-objects/key-pool/stream-chunks.ts";
import { openStream } from "../../durable-objects/key-pool/stream-open.ts";
import { expireRecords, voidStep } from "../../durable-objects/key-pool/upkeep.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type { KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { ChunksAnswer } from "../../shared/keypool/streams.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import type { LinkDraw, RelayId, RelayTerms } from "../../shared/relay/types.ts";
import type { Result } from "../../shared/result.ts";
import { checkStored, checkUnits } from "./in-workerd-model-checks.ts";
import type { Clock } from "./in-workerd-model-clock.ts";
import { configOf, PAIR } from "./in-workerd-model-history.ts";
import { type Fate, Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { wish } from "./in-workerd-pool-streams.ts";
import { defaultPolicy, hex, randomBytes } from "./in-workerd-pool.ts";
import { drawCall, otherTerms } from "./in-workerd-relay.ts";
import { placesOf } from "./in-workerd-model-places.ts";
import type { Operation, RelayPlot } from "./in-workerd-relay-plot.ts";
import { padsAlone } from "./in-workerd-refill.ts";

const NODES = ["n-1", "n-2"] as [NodeId, NodeId] & NodeId[];
const SAES = ["sae-a", "sae-b"] as [SaeId, SaeId] & SaeId[];
const KSID = "00000000-0000-4000-8000-000000000001" as Parameters<typeof openStream>[1]["ksid"];
const CHUNK_BYTES = 40;
const LOW_BYTES = 1000;
const FLOOR_BYTES = 300;
/** Steps. In between, what was done without a commit may be in no table. */
const RECORDED_EVERY = 3;

type Of<Do extends Operation["do"]> = Extract<Operation, { do: Do }>;

interface Drawn {
  readonly terms: RelayTerms;
  readonly draw: LinkDraw;
  readonly side: 0 | 1;
  readonly bytes: Uint8Array;
  /** Out of a run: what of it no commit has recorded is lost with a crash. */
  readonly isOfRun: boolean;
  state: "pending" | "taken" | "over";
}

/** What was done without a commit since the last time that all of it was recorded. */
const NOTHING = { draws: 0, drawnBits: 0, takes: 0, takenBits: 0 };

interface Event {
  readonly act: string;
  readonly detail: { readonly relays: number; readonly bits: number; readonly run_bits?: number };
}

/** A pool, and whether it has answered without a commit. */
interface Heard {
  readonly pool: PoolContext;
  readonly isWithoutCommit: () => boolean;
}

/** What relays may count on. */
const spareBits = ({ books, hopRuns }: PoolContext): number => books.totals.ledger.available + hopRuns.restBits;

const nothingComes = async (): Promise<boolean> => await Promise.resolve(false);

export class RelayHistory {
  readonly #lives: PoolLives;
  readonly #clock: Clock;
  readonly #config = {
    ...configOf({ do: "set", settings: 0, capacity: 0 }, 1, 1),
    feed: "one-ended" as const,
    health: "accept" as const,
    policy: {
      ...defaultPolicy,
      pool: { capacity_bytes: 1024 * 1024, high_bytes: 2 * LOW_BYTES, low_bytes: LOW_BYTES },
      relay: { ...defaultPolicy.relay, authentication_floor_bytes: FLOOR_BYTES },
    },
  };
  #life!: Life;
  /** All that came in, in order; and whether a byte of it was given out. */
  #material = Buffer.alloc(0);
  #given = new Uint8Array();
  readonly #draws: Drawn[] = [];
  readonly #keys: { readonly keyIds: readonly KeyIdRun[]; readonly bytes: string }[] = [];
  #chunks = 0;
  #blocks = 0;
  #noted = NOTHING;
  /** At most so much of what was done is in no table, and never will be. */
  #lost = NOTHING;

  private constructor(lives: PoolLives, clock: Clock) {
    this.#lives = lives;
    this.#clock = clock;
  }

  static async play({ steps }: RelayPlot, lives: PoolLives, clock: Clock): Promise<void> {
    lives.wipe(PAIR);
    const history = new RelayHistory(lives, clock);
    history.#life = await lives.start(() => history.#config);
    await history.#openStream();
    await history.#burst([{ do: "push", bytes: 5000 }], null);
    for (const [at, each] of steps.entries()) {
      if (each.do === "wait") clock.nowMs += each.ms;
      else if (each.do === "restart") await history.#restart();
      else if (each.do === "void") await history.#void();
      else await history.#burst(each.operations, each.fate);
      history.#checkLedgers();
      if (at % RECORDED_EVERY !== 0) continue;
      await history.#record();
      history.#check();
    }
    await history.#finish();
  }

  async #restart(): Promise<void> {
    this.#life.die();
    this.#life = await this.#lives.start(() => this.#config);
    this.#forgotten();
  }

  /** All that was done without a commit is in the tables. */
  async #record(): Promise<void> {
    await this.#life.pool.commits.run(() => null);
    this.#noted = NOTHING;
  }

  /** What was done without a commit may be lost, and what was drawn so is: nobody can take it any more. */
  #forgotten(): void {
    const { draws, drawnBits, takes, takenBits } = this.#lost;
    const noted = this.#noted;
    this.#lost = {
      draws: draws + noted.draws,
      drawnBits: drawnBits + noted.drawnBits,
      takes: takes + noted.takes,
      takenBits: takenBits + noted.takenBits,
    };
    this.#noted = NOTHING;
    for (const one of this.#draws) if (one.isOfRun && one.state === "pending") one.state = "over";
  }

  async #openStream(): Promise<void> {
    const { pool } = this.#life;
    for (const at of [0, 1] as const) {
      const self = { sae: SAES[at], node: NODES[at] };
      const peer = { sae: SAES[at === 0 ? 1 : 0], node: NODES[at === 0 ? 1 : 0] };
      const qos = wish({ chunkBytes: CHUNK_BYTES, ttlSeconds: 3600 });
      await openStream(pool, { configVersion: 0, principal: "x", ksid: KSID, self, peer, qos, opensAdjusted: false });
    }
  }

  async #burst(operations: readonly Operation[], fate: readonly [number, Fate] | null): Promise<void> {
    const life = this.#life;
    this.#lives.fates = fate === null ? [] : [...Array.from({ length: fate[0] }, () => null), fate[1]];
    const ends = await Promise.allSettled(operations.map(async (one) => await Promise.race([this.#do(one), life.end])));
    const isHit = fate !== null && this.#lives.fates.length === 0;
    this.#lives.fates = [];
    this.#lives.tell();
    for (const one of ends) {
      if (one.status === "rejected" && !(one.reason instanceof Intended)) throw one.reason;
    }
    if (life.isOver) await this.#restart();
    else if (isHit) this.#forgotten();
  }

  async #do(one: Operation): Promise<void> {
    if (one.do === "draw") await this.#draw(one);
    else if (one.do === "take") await this.#take(one);
    else if (one.do === "enc") await this.#enc(one);
    else if (one.do === "dec") await this.#dec(one);
    else if (one.do === "chunk") await this.#chunk();
    else if (one.do === "import") await this.#import(one.bytes);
    else if (one.do === "push") await this.#push(one.bytes);
    else await this.#upkeep();
  }

  /** The pool; `hear` is told what each work came to that is committed, and what was available then. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what its works come to
  #heard<T>(hear: (outcome: Result<T, Fault>, availableBits: number) => void): Heard {
    const life = this.#life;
    let hasCommitted = false;
    const pool = this.#lives.seenBy<Result<T, Fault>, number>(
      life,
      (outcome, availableBits) => hear(outcome, availableBits ?? 0),
      () => {
        hasCommitted = true;
        return spareBits(life.pool);
      },
    );
    // The dead answer nobody.
    return { pool, isWithoutCommit: () => !hasCommitted && !life.isOver };
  }

  /** These bytes are of the material, and nobody has had any of them. */
  #giveOut(bytes: Uint8Array): void {
    const places = placesOf(bytes, this.#material, this.#given);
    expect(places, "what is given out is what came in, and no bit is given out twice").not.toBeNull();
    for (const [at, length] of places ?? []) this.#given.fill(1, at, at + length);
  }

  async #draw({ side: by, pair, bytes }: Of<"draw">): Promise<void> {
    const ends = { from: NODES[by], to: NODES[by === 0 ? 1 : 0] };
    const terms = otherTerms(ends, pair, { bytes });
    const drawn = (draw: LinkDraw, got: Uint8Array, availableBits: number, isOfRun: boolean) => {
      expect(availableBits).toBeGreaterThanOrEqual(LOW_BYTES * 8);
      expect(got).toHaveLength(bytes + 32);
      this.#giveOut(got);
      this.#draws.push({ terms, draw, side: by, bytes: got, isOfRun, state: "pending" });
      if (!isOfRun) return;
      const { draws, drawnBits } = this.#noted;
      this.#noted = { ...this.#noted, draws: draws + 1, drawnBits: drawnBits + got.length * 8 };
    };
    type Cut = { readonly record: { readonly id: number; readonly nonce: Uint8Array }; readonly bytes: Uint8Array };
    const { pool, isWithoutCommit } = this.#heard<Cut | DrawnBits | object>((outcome, availableBits) => {
      if (!outcome.ok) return;
      const { value } = outcome;
      if ("record" in value) {
        const draw = { shard: 0, record: value.record.id, nonce: hex(value.record.nonce) };
        drawn(draw, value.bytes, availableBits, false);
      } else if ("draw" in value) drawn(value.draw, value.bytes, availableBits, true);
    });
    const answer = await drawHop(pool, drawCall(ends.from, terms), nothingComes);
    if (!answer.ok || !isWithoutCommit()) return;
    drawn(answer.value.draw, answer.value.bytes, spareBits(this.#life.pool), true);
  }

  async #take({ which, wrong }: Of<"take">): Promise<void> {
    const one = this.#draws.at(-1 - which);
    if (one === undefined) return;
    const { terms, draw } = one;
    const asked = {
      ...(wrong === "relay" ? { relay: crypto.randomUUID() as RelayId } : {}),
      ...(wrong === "bytes" ? { bytes: terms.bytes + 1 } : {}),
    };
    const named = {
      ...(wrong === "nonce" ? { nonce: draw.nonce.replace(/^../, (byte) => (byte === "00" ? "01" : "00")) } : {}),
      ...(wrong === "record" ? { record: draw.record + 1 } : {}),
    };
    const taker = NODES[one.side === 0 ? 1 : 0];
    const call = { ...drawCall(taker, { ...terms, ...asked }), draw: { ...draw, ...named } };
    const isTime = this.#clock.nowMs < terms.expiresMs;
    const isRight = wrong === "";
    const hear = (outcome: Result<Uint8Array, Fault>): void => {
      expect(outcome.ok, "taken once, in time, by who may").toBe(isRight && isTime && one.state === "pending");
      if (!outcome.ok) return;
      expect(hex(outcome.value), "the same bits at both nodes").toBe(hex(one.bytes));
      one.state = "taken";
      if (!one.isOfRun) return;
      const { takes, takenBits } = this.#noted;
      this.#noted = { ...this.#noted, takes: takes + 1, takenBits: takenBits + terms.bytes * 8 };
    };
    const { pool, isWithoutCommit } = this.#heard<Uint8Array>(hear);
    const answer = await takeHop(pool, call);
    if (isWithoutCommit()) hear(answer);
  }

  async #enc({ count, sizeBytes }: Of<"enc">): Promise<void> {
    const { pool } = this.#heard<{ readonly grant: KeyGrant<KeyIdRun> } | null>((outcome, availableBits) => {
      if (!outcome.ok || outcome.value === null) return;
      if (this.#isCarrying) expect(availableBits).toBeGreaterThanOrEqual(FLOOR_BYTES * 8);
      const { keyIds, bytes } = outcome.value.grant;
      this.#giveOut(bytes);
      this.#keys.push({ keyIds, bytes: hex(bytes) });
    });
    const recipients = [{ sae: SAES[1], node: NODES[1] }];
    const call = { configVersion: 0, principal: "x", master: SAES[0], masterNode: NODES[0], recipients, count };
    await giveKeys(
      pool,
      { ...call, sizeBits: sizeBytes * 8 },
      {
        poolOf: () => {
          throw new Error("no multicast");
        },
        refill: async () => await Promise.resolve(notEnoughKeys()),
        published: () => {},
      },
    );
  }

  async #dec({ which }: Of<"dec">): Promise<void> {
    const keys = this.#keys.at(-1 - which);
    if (keys === undefined) return;
    const { pool } = this.#heard<KeyGrant<KeyIdRun>>((outcome) => {
      if (outcome.ok) expect(hex(outcome.value.bytes)).toBe(keys.bytes);
    });
    const call = { configVersion: 0, principal: "x", sae: SAES[1], master: SAES[0], keyIds: keys.keyIds };
    await deliverKeys(pool, call, nothingComes);
  }

  async #chunk(): Promise<void> {
    const index = this.#chunks;
    const { pool } = this.#heard<ChunksAnswer>((outcome) => {
      if (!outcome.ok || outcome.value.outcome !== "handed" || index !== this.#chunks) return;
      this.#giveOut(outcome.value.bytes);
      this.#chunks = index + 1;
    });
    const self = { sae: SAES[0], node: NODES[0] };
    const named = { configVersion: 0, principal: "x", ksid: KSID, instance: 1, self };
    await giveChunks(pool, { ...named, indices: [index], readAhead: 0, waitMs: 0, afterClose: false }, nothingComes);
  }

  /** Its pad is nobody's to see. */
  async #import(bytes: number): Promise<void> {
    const call = {
      configVersion: 0,
      principal: "x",
      master: SAES[0],
      masterNode: NODES[0],
      recipients: [{ sae: SAES[1], node: NODES[1] }],
      nonce: randomBytes(9),
      mask: randomBytes(7),
      keys: 1,
      sizeBytes: bytes,
      bytes: randomBytes(bytes),
      expiresMs: this.#clock.nowMs + 60_000,
    };
    await importKeys(this.#life.pool, call, padsAlone(this.#life.pool));
  }

  async #push(bytes: number): Promise<void> {
    const id = `block-${this.#blocks++}` as BlockId;
    const material = randomBytes(bytes);
    const { pool } = this.#heard<unknown>(() => {
      this.#material = Buffer.concat([this.#material, material]);
      this.#given = new Uint8Array(Buffer.concat([this.#given, new Uint8Array(bytes)]));
    });
    await ingestBlock(pool, { id, node: NODES[0], bytes: material, origin: "pushed", principal: "x" });
  }

  async #upkeep(): Promise<void> {
    const { pool } = this.#life;
    const nowMs = Date.now();
    for (const work of [expireRecords, tellHopUses]) await work(pool, nowMs);
  }

  /** Everything: keys, pads and what is unused. */
  async #void(): Promise<void> {
    for (let after: number | null = 0; after !== null;) {
      const done = await voidStep(this.#life.pool, { sae: null, after, reason: "test" });
      if (!done.ok) throw new Error(done.error.message);
      after = done.value.next;
    }
    for (const one of this.#draws) if (one.state === "pending") one.state = "over";
  }

  get #isCarrying(): boolean {
    return this.#life.pool.books.totals.ledger.tag > 0;
  }

  /** In memory and in the tables, whatever has not come from the one to the other yet. */
  #checkLedgers(): void {
    const { books, store } = this.#life.pool;
    for (const { ledger, ingested } of [books.totals, store.totals()]) expect(sumOfLedger(ledger)).toBe(ingested);
  }

  #check(): void {
    const { pool } = this.#life;
    checkStored(pool, this.#lives);
    const { pad, tag, expired, voided } = pool.books.totals.ledger;
    const taken = this.#draws.filter(({ state }) => state === "taken");
    const takenBits = taken.reduce((sum, { terms }) => sum + terms.bytes * 8, 0);
    const { takes, takenBits: lostBits } = this.#lost;
    expect(tag).toBeLessThanOrEqual(taken.length * 256);
    expect(tag).toBeGreaterThanOrEqual((taken.length - takes) * 256);
    expect(pad).toBeGreaterThanOrEqual(takenBits - lostBits); // and the pads of imports
    // Nothing is lost without a trace.
    const { reserved } = pool.books.totals.ledger;
    expect(pad + tag + expired + voided + reserved).toBeGreaterThanOrEqual(takenBits + taken.length * 256);
    const rows = this.#lives.sql<{ id: number }>(
      `SELECT id FROM key_record WHERE hop IS NOT NULL AND json_extract(hop, '$[0]') != '' ORDER BY id`,
    );
    const waiting = this.#draws.filter(({ state, isOfRun }) => state === "pending" && !isOfRun);
    const ids = rows.map(({ id }) => id);
    expect(waiting.map(({ draw }) => draw.record)).toEqual(expect.arrayContaining(ids));
    const inTime = waiting.filter(({ terms }) => terms.expiresMs > this.#clock.nowMs).map(({ draw }) => draw.record);
    expect(ids).toEqual(expect.arrayContaining(inTime));
  }

  /** When all time is over nothing waits, and the audit log has been told of every draw. */
  async #finish(): Promise<void> {
    await this.#restart();
    this.#clock.nowMs += 2 * 24 * 3600_000;
    for (let round = 0; round < 2; round++) await this.#upkeep();
    for (const one of this.#draws) if (one.state === "pending") one.state = "over";
    this.#check();
    checkUnits(this.#lives);
    expect(this.#lives.sql("SELECT * FROM hop_use")).toEqual([]);
    const told = this.#lives
      .sql<{ events: string }>("SELECT events FROM audit_outbox")
      .flatMap((row) => JSON.parse(row.events) as Event[]);
    const events = told.filter(({ act }) => act === "relay.pads");
    const ended = told.filter(({ act }) => act === "relay.expired" || act === "relay.void");
    const missingRelays = this.#draws.length - events.reduce((sum, { detail }) => sum + detail.relays, 0);
    expect(missingRelays).toBeGreaterThanOrEqual(0);
    expect(missingRelays).toBeLessThanOrEqual(this.#lost.draws);
    const drawnBits = this.#draws.reduce((sum, { bytes }) => sum + bytes.length * 8, 0);
    const missingBits = drawnBits - events.reduce((sum, { detail }) => sum + detail.bits, 0);
    expect(missingBits).toBeLessThanOrEqual(this.#lost.drawnBits);
    // It was told of with their runs.
    const runBits = ended.reduce((sum, { detail }) => sum + (detail.run_bits ?? 0), 0);
    expect(runBits).toBeGreaterThanOrEqual(missingBits);
  }
}
