/** What this half does once the other half has answered a message of its log. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { HalfAnswer, HalfBatch, HalfMessage, PlacedSegment } from "../../shared/keypool/half.ts";
import { unitOffsetOf } from "../../shared/keypool/owner.ts";
import { ok } from "../../shared/result.ts";
import { commit } from "./context.ts";
import type { LogRow } from "./half-log.ts";
import { disagree, type HalfParts } from "./half-parts.ts";
import type { HalfWaiting } from "./half-waiting.ts";
import { takeBack } from "./half-yield.ts";
import { publishRecord, voidRecord } from "./publish.ts";

interface Answered {
  readonly row: LogRow;
  readonly refusal: Fault | undefined;
}

interface Exchange {
  /** The messages of `batch`. */
  readonly sent: readonly LogRow[];
  readonly batch: HalfBatch;
  readonly answer: HalfAnswer;
}

/**
 * Acts on what a batch was answered.
 * @returns false where it could not be done: the messages are posted again
 */
export async function actOnAnswer(
  parts: HalfParts,
  waiting: HalfWaiting,
  { sent, batch, answer }: Exchange,
): Promise<boolean> {
  const { pool, log } = parts;
  const refusals = new Map(answer.refused.map(({ seq, fault }) => [seq, fault]));
  const answered: Answered[] = sent
    .filter(({ seq }) => seq <= answer.applied)
    .map((row) => ({ row, refusal: refusals.get(row.seq) }));
  // A request that waits acts on its announcement itself, in the commit that publishes its keys or voids them.
  const isAwaited = ({ row }: Answered) => row.record !== null && waiting.has(row.record);
  const awaited = answered.filter(isAwaited);
  const toDo = answered.filter((each) => each.refusal !== undefined || !isAwaited(each));
  if (toDo.length > 0) {
    const done = await commit(pool, () => {
      if (log.generation !== batch.generation) return ok(false);
      for (const each of toDo) {
        if (each.refusal !== undefined) SPOILED[each.row.message.kind](parts, each.row.message, each.refusal);
        if (isAwaited(each)) continue;
        if (each.row.record !== null) endUnawaited(parts, each.row.record, each.refusal);
        log.delete(each.row.seq);
      }
      return ok(true);
    });
    if (!done.ok || !done.value) return false;
  }
  const told = awaited.map(({ row, refusal }) => row.record !== null && waiting.answered(row.record, refusal));
  // One that has given up meanwhile may have left its announcement open: answered again, it is acted on above.
  return told.every(Boolean);
}

/** What a refusal spoils, by what was refused. */
const SPOILED: Readonly<Record<HalfMessage["kind"], (parts: HalfParts, message: HalfMessage, refusal: Fault) => void>> =
  {
    taken: tell,
    "give-up": tell,
    void: tell,
    end: tell,
    fetched: tell,
    retire: tell,
    announce: (parts, message, refusal) => {
      if (message.kind !== "announce" || refusal.code !== "conflict") return;
      tell(parts, message, refusal);
      // Of units that the halves disagree on nothing more is given.
      for (const place of message.segments) giveUpUnit(parts, place);
    },
    yield: (parts, message, refusal) => {
      tell(parts, message, refusal);
      if (message.kind === "yield") takeBack(parts, message);
    },
  };

function tell(parts: HalfParts, { kind }: HalfMessage, { message }: Fault): void {
  disagree(parts, `a message of kind ${kind} was refused: ${message}`);
}

function giveUpUnit({ pool, units, own }: HalfParts, [block, offset]: PlacedSegment): void {
  const unit = units.at([block, unitOffsetOf(offset)]);
  if (unit?.owner !== own) return;
  pool.books.move("available", "voided", pool.books.discardUnit(unit.id) * 8);
}

/**
 * Nobody waits for these keys any more: a crash came between. They are published if their client may still repeat its
 * request, and voided else.
 */
function endUnawaited({ pool }: HalfParts, id: number, refusal: Fault | undefined): void {
  const record = pool.records.byId(id);
  if (record?.state !== "reserved") return;
  const nowMs = Date.now();
  if (refusal === undefined && record.holdUntilMs > nowMs) {
    publishRecord(pool, record, nowMs + pool.config().policy.key_ttl_s * 1000);
  } else voidRecord(pool, record);
}
