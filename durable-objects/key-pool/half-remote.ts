/**
 * The pool whose other node lives in another deployment. Keys are cut from this half's own units and answered only
 * after the other half durably knows which bits they took.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type {
  Ending,
  HalfAnswer,
  HalfBatch,
  NumberedMessage,
  OtherHalf,
  Retirement,
} from "../../shared/keypool/half.ts";
import type { ImportsElsewhere } from "../../shared/keypool/sealed-import.ts";
import type { StreamNews, StreamsElsewhere } from "../../shared/keypool/stream-question.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import type { Result } from "../../shared/result.ts";
import type { Database } from "../storage/database.ts";
import { within } from "../within.ts";
import { Arrivals } from "./arrivals.ts";
import type { PoolContext } from "./context.ts";
import type { Half } from "./half.ts";
import { actOnAnswer } from "./half-answers.ts";
import { shareBlock } from "./half-apply.ts";
import { HalfLine, type HalfPatience } from "./half-line.ts";
import { giveUpLone, takeBackLone } from "./half-lone.ts";
import { HalfLog, type LogRow } from "./half-log.ts";
import { announcementOf, fetchedOf } from "./half-messages.ts";
import { disagree, type HalfParts } from "./half-parts.ts";
import { receiveBatch } from "./half-receive.ts";
import { HalfUnits, NOBODY } from "./half-units.ts";
import { HalfWaiting } from "./half-waiting.ts";
import { otherHalfBehind, otherHalfSilent, otherHalfSplit } from "./refusals.ts";
import type { KeyRecord } from "./rows.ts";
import { StreamsAway } from "./stream-away.ts";

export interface RemoteOptions {
  /** The node hosted here. */
  readonly ownNode: NodeId;
  readonly other: OtherHalf & ImportsElsewhere & StreamsElsewhere;
  readonly patience?: HalfPatience;
  /**
   * Number of the log: higher than any before as soon as the pool has voided all it had. Not of the pool's own making,
   * as its storage may be an old copy: the sequence of a lease.
   */
  readonly generation: () => number;
}

const PATIENCE: HalfPatience = {
  waitMs: LIMITS.halfWaitMs,
  postMs: LIMITS.halfPostMs,
  retryMs: LIMITS.halfRetryMs,
};

