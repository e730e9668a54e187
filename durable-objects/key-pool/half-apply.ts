/**
 * What each message of the other half does here, inside a commit. What contradicts this half's own books is refused,
 * changes nothing, and raises an alarm: the halves no longer agree on what was done with the material.
 */
import { fromHex, toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type {
  Announcement,
  Ending,
  Fetched,
  HalfMessage,
  PlacedSegment,
  Retirement,
  Taken,
  Voiding,
} from "../../shared/keypool/half.ts";
import { flawOfMessage } from "../../shared/keypool/half-checks.ts";
import { prefixOfNonce } from "../../shared/keypool/key-id.ts";
import { unitOffsetOf } from "../../shared/keypool/owner.ts";
import type { Segment } from "../../shared/keypool/segments.ts";
import { LIMITS } from "../../shared/limits.ts";
import { latestExpiryMs } from "../../shared/relay/terms.ts";
import { ok, type Result } from "../../shared/result.ts";
import { takeKeys } from "./dec-keys.ts";
import { applyGivingUp } from "./half-lone.ts";
import { disagree, type HalfParts } from "./half-parts.ts";
import { countHops } from "./hop-uses.ts";
import { takeYielded } from "./half-yield.ts";
import { initialLeft, isLeft } from "./left.ts";
import { auditUntaken, endTaken, isHop } from "./relay-records.ts";
import { endKeys } from "./upkeep.ts";

type Outcome = Result<null, Fault>;
type Application<M extends HalfMessage> = (parts: HalfParts, message: M) => Outcome;

const DONE = ok(null);

const APPLY: { readonly [K in HalfMessage["kind"]]: Application<Extract<HalfMessage, { kind: K }>> } = {
  taken: applyTaken,
  "give-up": applyGivingUp,
  announce: applyAnnouncement,
  void: applyVoid,
  end: applyEnding,
  fetched: applyFetched,
  yield: takeYielded,
  retire: applyRetirement,
};

/** Does what a message says, or says why not. */
export function applyMessage(parts: HalfParts, message: HalfMessage): Outcome {
  const { pool, other } = parts;
  const flaw = flawOfMessage(message, { pair: pool.pairName, shard: pool.shard, from: other });
  if (flaw !== null) return fail("bad-request", flaw);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each kind with its application
  const outcome = (APPLY[message.kind] as Application<HalfMessage>)(parts, message);
  if (!outcome.ok && outcome.error.code === "conflict") disagree(parts, `refused: ${outcome.error.message}`);
  return outcome;
}

function applyTaken(parts: HalfParts, { block: id, bytes }: Taken): Outcome {
  const { pool, units } = parts;
  const block = pool.blocks.byId(id);
  if (block?.state === "matched") return shareBlock(parts, block.seq, bytes);
  if (block?.state === "voided") return DONE;
  if (units.countTaken() >= LIMITS.halfTakenBlocks) {
    return fail("conflict", `more than ${LIMITS.halfTakenBlocks} blocks are there and not here`);
  }
  units.noteTaken(id, bytes);
  return DONE;
}

/** Both halves have the block. */
export function shareBlock({ pool, units }: HalfParts, block: number, theirBytes: number): Outcome {
  const bytes = units.bytesOf(block);
  if (bytes !== theirBytes) {
    return fail("conflict", `keys are cut from ${bytes} bytes of a block here, from ${theirBytes} there`);
  }
  units.share(block);
  pool.books.restockNext();
  return DONE;
}

function applyAnnouncement(parts: HalfParts, announced: Announcement): Outcome {
  const { pool, own, other } = parts;
  const { state, policy, version } = pool.config();
  const hop = announced.hop ?? null;
  if (state !== "active") return fail("no-route", "this pair of nodes takes no new keys");
  // Pad of this pair's own is no relay's.
  if (hop !== null && hop.pair !== pool.pairName && !policy.relay.enabled)
    return fail("no-route", "keys are not relayed here: policy.relay.enabled is false");
  const nonce = bytesOf(announced.nonce);
  if (pool.records.import(nonce) !== undefined) return fail("conflict", "these key IDs are known already");
  const segments = locate(parts, announced.segments);
  if (!segments.ok) return segments;
  const served = announced.recipients.map(({ node }) => node === own);
  if (!served.includes(true)) return fail("bad-request", "no recipient is at this node");

  const nowMs = Date.now();
  pool.books.allocateAt(segments.value, "pending", nowMs);
  const id = pool.books.totals.nextRecord;
  pool.books.count({ nextRecord: id + 1 });
  pool.records.insert({
    id,
    nonce,
    state: "pending",
    master: announced.master,
    masterNode: announced.masterNode,
    recipients: announced.recipients,
    keys: announced.keys,
    sizeBytes: announced.sizeBytes,
    segments: segments.value,
    left: initialLeft(served, announced.keys),
    imported: false,
    announced: announced.record,
    chunks: announced.chunks ?? null,
    hop,
    policyVersion: version,
    expiresMs: expiryHere(announced, nowMs, policy.key_ttl_s * 1000),
    holdUntilMs: 0,
  });
  pool.useLease(announced.keys);
  pool.records.insertImport(nonce, id, bytesOf(announced.mask));
  pool.books.reference(segments.value);
  if (hop === null) {
    pool.linkBudget.asked(announced.keys * announced.sizeBytes * 8, nowMs);
    auditAnnounced(parts, announced, nowMs);
  } else {
    const bits = announced.sizeBytes * 8;
    countHops(pool, { pair: hop.pair, node: other, relays: 1, bits }, nowMs);
  }
  return DONE;
}

function expiryHere({ use, expiresMs }: Announcement, nowMs: number, ttlMs: number): number {
  // When chunks end the other half says; should it never, they are not kept for ever.
  if (use === "stream") return Math.min(expiresMs, nowMs + LIMITS.streamTtlSeconds * 1000) + LIMITS.streamEndMs;
  return Math.min(expiresMs, use === "key" ? nowMs + ttlMs : latestExpiryMs(nowMs));
}

function auditAnnounced({ pool, own, other }: HalfParts, announced: Announcement, nowMs: number): void {
  pool.books.audit({
    atMs: nowMs,
    act: "keys.announced",
    who: `node:${other}`,
    node: own,
    detail: {
      key_ids: `${prefixOfNonce(bytesOf(announced.nonce))}...`,
      keys: announced.keys,
      size_bits: announced.sizeBytes * 8,
      slaves: announced.recipients.map(({ sae }) => sae).join(" "),
      pool: pool.pairName,
    },
  });
}

/** Where the announced bits lie here: in units of the announcer's, after all that was announced of them before. */
function locate({ pool, units, other }: HalfParts, placed: readonly PlacedSegment[]): Result<Segment[], Fault> {
  const ends = new Map<number, number>();
  const segments: Segment[] = [];
  for (const [block, offset, length] of placed) {
    const unitOffset = unitOffsetOf(offset);
    const found = units.at([block, unitOffset]);
    const where = `unit ${unitOffset / LIMITS.unitBytes} of block ${block}`;
    if (found === undefined) return fail("conflict", `${where} is not here, or used up`);
    if (found.owner !== other) return fail("conflict", `${where} is not the announcer's`);
    const start = offset - unitOffset;
    const usedUntil = ends.get(found.id) ?? pool.books.unit(found.id)?.cursor ?? found.length;
    if (start < usedUntil) return fail("conflict", `${where} is used up to byte ${usedUntil}, not to ${start}`);
    if (start + length > found.length) return fail("conflict", `${where} has only ${found.length} bytes`);
    ends.set(found.id, start + length);
    segments.push({ unit: found.id, offset: start, length });
  }
  return ok(segments);
}

function applyVoid({ pool, own, other }: HalfParts, { nonce }: Voiding): Outcome {
  const record = pool.records.byId(pool.records.import(bytesOf(nonce))?.record ?? 0);
  // Fetched or expired meanwhile, or never let in.
  if (record === undefined || record.announced === null) return DONE;
  endKeys(pool, record, "voided");
  if (isHop(record)) {
    auditUntaken(pool, { draws: 1, act: "relay.void", who: `node:${other}` }, Date.now());
    return DONE;
  }
  const detail = { keys: record.keys, reason: "voided by the other half", pool: pool.pairName };
  pool.books.audit({ atMs: Date.now(), act: "keys.void", who: `node:${other}`, node: own, detail });
  return DONE;
}

function applyEnding({ pool }: HalfParts, { nonce, delivered, as }: Ending): Outcome {
  const record = pool.records.byId(pool.records.import(bytesOf(nonce))?.record ?? 0);
  // Ended here already: by its time, or as an end of its stream is no more.
  if (record === undefined) return DONE;
  if (record.announced === null || record.chunks === null || delivered > record.keys) {
    return fail("conflict", "what ended is no record of chunks, or has not so many");
  }
  const bits = record.sizeBytes * 8;
  pool.books.move("pending", "delivered", delivered * bits);
  pool.books.move("pending", as, (record.keys - delivered) * bits);
  pool.books.endRecord(record);
  return DONE;
}

function applyFetched({ pool, own, other }: HalfParts, { record: id, nonce, sae, runs }: Fetched): Outcome {
  const record = pool.records.byId(id);
  if (record === undefined || toHex(record.nonce) !== nonce) return DONE; // it ended meanwhile
  const recipient = record.recipients.findIndex((each) => each.sae === sae && each.node === other);
  if (record.masterNode !== own || record.state === "reserved" || recipient === -1) {
    return fail("conflict", `${sae} cannot have fetched keys of this record`);
  }
  const left = Array.from({ length: record.keys }, (_, index) => index).filter(
    (index) =>
      isLeft(record.left, recipient * record.keys + index) &&
      runs.some(([first, count]) => index >= first && index < first + count),
  );
  if (left.length === 0) return DONE;
  if (isHop(record)) endTaken(pool, record);
  else takeKeys(pool, record, left, { sae, graceUntilMs: 0, nowMs: Date.now() });
  return DONE;
}

function applyRetirement({ pool, units, other }: HalfParts, { units: places, as }: Retirement): Outcome {
  const found = places.map((place) => units.at(place)).filter((unit) => unit !== undefined);
  const isTheirs = found.every(({ owner }) => owner === other);
  if (!isTheirs) return fail("conflict", "units were retired that are not the sender's");
  for (const { id } of found) pool.books.move("available", as, pool.books.discardUnit(id) * 8);
  return DONE;
}

/** Nonces and masks were looked at when they came in; what is none finds nothing. */
const bytesOf = (text: string): Uint8Array => fromHex(text) ?? new Uint8Array();
