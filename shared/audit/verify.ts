/**
 * Does an audit log hold together? Its records and checkpoints, one after the other as a log or an export gives them: the
 * first thing that is wrong ends it. What the log itself notes that it lacks (`NOTES`) is counted, and no break.
 */
import type { VerifyEd25519 } from "../auth/double-signature.ts";
import { LIMITS } from "../limits.ts";
import { CHAIN_START, chainHash } from "./chain.ts";
import { type AuditKey, type Checkpoint, checkpointDigest, FIRST_PREVIOUS, isSigned } from "./checkpoint.ts";
import { crc32 } from "./crc32.ts";
import type { AuditRecord } from "./event.ts";
import { NOTES } from "./faults.ts";
import { recordText } from "./record-text.ts";
import { SourceNumbers } from "./source-numbers.ts";

export type AuditItem = { readonly record: AuditRecord } | { readonly checkpoint: Checkpoint };

/** What can be wrong. */
export type FlawKind =
  /** A record, or the hash of its bundle, is not as it was written. */
  | "changed"
  | "missing"
  /** Repeated, or not in its place. */
  | "order"
  /** Events of a source are left out, and the log does not say so. */
  | "gap"
  /** A checkpoint that does not follow the one before. */
  | "checkpoint"
  | "signature"
  | "unknown-key"
  /** It ends before what is known to have been in it. */
  | "truncated"
  /** Not the log that was seen before. */
  | "other-history"
  /** Its beginning is gone, and no record says that this was for its age. */
  | "beginning";

export interface Flaw {
  readonly kind: FlawKind;
  /** Record at or before which it is. */
  readonly index: number;
  /** In words. */
  readonly what: string;
}

/** Named in full. */
const NOTED = 20;

export interface Known {
  /** Whose log it shall be. */
  readonly node: string;
  /** Trusted, by fingerprint. */
  readonly keys: ReadonlyMap<string, AuditKey>;
  readonly verifyEd25519: VerifyEd25519;
  /** The chain begins after this one; null: with record 1. */
  readonly start: Checkpoint | null;
  /** What came before was dropped for its age, which a record has to say. Else somebody asked for the rest only. */
  readonly isRetired: boolean;
  /** A checkpoint seen before. */
  readonly pin: Checkpoint | null;
  /** Of the last record that shall be there: 0 where that is not known. */
  readonly lastIndex: number;
}

export interface Verdict {
  readonly flaw: Flaw | null;
  readonly records: number;
  readonly checkpoints: number;
  readonly lastIndex: number;
  /** Records up to this one are signed; 0: none is. */
  readonly signedIndex: number;
  readonly newest: Checkpoint | null;
  /** The pinned checkpoint was among those seen. */
  readonly pinSeen: boolean;
  /** What the log itself says it lacks: how often, and the first of it. */
  readonly notes: number;
  readonly noted: readonly AuditRecord[];
}

/** @param items in order, without those before `known.start` */
export async function verifyLog(known: Known, items: AsyncIterable<AuditItem> | Iterable<AuditItem>): Promise<Verdict> {
  const log = new LogVerifier(known);
  let flaw = await log.begin();
  if (flaw === null) {
    for await (const item of items) {
      flaw = "record" in item ? log.record(item.record) : await log.checkpoint(item.checkpoint);
      if (flaw !== null) break;
    }
    flaw ??= log.end();
  }
  return log.verdict(flaw);
}

class LogVerifier {
  readonly #known: Known;
  readonly #numbers: SourceNumbers;
  readonly #noted: AuditRecord[] = [];
  #bundle: [AuditRecord, ...AuditRecord[]] | null = null;
  #hash: string;
  #index: number;
  #newest: Checkpoint | null;
  #retiredTo = 0;
  #pinSeen = false;
  #counts = { records: 0, checkpoints: 0, notes: 0 };

  constructor(known: Known) {
    this.#known = known;
    this.#newest = known.start;
    this.#hash = known.start?.hash ?? CHAIN_START;
    this.#index = known.start?.index ?? 0;
    this.#numbers = new SourceNumbers({ fromFirst: known.start === null });
  }

  async begin(): Promise<Flaw | null> {
    const { start } = this.#known;
    return start === null ? null : await this.#genuine(start);
  }

  record(record: AuditRecord): Flaw | null {
    const due = this.#index + 1;
    const { index } = record;
    if (index > due) return { kind: "missing", index: due, what: `records ${due} to ${index - 1} are missing` };
    if (index < due) return { kind: "order", index, what: `record ${index} comes where record ${due} should` };
    if (record.check !== undefined && record.check !== crc32(recordText(record))) {
      return { kind: "changed", index, what: `record ${index} is not as it was written` };
    }
    const flaw = this.#bundle !== null && this.#bundle[0].hash !== record.hash ? this.#closeBundle() : null;
    if (flaw !== null) return flaw;
    this.#index = index;
    this.#counts.records += 1;
    if (this.#bundle === null) this.#bundle = [record];
    else this.#bundle.push(record);
    // No log makes such a bundle, and memory is finite.
    return this.#bundle.length > LIMITS.auditBundleRecords ? this.#badBundle(this.#bundle) : null;
  }

