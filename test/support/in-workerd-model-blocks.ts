/**
 * What becomes of pushed blocks and of the bits in them until they are given to somebody, in the plainest terms: no
 * storage, no digests, all bytes at hand. Written from shared/keypool/README.md, not from the pool's code.
 */
import type { ErrorCode } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import type { BitState, IngestOutcome, PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Material, passes, usable } from "./in-workerd-model-material.ts";

export interface Push {
  readonly id: BlockId;
  readonly node: NodeId;
  readonly material: Material;
}

type Outcome = IngestOutcome["outcome"];
type Reason = Extract<IngestOutcome, { outcome: "quarantined" }>["reason"];
/** What the pool answers to a push, but for the figures of its health tests. */
export type PushAnswer =
  | { readonly outcome: Outcome; readonly bits: number; readonly reason?: Reason; readonly condensedBits?: number }
  | { readonly code: ErrorCode };

interface ModelBlock {
  readonly id: BlockId;
  readonly material: Material;
  state: "unmatched" | "matched" | "quarantined" | "expired" | "voided";
  reason: Exclude<Reason, "twin-late"> | null;
  /** Null: both ends have pushed it. */
  node: NodeId | null;
  atMs: number;
}

interface ModelUnit {
  readonly bytes: Uint8Array;
  cursor: number;
  begunMs: number;
}

/** Bits that have left for good, by what became of them. */
export type Gone = Record<"delivered" | "pad" | "condensed" | "remainder" | "expired" | "voided", number>;

const bitsOf = ({ material }: ModelBlock): number => material.bytes.length * 8;
const sumOf = <T>(all: Iterable<T>, bits: (each: T) => number): number => [...all].reduce((sum, x) => sum + bits(x), 0);

export class ModelBlocks {
  readonly #gone: Gone;
  readonly #blocks = new Map<BlockId, ModelBlock>();
  /** Material that came before: whole blocks, and whole units of blocks. */
  readonly #seen = new Set<string>();
  /** Available, in the order in which they came. */
  #units: ModelUnit[] = [];
  /** The most that was stored since `beginStep`. */
  #mostBits = 0;

  constructor(gone: Gone) {
    this.#gone = gone;
  }

  push({ id, node, material }: Push, config: PoolConfig, nowMs: number): PushAnswer {
    const known = this.#blocks.get(id);
    if (known === undefined) return this.#pushNew({ id, node, material }, config, nowMs);
    const isEqual = known.material.from === material.from && known.material.bytes.length === material.bytes.length;
    const isTwin = config.feed === "two-ended" && known.node !== null && known.node !== node;
    const isUnhealthy = known.state === "quarantined" && known.reason === "health";
    if (known.state === "unmatched" || isUnhealthy) {
      if (!isEqual) return isTwin ? this.#mismatch(known) : { code: "conflict" };
      const needsTwin = config.feed === "two-ended" && known.node === node;
      const endsAfter = known.node === node ? node : null;
      if (passes(material, config)) {
        if (!needsTwin) return this.#take(known, endsAfter, config, nowMs);
        return isUnhealthy ? this.#wait(known, config, nowMs) : answerOf(known);
      }
      if (needsTwin) return answerOf(known);
      if (isTwin || !isUnhealthy) Object.assign(known, { state: "quarantined", reason: "health", node: endsAfter });
      return answerOf(known);
    }
    if (isTwin && (known.state === "quarantined" || known.state === "expired")) return answerOf(known);
    return isEqual ? answerOf(known) : { code: "conflict" };
  }

