/**
 * The pool whose other node lives in another deployment. Keys are cut from this half's own units and answered only
 * after the other half durably knows which bits they took.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type {
  Fetched,
  HalfAnswer,
  HalfBatch,
  OtherHalf,
  PlacedSegment,
  Retirement,
} from "../../shared/keypool/half.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Database } from "../storage/database.ts";
import { Arrivals } from "./arrivals.ts";
import type { PoolContext } from "./context.ts";
import type { Half } from "./half.ts";
import { actOnAnswer } from "./half-answers.ts";
import { shareBlock } from "./half-apply.ts";
import { HalfLine, type HalfPatience, within } from "./half-line.ts";
import { HalfLog, type LogRow } from "./half-log.ts";
import { disagree, type HalfParts } from "./half-parts.ts";
import { receiveBatch } from "./half-receive.ts";
import { HalfUnits, NOBODY } from "./half-units.ts";
import { otherHalfAbstains, otherHalfBehind, otherHalfSilent, otherHalfSplit } from "./refusals.ts";
import type { KeyRecord } from "./rows.ts";

export interface RemoteOptions {
  /** The node hosted here. */
  readonly ownNode: NodeId;
  readonly other: OtherHalf;
  readonly patience?: HalfPatience;
  /** How often the pool has voided all it had, plus one. */
  readonly generation: () => number;
}

const PATIENCE: HalfPatience = {
  waitMs: LIMITS.halfWaitMs,
  postMs: LIMITS.halfPostMs,
  retryMs: LIMITS.halfRetryMs,
};

/** A request that waits for its announcement to be answered. */
interface Waiter {
  readonly seq: number;
  readonly answered: Promise<Result<null, Fault>>;
  readonly resolve: (outcome: Result<null, Fault>) => void;
  outcome?: Result<null, Fault>;
}

export class RemoteHalf implements Half {
  readonly ownNode: NodeId;
  readonly #parts: HalfParts;
  readonly #line: HalfLine;
  readonly #patience: HalfPatience;
  readonly #generation: () => number;
  readonly #waiting = new Map<number, Waiter>();
  readonly #yields = new Arrivals(LIMITS.waitingDecs);
  /** The two halves' logs do not fit together: nothing can be given before an operator has looked. */
  #isSplit = false;