  async checkpoint(checkpoint: Checkpoint): Promise<Flaw | null> {
    const flaw = this.#closeBundle() ?? this.#follows(checkpoint) ?? (await this.#genuine(checkpoint));
    if (flaw !== null) return flaw;
    this.#newest = checkpoint;
    this.#counts.checkpoints += 1;
    return null;
  }

  /** What only the end can tell. */
  end(): Flaw | null {
    const { start, isRetired, pin, lastIndex } = this.#known;
    const index = this.#index;
    // Before the last bundle, which what is gone may have been of.
    if (index < lastIndex) {
      return { kind: "truncated", index, what: `it ends with record ${index}, and there was a record ${lastIndex}` };
    }
    const flaw = this.#closeBundle();
    if (flaw !== null) return flaw;
    if (pin !== null && pin.number > (this.#newest?.number ?? 0)) {
      const what = `it ends before checkpoint ${pin.number} at record ${pin.index}, which was seen before`;
      return { kind: "truncated", index, what };
    }
    if (isRetired && start !== null && this.#retiredTo !== start.index) {
      const what = `records 1 to ${start.index} are gone, and no record says that this was for their age`;
      return { kind: "beginning", index: start.index, what };
    }
    return null;
  }

  verdict(flaw: Flaw | null): Verdict {
    return {
      flaw,
      ...this.#counts,
      lastIndex: this.#index,
      signedIndex: this.#newest?.index ?? 0,
      newest: this.#newest,
      pinSeen: this.#pinSeen,
      noted: this.#noted,
    };
  }

  /** Records are believed once their bundle's hash holds. */
  #closeBundle(): Flaw | null {
    const bundle = this.#bundle;
    if (bundle === null) return null;
    this.#bundle = null;
    const [{ hash }] = bundle;
    if (hash !== chainHash(this.#hash, bundle)) return this.#badBundle(bundle);
    this.#hash = hash;
    for (const record of bundle) {
      const what = this.#numbers.flawOf(record);
      if (what !== null) return { kind: "gap", index: record.index, what };
      this.#note(record);
    }
    return null;
  }

  #note(record: AuditRecord): void {
    if (record.act === "audit.retired") this.#retiredTo = Number(record.detail["to_index"]);
    if (!NOTES.includes(record.act)) return;
    this.#counts.notes += 1;
    if (this.#noted.length < NOTED) this.#noted.push(record);
  }

  #badBundle([{ index }]: readonly [AuditRecord, ...AuditRecord[]]): Flaw {
    const what = `the hash of the records from ${index} on does not follow from them and the hash before`;
    return { kind: "changed", index, what };
  }

  /** Its place among the others, and what it says of the records. */
  #follows({ node, number, index, hash, previous }: Checkpoint): Flaw | null {
    const last = this.#newest;
    const name = `checkpoint ${number}`;
    const due = (last?.number ?? 0) + 1;
    if (node !== this.#known.node) return { kind: "checkpoint", index, what: `${name} is of another log` };
    if (number !== due) return { kind: "checkpoint", index, what: `${name} comes where checkpoint ${due} should` };
    if (previous !== (last === null ? FIRST_PREVIOUS : checkpointDigest(last))) {
      return { kind: "checkpoint", index, what: `${name} does not follow from the one before` };
    }
    if (index > this.#index) {
      const what = `records ${this.#index + 1} to ${index} are missing: ${name} covers them`;
      return { kind: "missing", index: this.#index + 1, what };
    }
    if (index < this.#index)
      return { kind: "order", index, what: `${name} comes after records that it does not cover` };
    if (hash === this.#hash) return null;
    return { kind: "other-history", index, what: `${name} was signed over other records than those up to ${index}` };
  }

  /** Who signed it, and whether it is the one seen before. */
  async #genuine(checkpoint: Checkpoint): Promise<Flaw | null> {
    const { node, keys, verifyEd25519, pin } = this.#known;
    const { number, index } = checkpoint;
    const name = `checkpoint ${number}`;
    if (checkpoint.node !== node) return { kind: "checkpoint", index, what: `${name} is of another log` };
    const key = keys.get(checkpoint.key);
    if (key === undefined) {
      const what = `${name} is signed by keys that are not trusted (${checkpoint.key})`;
      return { kind: "unknown-key", index, what };
    }
    if (!(await isSigned(checkpoint, key, verifyEd25519))) {
      return { kind: "signature", index, what: `${name}: a signature does not hold` };
    }
    if (pin?.number !== number) return null;
    this.#pinSeen = true;
    if (checkpointDigest(pin) === checkpointDigest(checkpoint)) return null;
    return { kind: "other-history", index, what: `${name} is not the one that was seen before` };
  }
}