  #pushNew({ id, node, material }: Push, config: PoolConfig, nowMs: number): PushAnswer {
    if (this.#overlaps(id, material)) return { code: "conflict" };
    const { from, bytes } = material;
    const units = Array.from(
      { length: Math.floor(bytes.length / LIMITS.unitBytes) },
      (_, i) => `${from + i * LIMITS.unitBytes}`,
    );
    const names = [`${from} ${bytes.length}`, ...units];
    const block: ModelBlock = { id, material, node, state: "quarantined", reason: null, atMs: nowMs };
    if (names.some((name) => this.#seen.has(name))) {
      this.#blocks.set(id, { ...block, reason: "duplicate-material" });
      this.#seen.add(names[0] ?? "");
      return answerOf({ ...block, reason: "duplicate-material" });
    }
    let answer: PushAnswer;
    if (!passes(material, config)) {
      this.#blocks.set(id, { ...block, reason: "health" });
      answer = answerOf({ ...block, reason: "health" });
    } else if (config.feed === "two-ended") answer = this.#wait(block, config, nowMs);
    else answer = this.#take(block, node, config, nowMs);
    if (!("code" in answer)) for (const name of names) this.#seen.add(name);
    return answer;
  }

  #overlaps(id: BlockId, { bytes }: Material): boolean {
    const [file, from] = rangeOf(id);
    return [...this.#blocks.values()].some((other) => {
      const [otherFile, otherFrom] = rangeOf(other.id);
      const otherEnd = otherFrom + other.material.bytes.length;
      return file !== "" && file === otherFile && from < otherEnd && otherFrom < from + bytes.length;
    });
  }

  #take(block: ModelBlock, node: NodeId | null, config: PoolConfig, nowMs: number): PushAnswer {
    const bytes = usable(block.id, block.material, config);
    if (block.state !== "unmatched" && this.#isFullFor(bitsOf(block), config)) return { code: "pool-full" };
    if (bytes === null) return { code: "bad-request" };
    Object.assign(block, { state: "matched", reason: null, node, atMs: nowMs });
    this.#blocks.set(block.id, block);
    for (let at = 0; at < bytes.length; at += LIMITS.unitBytes) {
      this.#units.push({ bytes: bytes.subarray(at, at + LIMITS.unitBytes), cursor: 0, begunMs: 0 });
    }
    this.#mostBits = Math.max(this.#mostBits, this.#storedBits);
    const condensedBits = bitsOf(block) - bytes.length * 8;
    this.#gone.condensed += condensedBits;
    return { outcome: "ingested", bits: bitsOf(block), ...(condensedBits === 0 ? {} : { condensedBits }) };
  }

  #wait(block: ModelBlock, config: PoolConfig, nowMs: number): PushAnswer {
    if (this.#isFullFor(bitsOf(block), config)) return { code: "pool-full" };
    Object.assign(block, { state: "unmatched", reason: null, atMs: nowMs });
    this.#blocks.set(block.id, block);
    this.#mostBits = Math.max(this.#mostBits, this.#storedBits);
    return answerOf(block);
  }

  #mismatch(block: ModelBlock): PushAnswer {
    Object.assign(block, { state: "quarantined", reason: "twin-mismatch" });
    return answerOf(block);
  }

  #isFullFor(bits: number, { policy }: PoolConfig): boolean {
    return this.#storedBits + bits > policy.pool.capacity_bytes * 8;
  }

  get #storedBits(): number {
    return this.bitsIn("available") + this.bitsIn("unmatched");
  }

  beginStep(): void {
    this.#mostBits = this.#storedBits;
  }

  /** Was there no room at some moment of this step? */
  wasFullFor(bits: number, { policy }: PoolConfig): boolean {
    return this.#mostBits + bits > policy.pool.capacity_bytes * 8;
  }

  /** The first `bytes` of what is available: bits are taken in order, none is skipped. Null where there are too few. */
  cut(bytes: number, nowMs: number): Uint8Array | null {
    if (this.bitsIn("available") < bytes * 8) return null;
    const key = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const unit = this.#units[0];
      if (unit === undefined) throw new Error("the model has lost count of its units");
      const piece = unit.bytes.subarray(unit.cursor, unit.cursor + bytes - at);
      key.set(piece, at);
      at += piece.length;
      unit.cursor += piece.length;
      if (unit.begunMs === 0) unit.begunMs = nowMs;
      if (unit.cursor === unit.bytes.length) this.#units.shift();
    }
    return key;
  }

  /** Blocks whose twins did not come in time are given up, but for those that are `kept` until the next commit. */
  giveUpLate({ policy }: PoolConfig, kept: ReadonlySet<BlockId>, nowMs: number): void {
    const lateMs = nowMs - policy.unmatched_ttl_s * 1000;
    this.#giveUp(({ id, atMs }) => atMs <= lateMs && !kept.has(id), "expired");
  }

  /** Units in use for too long. */
  retire({ policy }: PoolConfig, nowMs: number): void {
    const isOld = ({ cursor, begunMs }: ModelUnit) => cursor > 0 && begunMs <= nowMs - policy.unit_max_age_s * 1000;
    this.#gone.remainder += sumOf(this.#units.filter(isOld), restOf);
    this.#units = this.#units.filter((unit) => !isOld(unit));
  }

  /** @returns whether anything went */
  void(): boolean {
    const found = this.#giveUp(() => true, "voided") || this.#units.length > 0;
    this.#gone.voided += this.bitsIn("available");
    this.#units = [];
    return found;
  }

  #giveUp(which: (block: ModelBlock) => boolean, to: "expired" | "voided"): boolean {
    const found = [...this.#blocks.values()].filter((block) => block.state === "unmatched" && which(block));
    for (const block of found) {
      block.state = to;
      this.#gone[to] += bitsOf(block);
    }
    return found.length > 0;
  }

  bitsIn(state: Extract<BitState, "unmatched" | "quarantined" | "available">): number {
    if (state === "available") return sumOf(this.#units, restOf);
    return sumOf(this.#blocks.values(), (block) => (block.state === state ? bitsOf(block) : 0));
  }

  get quarantinedBlocks(): number {
    return sumOf(this.#blocks.values(), ({ state }) => Number(state === "quarantined"));
  }

  get ingestedBits(): number {
    return sumOf(this.#blocks.values(), bitsOf);
  }
}

const restOf = ({ bytes, cursor }: ModelUnit): number => (bytes.length - cursor) * 8;

function rangeOf(id: BlockId): readonly [file: string, from: number] {
  const [file, from] = id.split(":");
  return from === undefined ? ["", 0] : [file ?? "", Number(from)];
}

function answerOf(block: ModelBlock): PushAnswer {
  const bits = bitsOf(block);
  if (block.state === "unmatched") return { outcome: "unmatched", bits };
  if (block.state === "expired") return { outcome: "quarantined", bits, reason: "twin-late" };
  if (block.state !== "quarantined") return { outcome: "already-ingested", bits };
  return { outcome: "quarantined", bits, reason: block.reason ?? "health" };
}
