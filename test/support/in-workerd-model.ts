/**
 * What a pool whose two nodes are both hosted here should do, in the plainest terms: what was pushed by which end, what
 * of it is available, given, waiting for whom, delivered, expired, voided. It is told what the pool did, in the order of
 * its commits, and answers what the pool should have answered; it keeps the bytes of every key. Nothing in it can be
 * rolled back, crash or be evicted.
 */
import type { ErrorCode } from "../../shared/errors/errors.ts";
import type { KeyId, NodeId, SaeId } from "../../shared/ids.ts";
import type { DecKeysCall, EncKeysCall, Ledger, PendingOf, PoolConfig, Recipient } from "../../shared/keypool/types.ts";
import { type Gone, ModelBlocks, type Push, type PushAnswer } from "./in-workerd-model-blocks.ts";

/** A refusal, or keys: with the IDs under which the caller has them, and the bytes of each. */
export type KeysAnswer =
  | { readonly code: ErrorCode }
  | { readonly keyIds: readonly KeyId[]; readonly keys: readonly Uint8Array[] };

export interface ModelRecord {
  readonly id: number;
  readonly keyIds: readonly KeyId[];
  readonly keys: readonly Uint8Array[];
  readonly master: SaeId;
  /** Those at nodes that other pools serve fetch theirs there. */
  readonly recipients: readonly (Recipient & { readonly isHere: boolean; voided: boolean })[];
  /** Per key, who has not fetched it. */
  readonly left: readonly Set<SaeId>[];
  /** Its bits are those of another pool. */
  readonly imported: boolean;
  state: "reserved" | "pending" | "held";
  expiresMs: number;
  holdUntilMs: number;
}

interface Repeat {
  readonly digest: string;
  readonly keyIds: readonly KeyId[];
  readonly expiresMs: number;
}

/** Long enough for all others to take part in keys that are theirs too. */
const RESERVED_MS = 60_000;

export type ModelConfig = PoolConfig & { readonly epoch: number };

export class PoolModel {
  config: ModelConfig;
  readonly gone: Gone = { delivered: 0, pad: 0, condensed: 0, remainder: 0, expired: 0, voided: 0 };
  readonly blocks = new ModelBlocks(this.gone);
  readonly records = new Map<number, ModelRecord>();
  readonly #nodes: readonly NodeId[];
  readonly #known = new Map<KeyId, { readonly record: ModelRecord; readonly index: number }>();
  readonly #repeats = new Map<string, Repeat>();
  #nextRecord = 1;

  constructor(config: ModelConfig) {
    this.config = config;
    this.#nodes = config.pair.split("|") as NodeId[];
  }

  push(push: Push, nowMs: number): PushAnswer {
    return this.blocks.push(push, this.config, nowMs);
  }

  // ---- keys

  /**
   * @param drawn the IDs the pool has given; none where it refused
   * @param state `reserved` where others must take part first
   * @returns null where the pool has too little
   */
  enc(call: EncKeysCall, drawn: readonly KeyId[], state: "reserved" | "pending", nowMs: number): KeysAnswer | null {
    const repeated = this.#repeated(call, nowMs);
    if (repeated !== undefined) return repeated;
    const bytes = this.blocks.cut((call.count * call.sizeBits) / 8, nowMs);
    if (bytes === null) return null;
    const size = call.sizeBits / 8;
    const keys = Array.from({ length: call.count }, (_, index) => bytes.slice(index * size, (index + 1) * size));
    const { policy } = this.config;
    const lifeMs = state === "reserved" ? RESERVED_MS : policy.key_ttl_s * 1000;
    const holdUntilMs = call.idempotency === undefined ? 0 : nowMs + policy.delivery_grace_s * 1000;
    this.#insert(call, drawn, keys, { state, expiresMs: nowMs + lifeMs, holdUntilMs, imported: false });
    this.#remember(call, drawn, holdUntilMs);
    return { keyIds: drawn, keys };
  }

  /** Keys of another pool's making, which came over under as many bits of pad. @returns false where there is no pad */
  import(
    call: Omit<EncKeysCall, "idempotency">,
    keyIds: readonly KeyId[],
    keys: readonly Uint8Array[],
    nowMs: number,
  ): boolean {
    const bytes = (call.count * call.sizeBits) / 8;
    if (this.blocks.cut(bytes, nowMs) === null) return false;
    this.gone.pad += bytes * 8;
    const expiresMs = nowMs + this.config.policy.key_ttl_s * 1000;
    this.#insert(call, keyIds, keys, { state: "pending", expiresMs, holdUntilMs: 0, imported: true });
    return true;
  }