export class RemoteHalf implements Half {
  readonly ownNode: NodeId;
  readonly imports: ImportsElsewhere;
  readonly streams: StreamsAway | null;
  readonly #other: Pick<StreamsElsewhere, "streamNews">;
  readonly #parts: HalfParts;
  readonly #line: HalfLine;
  readonly #patience: HalfPatience;
  readonly #waiting = new HalfWaiting();
  readonly #yields = new Arrivals(LIMITS.waitingDecs);
  #yieldsTaken = 0;
  /** The two halves' logs do not fit together: nothing can be given before an operator has looked. */
  #isSplit = false;
  /** When the other half asked for units last. */
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: Omit<PoolContext, "half">, db: Database, options: RemoteOptions) {
    const { ownNode: own, other, patience = PATIENCE, generation } = options;
    const { pair, pairName, shard } = parts;
    this.ownNode = own;
    this.imports = other;
    this.#patience = patience;
    this.#parts = {
      pool: { ...parts, half: this },
      log: new HalfLog(db, generation),
      units: new HalfUnits(db, pair),
      own,
      other: own === pair.low ? pair.high : pair.low,
    };
    this.#other = other;
    // One of the two keeps them all: there is nothing to agree on.
    this.streams = own === pair.low ? null : new StreamsAway(this.#parts.pool, own, other);
    this.#line = new HalfLine({
      log: this.#parts.log,
      other,
      patience,
      sender: { pair: pairName, shard, from: own },
      act: async (sent, batch, answer) => await this.#act(sent, batch, answer),
      isAwaited: () => !this.#waiting.isEmpty,
    });
  }

  ownerOf(): NodeId {
    return NOBODY;
  }

  async tellPeer(news: Pick<StreamNews, "ksid" | "instance">): PoolResult<null> {
    const { pool, own } = this.#parts;
    return await this.#other.streamNews({ pair: pool.pairName, shard: pool.shard, from: own, ...news });
  }

  serves(node: NodeId): boolean {
    return node === this.ownNode;
  }

  refusal(): Fault | null {
    if (this.#isSplit) return otherHalfSplit().error;
    // The other half of the log is kept free, so that what is under way can be voided.
    return this.#parts.log.length < LIMITS.halfLogMessages / 2 ? null : otherHalfBehind().error;
  }

  /**
   * Messages are numbered, and each is taken in once. What the other half asks for is not: so it is heeded if it was
   * asked later than all before, and a batch that somebody has kept and sends again moves no units.
   */
  async receive(batch: HalfBatch, askedAtMs = Infinity): PoolResult<HalfAnswer> {
    const isRepeated = askedAtMs <= this.#askedAtMs;
    if (batch.wantBytes > 0 && Number.isFinite(askedAtMs)) this.#askedAtMs = Math.max(this.#askedAtMs, askedAtMs);
    const answer = await receiveBatch(this.#parts, isRepeated ? { ...batch, wantBytes: 0 } : batch);
    if (!answer.ok) return answer;
    const { applied, refused, yieldedBytes } = answer.value;
    const isTaken = ({ seq, message }: NumberedMessage) =>
      message.kind === "yield" && seq <= applied && !refused.some((each) => each.seq === seq);
    if (batch.messages.some(isTaken)) {
      this.#yieldsTaken++;
      this.#yields.arrived();
    }
    if (yieldedBytes > 0) this.#line.kick();
    return answer;
  }

  async acknowledged(record: KeyRecord): Promise<Result<null, Fault>> {
    const told = this.#waiting.told(record.id);
    if (told === undefined) return otherHalfSilent();
    void this.#line.run();
    return (await within(this.#patience.waitMs, told)) ?? otherHalfSilent();
  }

  async bringIn(bytes: number): Promise<boolean> {
    // Waited for before they are asked for: the units may come before the answer does.
    const before = this.#yieldsTaken;
    const arrival = this.#yields.wait(this.#patience.waitMs);
    if ((await this.#line.ask(bytes)) === 0) this.#yields.arrived();
    await arrival;
    return this.#yieldsTaken > before;
  }

  dueMs(nowMs: number): number {
    return this.#parts.log.isEmpty ? Infinity : Math.max(nowMs, this.#line.retryAtMs) + this.#patience.retryMs;
  }

  async catchUp(): Promise<void> {
    if (this.#waiting.isEmpty) this.#line.startOver();
    await this.#line.run();
  }

  get loneSinceMs(): number {
    return this.#parts.units.loneSinceMs;
  }

  async giveUpLone(sinceMs: number, nowMs: number): Promise<boolean> {
    const isMore = await giveUpLone(this.#parts, sinceMs, nowMs);
    this.#line.kick();
    return isMore;
  }

  async takeBack(relay: RelayId | null): Promise<Result<null, Fault>> {
    const done = await takeBackLone(this.#parts, relay);
    this.#line.kick();
    return done;
  }

  // ---- inside a commit

  taken({ seq, id, bytes }: { readonly seq: number; readonly id: BlockId; readonly bytes: number }): void {
    const { units } = this.#parts;
    this.#tell({ kind: "taken", block: id, bytes });
    const theirs = units.takenBytes(id);
    if (theirs === undefined) {
      units.addedLone(Date.now());
      return;
    }
    units.forgetTaken(id);
    const shared = shareBlock(this.#parts, seq, theirs);
    if (!shared.ok) disagree(this.#parts, shared.error.message);
  }

  announce(record: KeyRecord, expiresMs: number): void {
    if (record.segments.length > LIMITS.halfSegments) this.#waiting.addRefused(record.id, TOO_MANY_PIECES);
    else this.#waiting.add(record.id, this.#tell(announcementOf(this.#parts, record, expiresMs), record.id));
  }

  settle(record: KeyRecord): void {
    const seq = this.#waiting.end(record.id)?.seq ?? null;
    if (seq !== null) this.#parts.log.delete(seq);
  }

  fetched(record: KeyRecord, sae: SaeId, indices: readonly number[]): void {
    if (record.announced === null || !this.#hasRoomForNotice()) return;
    this.#tell(fetchedOf(record, { record: record.announced, sae, indices }));
  }

  ended(record: KeyRecord): void {
    if (record.announced !== null || record.imported || record.state === "held") return;
    const waiter = this.#waiting.end(record.id);
    // An announcement that is still open stays in the log: the voiding comes after it.
    if (waiter?.outcome !== undefined && waiter.seq !== null) this.#parts.log.delete(waiter.seq);
    // What was refused needs no voiding.
    if (waiter?.outcome?.ok === false || !this.#hasRoomForNotice()) return;
    this.#tell({ kind: "void", nonce: toHex(record.nonce) });
  }

  chunksEnded(record: KeyRecord, { delivered, as }: Pick<Ending, "delivered" | "as">): void {
    if (record.announced !== null || !this.#hasRoomForNotice()) return;
    this.#tell({ kind: "end", nonce: toHex(record.nonce), delivered, as });
  }

  retired(ids: readonly number[], as: Retirement["as"]): void {
    const { units } = this.#parts;
    const own = ids.filter((id) => units.ownerOf(id) === this.ownNode);
    if (own.length === 0 || !this.#hasRoomForNotice()) return;
    this.#tell({ kind: "retire", units: own.map((id) => units.placeOf(id)), as });
  }

  #tell(...message: Parameters<HalfLog["append"]>): number {
    this.#line.kick();
    return this.#parts.log.append(...message);
  }

  /** What the other half is not told of runs out there by itself. */
  #hasRoomForNotice(): boolean {
    const { pool, log, other } = this.#parts;
    if (log.length < LIMITS.halfLogMessages) return true;
    const detail = "it has not answered for so long that notices to it were dropped";
    pool.standingAlarms.raise("other-half-behind", other, detail, { nowMs: Date.now() });
    return false;
  }

  // ---- answers

  async #act(sent: readonly LogRow[], batch: HalfBatch, answer: HalfAnswer): Promise<boolean> {
    if (this.#parts.log.generation !== batch.generation) return false;
    this.#isSplit = await this.#hasSplit(answer);
    if (!this.#isSplit) return await actOnAnswer(this.#parts, this.#waiting, { sent, batch, answer });
    this.#waiting.tellAll(otherHalfSplit());
    return false;
  }

  /** True where one half has lost what it had promised the other: its storage was put back from a copy. */
  async #hasSplit({ applied }: HalfAnswer): Promise<boolean> {
    const { pool, log } = this.#parts;
    // What the other half waits for must be there to be sent.
    if (applied === log.lastSeq || log.has(applied + 1)) return false;
    const whose = applied < log.lastSeq ? "the other half's" : "this half's";
    await pool.commits.run(() => disagree(this.#parts, `${whose} storage is an old copy: messages are lost`));
    return true;
  }
}

const TOO_MANY_PIECES = fail(
  "bad-request",
  `the keys would lie in more than ${LIMITS.halfSegments} pieces of small blocks: ask for fewer at once`,
);
