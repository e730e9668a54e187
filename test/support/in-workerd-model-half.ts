/**
 * The other half of a pool, in the plainest terms: what shared/keypool/half.ts promises, kept in memory, never crashing.
 * It does what a half may do at any time, and takes nothing in that contradicts what it knows: each bit is cut once, by
 * the half that owns its unit, and only after both have the block.
 */
import { batchPrefix, makeNonce, MASK_BYTES, prefixOfNonce } from "../../shared/keypool/key-id.ts";
import { expandRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import type { BlockId, KeyId, NodeId, PairName, SaeId } from "../../shared/ids.ts";
import { parsePairName } from "../../shared/ids.ts";
import type {
  Announcement,
  HalfAnswer,
  HalfBatch,
  HalfMessage,
  NumberedMessage,
  PlacedSegment,
  UnitPlace,
} from "../../shared/keypool/half.ts";
import { ownerOfUnit, unitOffsetOf } from "../../shared/keypool/owner.ts";
import { LIMITS } from "../../shared/limits.ts";

interface Unit {
  readonly place: UnitPlace;
  readonly length: number;
  /** Null: the other half is not known to have its block. */
  owner: NodeId | null;
  cursor: number;
}

/** A record of either half's making. */
export interface HalfRecord {
  readonly nonce: string;
  readonly keyIds: readonly KeyId[];
  readonly announced: Announcement;
  /** Indices of the keys that nobody has fetched. */
  readonly left: Set<number>;
  /** Of its own making: does the real half durably have it? */
  isKnown: boolean;
  isVoid: boolean;
  /** Of the real half's making: has the master got the keys, so that somebody may know their IDs? */
  isGiven: boolean;
}

/** Bits this half counts, by what became of them. */
export type HalfLedger = Record<"available" | "pending" | "delivered" | "voided" | "remainder", number>;

const DEADLINE_MS = 24 * 3600 * 1000;
/** Of the real half's key IDs it knows only how they begin. */
const isOwn = ({ keyIds }: HalfRecord): boolean => keyIds.length > 0;

export class ModelHalf {
  readonly own: NodeId;
  readonly other: NodeId;
  readonly records = new Map<string, HalfRecord>();
  readonly ledger: HalfLedger = { available: 0, pending: 0, delivered: 0, voided: 0, remainder: 0 };
  readonly #pair: PairName;
  readonly #units = new Map<string, Unit>();
  /** Blocks that one half has: whose, and how many bytes. */
  readonly #taken = new Map<BlockId, { readonly mine: boolean; readonly theirs: boolean }>();
  #log: NumberedMessage[] = [];
  #nextSeq = 1;
  #applied = 0;
  #wantBytes = 0;

  constructor(pair: PairName, own: NodeId) {
    const { low, high } = parsePairName(pair);
    this.#pair = pair;
    this.own = own;
    this.other = own === low ? high : low;
  }

  get isSettled(): boolean {
    return this.#log.length === 0;
  }

  // ---- what it does

  push(block: BlockId, bytes: number): void {
    for (let offset = 0; offset < bytes; offset += LIMITS.unitBytes) {
      const place: UnitPlace = [block, offset];
      const length = Math.min(LIMITS.unitBytes, bytes - offset);
      this.#units.set(nameOf(place), { place, length, owner: null, cursor: 0 });
    }
    this.ledger.available += bytes * 8;
    this.#tell({ kind: "taken", block, bytes });
    this.#has(block, { mine: true });
  }

  /** Cuts keys from its own units and tells the real half. @returns null where it is dry: it asks for units then */
  cut(keys: number, sizeBytes: number, master: SaeId, recipient: SaeId, nowMs: number): HalfRecord | null {
    const mine = [...this.#units.values()].filter(({ owner }) => owner === this.own);
    const wanted = keys * sizeBytes;
    if (mine.reduce((sum, { length, cursor }) => sum + length - cursor, 0) < wanted) {
      this.#wantBytes = wanted;
      return null;
    }
    const segments: PlacedSegment[] = [];
    for (let missing = wanted; missing > 0;) {
      const unit = mine.find(({ length, cursor }) => cursor < length);
      if (unit === undefined) throw new Error("the half has lost count of its units");
      const length = Math.min(missing, unit.length - unit.cursor);
      segments.push([unit.place[0], unit.place[1] + unit.cursor, length]);
      unit.cursor += length;
      missing -= length;
    }
    const nonce = makeNonce(crypto.getRandomValues(new Uint8Array(8)), 0);
    const mask = crypto.getRandomValues(new Uint8Array(MASK_BYTES));
    const record = this.records.size + 1;
    const announced: Announcement = {
      kind: "announce",
      use: "key",
      record,
      nonce: nonce.toHex(),
      mask: mask.toHex(),
      keys,
      sizeBytes,
      segments,
      master,
      masterNode: this.own,
      recipients: [{ sae: recipient, node: this.other }],
      expiresMs: nowMs + DEADLINE_MS,
    };
    const made = this.#record(announced, expandRun(writeKeyIds(nonce, mask, record, keys)));
    this.#tell(announced);
    return made;
  }

  /** Its own SAE takes keys of the real half's making. */
  fetch(record: HalfRecord, indices: readonly number[]): void {
    const { record: number, nonce, sizeBytes, recipients } = record.announced;
    const [recipient] = recipients;
    const mine = indices.filter((index) => record.left.delete(index));
    if (mine.length === 0 || recipient === undefined) return;
    this.#move("pending", "delivered", mine.length * sizeBytes);
    const runs = mine.map((index) => [index, 1] as const);
    this.#tell({ kind: "fetched", record: number, nonce, sae: recipient.sae, runs });
  }

  /** Keys of its own making end before they are fetched. */
  void(record: HalfRecord): void {
    if (record.left.size === 0) return;
    this.#end(record);
    this.#tell({ kind: "void", nonce: record.nonce });
  }

  /** What is left of its units in use is given up. */
  retire(): void {
    const old = [...this.#units.values()].filter(
      ({ owner, cursor, length }) => owner === this.own && cursor > 0 && cursor < length,
    );
    if (old.length === 0) return;
    for (const unit of old) this.#giveUp(unit, "remainder");
    this.#tell({ kind: "retire", units: old.map(({ place }) => place), as: "remainder" });
  }

  // ---- what it tells

  /** What it has to tell now. */
  batch(): HalfBatch {
    const messages = this.#log.slice(0, LIMITS.halfBatchMessages);
    const settled = (messages[0]?.seq ?? this.#nextSeq) - 1;
    const wantBytes = this.#wantBytes;
    return { pair: this.#pair, shard: 0, from: this.own, generation: 1, settled, messages, wantBytes };
  }

  answered({ applied, refused }: HalfAnswer): void {
    if (refused.length > 0) throw new Error(`the real half refuses: ${refused[0]?.fault.message}`);
    for (const { seq, message } of this.#log) {
      const record = message.kind === "announce" ? this.records.get(message.nonce) : undefined;
      if (record !== undefined && seq <= applied) record.isKnown = true;
    }
    this.#log = this.#log.filter(({ seq }) => seq > applied);
    this.#wantBytes = 0;
  }

  #tell(message: HalfMessage): void {
    this.#log.push({ seq: this.#nextSeq++, message });
  }

  // ---- what it is told

  /** @throws Error where the real half contradicts what both know */
  receive({ messages, wantBytes }: HalfBatch): HalfAnswer {
    for (const { seq, message } of messages) {
      if (seq !== this.#applied + 1) continue;
      this.#apply(message);
      this.#applied = seq;
    }
    return { applied: this.#applied, refused: [], yieldedBytes: wantBytes > 0 ? this.#yield(wantBytes) : 0 };
  }

  #apply(message: HalfMessage): void {
    if (message.kind === "give-up") throw new Error("no history here waits long enough to give a block up");
    if (message.kind === "taken") this.#has(message.block, { theirs: true });
    else if (message.kind === "announce") this.#learn(message);
    else if (message.kind === "yield") for (const place of message.units) this.#handOver(place, this.other, this.own);
    else if (message.kind === "retire") {
      for (const place of message.units) this.#giveUp(this.#unitOf(place, this.other), message.as);
    } else {
      const record = this.records.get(message.nonce);
      if (record === undefined) throw new Error(`a message of kind ${message.kind} is about no known record`);
      if (message.kind === "end") throw new Error("no history here has key streams");
      if (message.kind === "void") this.#end(record);
      else {
        const indices = message.runs.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
        const fetched = indices.filter((index) => record.left.delete(index));
        this.#move("pending", "delivered", fetched.length * record.announced.sizeBytes);
      }
    }
  }

  #learn(announced: Announcement): void {
    if (this.records.has(announced.nonce)) throw new Error("a record was announced twice");
    for (const [block, offset, length] of announced.segments) {
      const unit = this.#unitOf([block, unitOffsetOf(offset)], this.other);
      const start = offset - unit.place[1];
      if (start < unit.cursor || start + length > unit.length) throw new Error("bits were cut twice");
      this.#move("available", "voided", start - unit.cursor);
      unit.cursor = start + length;
    }
    this.#record(announced, []);
  }

  #record(announced: Announcement, keyIds: readonly KeyId[]): HalfRecord {
    const { nonce, keys, sizeBytes } = announced;
    const left = new Set(Array.from({ length: keys }, (_, index) => index));
    const record = { nonce, keyIds, announced, left, isKnown: keyIds.length === 0, isVoid: false, isGiven: false };
    this.records.set(nonce, record);
    this.#move("available", "pending", keys * sizeBytes);
    return record;
  }

  #end(record: HalfRecord): void {
    this.#move("pending", "voided", record.left.size * record.announced.sizeBytes);
    record.left.clear();
    record.isVoid = true;
  }

  /** Untouched units from the far end, but not more than half of them; one such message is under way at a time. */
  #yield(wantBytes: number): number {
    const open = this.#log.map(({ message }) => message).find(({ kind }) => kind === "yield");
    if (open?.kind === "yield")
      return open.units.reduce((sum, place) => sum + this.#unitOf(place, this.other).length, 0);
    const mine = [...this.#units.values()]
      .filter(({ owner, cursor }) => owner === this.own && cursor === 0)
      .toReversed();
    const wanted = Math.min(Math.ceil(mine.length / 2), Math.ceil(wantBytes / LIMITS.unitBytes) + 1);
    const given = mine.slice(0, wanted);
    if (given.length === 0) return 0;
    for (const { place } of given) this.#handOver(place, this.own, this.other);
    this.#tell({ kind: "yield", units: given.map(({ place }) => place) });
    return given.reduce((sum, { length }) => sum + length, 0);
  }

  // ---- units

  #has(block: BlockId, who: Partial<{ readonly mine: boolean; readonly theirs: boolean }>): void {
    const taken = { ...(this.#taken.get(block) ?? { mine: false, theirs: false }), ...who };
    this.#taken.set(block, taken);
    if (!taken.mine || !taken.theirs) return;
    for (const unit of this.#units.values()) {
      if (unit.place[0] === block && unit.owner === null) {
        unit.owner = ownerOfUnit(parsePairName(this.#pair), unit.place[1]);
      }
    }
  }

  #unitOf(place: UnitPlace, owner: NodeId): Unit {
    const unit = this.#units.get(nameOf(place));
    if (unit === undefined) throw new Error("a unit is told of that is not here");
    if (unit.owner !== owner) throw new Error("a unit is used by a half that does not own it");
    return unit;
  }

  #handOver(place: UnitPlace, from: NodeId, to: NodeId): void {
    const unit = this.#unitOf(place, from);
    if (unit.cursor > 0) throw new Error("a unit changes hands that keys were cut from");
    unit.owner = to;
  }

  #giveUp(unit: Unit, to: "voided" | "remainder"): void {
    this.#move("available", to, unit.length - unit.cursor);
    unit.cursor = unit.length;
  }

  #move(from: keyof HalfLedger, to: keyof HalfLedger, bytes: number): void {
    this.ledger[from] -= bytes * 8;
    this.ledger[to] += bytes * 8;
  }

  // ---- records

  /** Of its own making, and known to the real half: its SAE may fetch them there. */
  get fetchableThere(): HalfRecord[] {
    return [...this.records.values()].filter((record) => isOwn(record) && record.isKnown);
  }

  /** Of the real half's making: its own SAE may fetch them here. */
  get fetchableHere(): HalfRecord[] {
    return [...this.records.values()].filter((record) => !isOwn(record) && record.isGiven);
  }

  /** The record of these key IDs. */
  recordOf(keyId: KeyId): HalfRecord | undefined {
    const prefix = batchPrefix(keyId);
    return [...this.records.values()].find(({ nonce }) => prefixOfNonce(Uint8Array.fromHex(nonce)) === prefix);
  }
}

const nameOf = ([block, offset]: UnitPlace): string => `${block} ${offset}`;
