/** Makes checkpoints: after so many records, or so long after the first that none covers, where there is a key to sign by. */
import { type AuditKey, checkpointBytes, checkpointDigest, FIRST_PREVIOUS } from "../../shared/audit/checkpoint.ts";
import { LIMITS } from "../../shared/limits.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";
import type { Identities } from "../peers/identities.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { appendOwn } from "./own-events.ts";
import type { AuditStore } from "./store.ts";

interface Parts {
  /** Whose log it is. */
  readonly node: string;
  readonly store: AuditStore;
  readonly checkpoints: CheckpointStore;
  /** Null: the deployment has none. */
  readonly identities: Identities | null;
}

export class Checkpoints {
  readonly #parts: Parts;
  /** The last record, and the last one that a checkpoint covers. */
  #lastIndex: number;
  #coveredIndex: number;
  /** When the first one came that none covers; of an instance before: when this one started. */
  #uncoveredMs = Infinity;
  #making: Promise<void> | undefined;
  /** As it is stored: asked with every append. */
  #toldUnsigned: boolean;

  constructor(parts: Parts, nowMs: number) {
    this.#parts = parts;
    this.#toldUnsigned = parts.checkpoints.toldUnsigned;
    this.#coveredIndex = parts.checkpoints.newest()?.index ?? 0;
    this.#lastIndex = this.#coveredIndex;
    this.appended(parts.store.head().index, nowMs);
  }

  get isSigned(): boolean {
    return this.#parts.identities !== null;
  }

  /** The log has records up to this one. */
  appended(lastIndex: number, nowMs: number): void {
    this.#lastIndex = lastIndex;
    if (lastIndex > this.#coveredIndex && this.#uncoveredMs === Infinity) this.#uncoveredMs = nowMs;
  }

  /** Infinity: nothing to be done. */
  dueMs(): number {
    if (this.#uncoveredMs === Infinity || (!this.isSigned && this.#toldUnsigned)) return Infinity;
    const isFull = this.#lastIndex - this.#coveredIndex >= LIMITS.auditCheckpointRecords;
    return isFull ? 0 : this.#uncoveredMs + LIMITS.auditCheckpointMs;
  }

  /** Covers every record there is when it is called. */
  async make(): Promise<void> {
    // One that is being made may not know of the latest.
    await this.#making;
    this.#making ??= this.#next().finally(() => {
      this.#making = undefined;
    });
    await this.#making;
  }

  /** Of all that signed here, and of who would now. */
  async keys(): Promise<readonly AuditKey[]> {
    const { node, checkpoints, identities } = this.#parts;
    const known = checkpoints.keys();
    if (identities === null) return known;
    const present = await keyOf(identities, node);
    return known.some(({ key }) => key === present.key) ? known : [...known, present];
  }

  async #next(): Promise<void> {
    const { node, store, checkpoints, identities } = this.#parts;
    this.#tellOfSigning();
    const { index, hash } = store.head();
    if (identities === null || index === this.#coveredIndex) return;
    const before = checkpoints.newest();
    const key = await keyOf(identities, node);
    const nowMs = Date.now();
    const said = {
      version: 1 as const,
      node,
      number: (before?.number ?? 0) + 1,
      index,
      hash,
      at: new Date(nowMs).toISOString(),
      previous: before === null ? FIRST_PREVIOUS : checkpointDigest(before),
      key: key.key,
    };
    const { ed25519, mlDsa65 } = await identities.signByBoth(node, checkpointBytes(said));
    store.transaction(() => checkpoints.add({ ...said, ed25519, ml_dsa_65: mlDsa65 }, nowMs, key));
    this.#coveredIndex = index;
    this.#uncoveredMs = this.#lastIndex > index ? nowMs : Infinity;
  }

  /** An alarm in the log itself, once: who reads it shall not take it for signed. */
  #tellOfSigning(): void {
    const { node, store, checkpoints } = this.#parts;
    if (this.isSigned === !this.#toldUnsigned) return;
    const act = this.isSigned ? "alarm.cleared" : "alarm.raised";
    const nowMs = Date.now();
    const { index } = store.transaction(() => {
      const detail = { code: "audit-unsigned", subject: node };
      checkpoints.toldUnsigned = !this.isSigned;
      return appendOwn(store, { node, source: "audit-log", nowMs }, [{ act, detail }]);
    });
    this.#toldUnsigned = !this.isSigned;
    this.appended(index, nowMs);
  }
}

async function keyOf(identities: Identities, node: string): Promise<AuditKey> {
  const keys = await identities.keysOf(node);
  return { key: fingerprintOf(keys), ed25519: keys.ed25519, ml_dsa_65: keys.mlDsa65 };
}