  constructor(parts: Omit<PoolContext, "half">, db: Database, options: RemoteOptions) {
    const { ownNode: own, other, patience = PATIENCE, generation } = options;
    const { pair, pairName, shard } = parts;
    this.ownNode = own;
    this.#patience = patience;
    this.#generation = generation;
    this.#parts = {
      pool: { ...parts, half: this },
      log: new HalfLog(db),
      units: new HalfUnits(db, pair),
      own,
      other: own === pair.low ? pair.high : pair.low,
    };
    this.#line = new HalfLine({
      log: this.#parts.log,
      other,
      patience,
      sender: { pair: pairName, shard, from: own },
      renew: () => this.#parts.log.renew(generation()),
      act: async (sent, batch, answer) => await this.#act(sent, batch, answer),
      isAwaited: () => this.#waiting.size > 0,
    });
  }

  ownerOf(): NodeId {
    return NOBODY;
  }

  serves(node: NodeId): boolean {
    return node === this.ownNode;
  }

  refusal(): Fault | null {
    if (this.#isSplit) return otherHalfSplit().error;
    return this.#hasRoomFor("announcements") ? null : otherHalfBehind().error;
  }

  /** Takes in what the other half posts. */
  async receive(batch: HalfBatch): PoolResult<HalfAnswer> {
    const answer = await receiveBatch(this.#parts, batch);
    if (batch.messages.some(({ message }) => message.kind === "yield")) this.#yields.arrived();
    if (answer.ok && answer.value.yieldedBytes > 0) this.#line.kick();
    return answer;
  }

  async acknowledged(record: KeyRecord): Promise<Result<null, Fault>> {
    const waiter = this.#waiting.get(record.id);
    if (waiter === undefined) return otherHalfSilent();
    void this.#line.run();
    return (await within(this.#patience.waitMs, waiter.answered)) ?? otherHalfSilent();
  }

  async bringIn(bytes: number): Promise<boolean> {
    const { supply } = this.#parts.pool;
    // Registered before the question is put: the units may come before the answer does.
    const arrival = this.#yields.wait(this.#patience.waitMs);
    const coming = await this.#line.ask(bytes);
    if (coming > 0) return await arrival;
    this.#yields.arrived();
    return supply.has(bytes);
  }

  dueMs(nowMs: number): number {
    return this.#parts.log.isEmpty ? Infinity : Math.max(nowMs, this.#line.retryAtMs) + this.#patience.retryMs;
  }

  async catchUp(): Promise<void> {
    if (this.#waiting.size === 0) this.#line.startOver();
    await this.#line.run();
  }

  // ---- inside a commit

  taken({ seq, id, bytes }: { readonly seq: number; readonly id: BlockId; readonly bytes: number }): void {
    const { units } = this.#parts;
    this.#tell({ kind: "taken", block: id, bytes });
    const theirs = units.takenBytes(id);
    if (theirs === undefined) return;
    units.forgetTaken(id);
    const shared = shareBlock(this.#parts, seq, theirs);
    if (!shared.ok) disagree(this.#parts, shared.error.message);
  }

  announce(record: KeyRecord, expiresMs: number): void {
    const { pool } = this.#parts;
    const { promise: answered, resolve } = Promise.withResolvers<Result<null, Fault>>();
    if (record.segments.length > LIMITS.halfSegments) {
      this.#waiting.set(record.id, {
        seq: 0,
        answered: Promise.resolve(TOO_MANY_PIECES),
        resolve,
        outcome: TOO_MANY_PIECES,
      });
      return;
    }
    const seq = this.#tell(
      {
        kind: "announce",
        use: "key",
        record: record.id,
        nonce: toHex(record.nonce),
        mask: toHex(pool.secrets.maskOf(record.nonce)),
        keys: record.keys,
        sizeBytes: record.sizeBytes,
        segments: record.segments.map((segment) => this.#placed(segment)),
        master: record.master,
        masterNode: record.masterNode,
        recipients: record.recipients,
        expiresMs,
      },
      record.id,
    );
    this.#waiting.set(record.id, { seq, answered, resolve });
  }

  settle(record: KeyRecord): void {
    const waiter = this.#waiting.get(record.id);
    if (waiter === undefined) return;
    this.#waiting.delete(record.id);
    this.#parts.log.delete(waiter.seq);
  }

  fetched(record: KeyRecord, sae: SaeId, indices: readonly number[]): void {
    if (record.announced === null || !this.#hasRoomFor("notices")) return;
    const nonce = toHex(record.nonce);
    this.#tell({ kind: "fetched", record: record.announced, nonce, sae, runs: runsOf(indices) });
  }

  ended(record: KeyRecord): void {
    if (record.announced !== null || record.imported || record.state === "held") return;
    const outcome = this.#waiting.get(record.id)?.outcome;
    if (outcome === undefined) this.#waiting.delete(record.id);
    else this.settle(record);
    // What was refused needs no voiding.
    if (outcome?.ok !== false && this.#hasRoomFor("notices")) {
      this.#tell({ kind: "void", nonce: toHex(record.nonce) });
    }
  }

  retired(ids: readonly number[], as: Retirement["as"]): void {
    const { units } = this.#parts;
    const own = ids.filter((id) => units.ownerOf(id) === this.ownNode);
    if (own.length > 0 && this.#hasRoomFor("notices")) {
      this.#tell({ kind: "retire", units: own.map((id) => units.placeOf(id)), as });
    }
  }

  #tell(...message: Parameters<HalfLog["append"]>): number {
    const { log } = this.#parts;
    log.renew(this.#generation());
    this.#line.kick();
    return log.append(...message);
  }

  /** Half of the log is kept free of new announcements, so that those under way can be voided. */
  #hasRoomFor(what: "announcements" | "notices"): boolean {
    const { pool, log, other } = this.#parts;
    const room = what === "notices" ? LIMITS.halfLogMessages : LIMITS.halfLogMessages / 2;
    if (log.length < room) return true;
    if (what === "notices") {
      const detail = "it has not answered for so long that notices to it were dropped";
      pool.standingAlarms.raise("other-half-behind", other, detail, { nowMs: Date.now() });
    }
    return false;
  }

  #placed({ unit, offset, length }: KeyRecord["segments"][number]): PlacedSegment {
    const [block, unitOffset] = this.#parts.units.placeOf(unit);
    return [block, unitOffset + offset, length];
  }

  // ---- answers

  async #act(sent: readonly LogRow[], batch: HalfBatch, answer: HalfAnswer): Promise<boolean> {
    if (this.#parts.log.generation !== batch.generation) return false;
    this.#isSplit = await this.#hasSplit(batch, answer);
    if (this.#isSplit) {
      for (const { resolve } of this.#waiting.values()) resolve(otherHalfSplit());
      return false;
    }
    const waiting = {
      isWaiting: (record: number) => this.#waiting.has(record),
      answered: (record: number, refusal: Fault | undefined) => this.#answered(record, refusal),
    };
    return await actOnAnswer({ ...this.#parts, waiting }, sent, batch, answer);
  }

  #answered(record: number, refusal: Fault | undefined): boolean {
    const waiter = this.#waiting.get(record);
    if (waiter === undefined) return false;
    waiter.outcome = refusal === undefined ? ok(null) : err(refusal);
    // What the halves disagree on is for operators; the client is to come again.
    waiter.resolve(refusal === undefined ? waiter.outcome : otherHalfAbstains());
    return true;
  }

  /** True where one half has lost what it had promised the other: its storage was put back from a copy. */
  async #hasSplit({ settled }: HalfBatch, { applied }: HalfAnswer): Promise<boolean> {
    const { pool, log } = this.#parts;
    const isOld = applied < settled ? "the other half's" : "this half's";
    if (applied >= settled && applied <= log.lastSeq) return false;
    await pool.commits.run(() => disagree(this.#parts, `${isOld} storage is an old copy: messages are lost`));
    return true;
  }
}

const TOO_MANY_PIECES = fail(
  "bad-request",
  `the keys would lie in more than ${LIMITS.halfSegments} pieces of small blocks: ask for fewer at once`,
);

/** Neighbouring indices together: a batch is mostly fetched whole, and in order. */
function runsOf(indices: readonly number[]): Fetched["runs"] {
  const runs: [first: number, count: number][] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  }
  return runs;
}