  #insert(
    { master, masterNode, recipients }: Pick<EncKeysCall, "master" | "masterNode" | "recipients">,
    keyIds: readonly KeyId[],
    keys: readonly Uint8Array[],
    life: Pick<ModelRecord, "state" | "expiresMs" | "holdUntilMs" | "imported">,
  ): void {
    const whose = recipients.map((each) => ({
      ...each,
      isHere: this.#nodes.includes(each.node) && each.node !== masterNode,
      voided: false,
    }));
    const here = whose.filter(({ isHere }) => isHere).map(({ sae }) => sae);
    const left = keys.map(() => new Set(here));
    const record = { id: this.#nextRecord++, keyIds, keys, master, recipients: whose, left, ...life };
    this.records.set(record.id, record);
    keyIds.forEach((keyId, index) => {
      if (this.#known.has(keyId)) throw new Error("a key ID was drawn twice");
      this.#known.set(keyId, { record, index });
    });
  }

  /** All have taken part. @returns false where the keys are gone meanwhile */
  publish(keyId: KeyId, nowMs: number): boolean {
    const record = this.#live(keyId)?.record;
    if (record === undefined) return false;
    record.state = "pending";
    record.expiresMs = nowMs + this.config.policy.key_ttl_s * 1000;
    return true;
  }

  /** Not all have. */
  takeBack(keyId: KeyId, call: EncKeysCall): void {
    if (call.idempotency !== undefined) this.#repeats.delete(nameOf(call));
    const record = this.#live(keyId)?.record;
    if (record !== undefined) this.#end(record, "voided");
  }

  dec(call: DecKeysCall, nowMs: number): KeysAnswer {
    const repeated = this.#repeated(call, nowMs);
    if (repeated !== undefined) return repeated;
    const found = call.keyIds.map((keyId) => this.#find(keyId, nowMs));
    if (found.some((key) => key !== undefined && !key.record.recipients.some(({ sae }) => sae === call.sae))) {
      return { code: "unauthorised" };
    }
    const mine = found.filter((key) => key !== undefined);
    const mayFetch = ({ record, index }: (typeof mine)[number]) =>
      record.master === call.master && record.state !== "reserved" && record.left[index]?.has(call.sae) === true;
    if (mine.length < call.keyIds.length || !mine.every(mayFetch)) return { code: "key-not-found" };
    const holdUntilMs = call.idempotency === undefined ? 0 : nowMs + this.config.policy.delivery_grace_s * 1000;
    for (const [record, ofRecord] of Map.groupBy(mine, (key) => key.record)) {
      this.#fetch(
        record,
        ofRecord.map(({ index }) => index),
        call.sae,
        holdUntilMs,
        nowMs,
      );
    }
    this.#remember(call, call.keyIds, holdUntilMs);
    return { keyIds: call.keyIds, keys: mine.map(({ record, index }) => record.keys[index] ?? new Uint8Array()) };
  }

  #fetch(record: ModelRecord, indices: readonly number[], sae: SaeId, holdUntilMs: number, nowMs: number): void {
    for (const index of indices) {
      record.left[index]?.delete(sae);
      if (record.left[index]?.size === 0 && !record.imported) this.gone.delivered += sizeOf(record);
    }
    record.holdUntilMs = Math.max(record.holdUntilMs, holdUntilMs);
    if (keysLeft(record) > 0) record.expiresMs = Math.max(record.expiresMs, holdUntilMs);
    else if (record.holdUntilMs > nowMs) {
      record.state = "held";
      record.expiresMs = record.holdUntilMs;
    } else this.records.delete(record.id);
  }

  // ---- repeats

  #repeated(call: EncKeysCall | DecKeysCall, nowMs: number): KeysAnswer | undefined {
    const repeat = this.#repeats.get(nameOf(call));
    if (call.idempotency === undefined || repeat === undefined || repeat.expiresMs <= nowMs) return undefined;
    const keys = repeat.keyIds.map((keyId) => this.#find(keyId, nowMs)).filter((key) => key !== undefined);
    if (keys.length < repeat.keyIds.length) return undefined;
    if (repeat.digest !== call.idempotency.requestDigest) return { code: "idempotency-mismatch" };
    if (keys.some(({ record }) => record.state === "reserved")) return { code: "not-enough-keys" };
    return { keyIds: repeat.keyIds, keys: keys.map(({ record, index }) => record.keys[index] ?? new Uint8Array()) };
  }

  #remember(call: EncKeysCall | DecKeysCall, keyIds: readonly KeyId[], expiresMs: number): void {
    if (call.idempotency === undefined) return;
    this.#repeats.set(nameOf(call), { digest: call.idempotency.requestDigest, keyIds, expiresMs });
  }

  // ---- ends

  /** Keys that nobody has fetched in time, but for those of records that are `kept` until the next commit. */
  expire(kept: ReadonlySet<number>, nowMs: number): void {
    for (const record of this.records.values()) {
      if (record.expiresMs <= nowMs && !kept.has(record.id)) this.#end(record, "expired");
    }
  }

  /** One step of voiding the keys of an SAE, or of everybody and all material. */
  void({ sae, after }: PendingOf): { readonly keys: number; readonly next: number | null } {
    const records = [...this.records.values()].filter(({ id }) => id > after);
    let keys = 0;
    for (const record of records) {
      if (sae === null || record.master === sae) {
        keys += keysLeft(record);
        this.#end(record, "voided");
      } else keys += this.#leave(record, sae);
    }
    const went = sae === null && records.length === 0 && this.blocks.void();
    return { keys, next: records.at(-1)?.id ?? (went ? after : null) };
  }

  /** One of the recipients gets no more keys; the others still do. @returns how many it would have got */
  #leave(record: ModelRecord, sae: SaeId): number {
    const mine = record.left.filter((left) => left.delete(sae));
    if (mine.length === 0) return 0;
    const leaver = record.recipients.find((recipient) => recipient.sae === sae);
    if (leaver !== undefined) leaver.voided = true;
    const hadOthers = record.recipients.some(({ isHere, voided }) => isHere && !voided);
    const finished = mine.filter((left) => left.size === 0).length;
    if (!record.imported) this.gone[hadOthers ? "delivered" : "voided"] += finished * sizeOf(record);
    if (keysLeft(record) === 0) this.records.delete(record.id);
    return mine.length;
  }

  /** Keys that somebody still waits for become `to`. */
  #end(record: ModelRecord, to: "expired" | "voided"): void {
    if (!record.imported) this.gone[to] += keysLeft(record) * sizeOf(record);
    this.records.delete(record.id);
  }

  voidImport(keyId: KeyId): void {
    const record = this.#live(keyId)?.record;
    if (record !== undefined) this.records.delete(record.id);
  }

  // ---- what there is

  #live(keyId: KeyId): { readonly record: ModelRecord; readonly index: number } | undefined {
    const known = this.#known.get(keyId);
    return known !== undefined && this.records.has(known.record.id) ? known : undefined;
  }

  #find(keyId: KeyId, nowMs: number): { readonly record: ModelRecord; readonly index: number } | undefined {
    const live = this.#live(keyId);
    return live !== undefined && live.record.expiresMs > nowMs ? live : undefined;
  }

  get ledger(): Ledger {
    const waiting = (state: ModelRecord["state"]) =>
      [...this.records.values()]
        .filter((record) => record.state === state && !record.imported)
        .reduce((sum, record) => sum + keysLeft(record) * sizeOf(record), 0);
    return {
      unmatched: this.blocks.bitsIn("unmatched"),
      quarantined: this.blocks.bitsIn("quarantined"),
      available: this.blocks.bitsIn("available"),
      reserved: waiting("reserved"),
      pending: waiting("pending"),
      tag: 0,
      ...this.gone,
    };
  }
}

const nameOf = ({ principal, idempotency }: EncKeysCall | DecKeysCall): string => `${principal} ${idempotency?.key}`;
/** Of one key, in bits. */
const sizeOf = ({ keys }: ModelRecord): number => (keys[0]?.length ?? 0) * 8;
export const keysLeft = ({ left }: ModelRecord): number => left.filter(({ size }) => size > 0).length;
