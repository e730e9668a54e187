/**
 * Hops of single keys out of runs (hop-run.ts). One commit sets a run aside, as one key record, before anything is drawn
 * out of it; so the ledger, voids, epochs and roll-backs know it, and after a crash it runs out like any other record.
 * Each commit of the pool begins with what was noted since the last, and a timer sees to it that there is one soon.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type LinkDraw, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { ok } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { type BitsWish, type Drawn, insertDrawn, linkDrawOf } from "./drawn-bits.ts";
import { HopRun, type RunDraw } from "./hop-run.ts";
import { countHops } from "./hop-uses.ts";
import { auditUntaken, RUN } from "./relay-records.ts";
import { stockOf } from "./relay-link.ts";

/** A run is at most this part of what relays may take: it takes nothing off those who come meanwhile. */
const SPARE_SHARE = 4;

/** The runs that the tables know, too: what is voided there is void. */
function runsOf(pool: PoolContext): readonly HopRun[] {
  for (const run of pool.hopRuns.all) if (!pool.records.has(run.record.id)) pool.hopRuns.drop(run);
  return pool.hopRuns.all;
}

// ---- without a commit, or in one

/** Out of a run that is open; undefined: there is none that has so much. The caller has asked the budget. */
export function drawOfRun(pool: PoolContext, wish: BitsWish, nowMs: number): Drawn | undefined {
  if (wish.sizeBytes > LIMITS.hopRunDrawBytes || pool.half.ownNode !== null) return undefined;
  const nonce = toHex(makeNonce(crypto.getRandomValues(new Uint8Array(8)), pool.shard));
  for (const run of runsOf(pool)) {
    const draw = run.draw(wish, nonce, nowMs);
    if (draw === undefined) continue;
    const bytes = bytesOf(pool, run, draw);
    pool.books.used(draw.sizeBytes * 8);
    pool.useLease(1);
    tend(pool);
    return { draw: linkDrawOf(pool, run.record.id, nonce), bytes };
  }
  return undefined;
}

/** What of a run was drawn so, and may be taken now: see `isFor` of relay-take.ts. */
export function findOfRun(
  pool: PoolContext,
  { shard, record, nonce }: LinkDraw,
): { readonly run: HopRun; readonly draw: RunDraw } | undefined {
  if (shard !== pool.shard || pool.hopRuns.all.length === 0) return undefined;
  const run = runsOf(pool).find((each) => each.record.id === record);
  const draw = run?.find(nonce);
  return run === undefined || draw === undefined ? undefined : { run, draw };
}

/** The other node has them, once. */
export function takeOfRun(
  pool: PoolContext,
  { run, draw }: { readonly run: HopRun; readonly draw: RunDraw },
): Uint8Array {
  const bytes = bytesOf(pool, run, draw);
  run.end(draw);
  pool.books.move("reserved", "pad", (draw.sizeBytes - TAG_KEY_BYTES) * 8);
  pool.books.move("reserved", "tag", TAG_KEY_BYTES * 8);
  for (const slice of slicesOfDraw(run, draw)) pool.material.wipe(slice);
  pool.useLease(1);
  tend(pool);
  return bytes;
}

function bytesOf(pool: PoolContext, run: HopRun, draw: RunDraw): Uint8Array {
  const bytes = new Uint8Array(draw.sizeBytes);
  pool.material.copy(slicesOfDraw(run, draw), bytes);
  return bytes;
}

const slicesOfDraw = ({ record }: HopRun, { from, sizeBytes }: RunDraw) =>
  record.segments.map(({ unit, offset }) => ({ unit, offset: offset + from, length: sizeBytes }));

// ---- inside a commit

/** Sets aside what is left of the unit that keys are cut from next. @returns false where that is not worth it, or too much */
export function openRun(pool: PoolContext, wish: BitsWish, nowMs: number): boolean {
  const { books, hopRuns } = pool;
  if (wish.sizeBytes > LIMITS.hopRunDrawBytes || pool.half.ownNode !== null) return false;
  if (hopRuns.all.length >= LIMITS.hopRuns) return false;
  const bytes = books.frontBytes();
  const spareBits = pool.linkBudget.spareBits(stockOf(pool), nowMs);
  if (bytes < wish.sizeBytes || bytes * 8 * SPARE_SHARE > spareBits) return false;
  const segments = books.allocate(bytes, "reserved", nowMs);
  if (segments === null) return false;
  books.used(-bytes * 8);
  const whole = { state: "reserved", keys: bytes, sizeBytes: 1, segments } as const;
  const hop = { relay: RUN, pair: pool.pairName, shard: pool.shard };
  // An alarm for when it runs out costs as much as the commit: it is set by the first that records anything.
  const record = insertDrawn(pool, { ...wish, ...whole, hop, expiresMs: nowMs + LIMITS.hopRunMs }, false);
  hopRuns.add(new HopRun(record, nowMs));
  return true;
}

/** First thing in each: what was noted since the last. Runs that nobody needs any more go back. */
export function recordRuns(pool: PoolContext, nowMs: number): void {
  if (pool.hopRuns.all.length === 0) return;
  for (const run of runsOf(pool)) if (run.isDue(nowMs)) recordRun(pool, run, nowMs);
}

function recordRun(pool: PoolContext, run: HopRun, nowMs: number): void {
  const { books } = pool;
  const late = run.late(nowMs);
  for (const draw of late) {
    run.end(draw);
    books.move("reserved", "expired", draw.sizeBytes * 8);
  }
  auditUntaken(pool, { draws: late.length, act: "relay.expired", who: "system" }, nowMs);
  const { over, uses } = run.notes();
  for (const use of uses) countHops(pool, use, nowMs);
  if (over.length > 0) {
    run.record = run.without(over);
    for (const { from, sizeBytes } of over) books.free(run.record.segments, from, from + sizeBytes);
  }
  if (run.isOver(nowMs)) {
    books.giveBack(run.record, run.usedBytes);
    pool.hopRuns.drop(run);
  } else if (over.length > 0) pool.records.updateLeft(run.record);
}

// ---- in time

/** Has what is set aside and not used given back, for who needs it now. @returns false where there is none */
export async function takeBackRuns(pool: PoolContext): Promise<boolean> {
  const before = pool.hopRuns.restBits;
  for (const run of pool.hopRuns.all) run.finish();
  if (pool.hopRuns.all.length > 0) await commit(pool, () => ok(null));
  return pool.hopRuns.restBits < before;
}

/** As long as there are runs, a timer looks whether a commit is to record something that no other has. */
function tend(pool: PoolContext): void {
  const { hopRuns } = pool;
  if (hopRuns.isTended || hopRuns.all.length === 0) return;
  hopRuns.isTended = true;
  setTimeout(() => {
    void look(pool);
  }, LIMITS.hopRunRecordMs);
}

async function look(pool: PoolContext): Promise<void> {
  const nowMs = Date.now();
  try {
    if (pool.hopRuns.all.some((run) => run.isDue(nowMs))) await pool.commits.run(() => null);
  } catch {
    // What cannot be recorded is forgotten with its run, which then runs out.
  }
  pool.hopRuns.isTended = false;
  tend(pool);
}
