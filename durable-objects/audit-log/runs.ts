/** Rows of the audit log, each a run of records: from and to records. */
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { recordOf, recordText } from "../../shared/audit/record-text.ts";
import { slicesOf, type SliceLimits } from "../../shared/audit/slices.ts";
import { toHex } from "../../shared/bytes/hex.ts";
import { chainHashes, HASH_BYTES } from "./chain-natively.ts";

export interface Run {
  readonly lastIndex: number;
  readonly source: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly hashes: Uint8Array;
  readonly texts: string;
}

/** An event under its source's number. */
export interface Numbered {
  readonly seq: number;
  readonly event: AuditEvent;
}

/** The last record of the chain. */
export type Head = { readonly index: number; readonly hash: string };

/** Chains events on to what is there; a run ends where the numbers jump, or at a bound. */
export function runsOf(head: Head, source: string, numbered: readonly Numbered[], limits: SliceLimits): Run[] {
  const seqAt = (at: number): number => numbered[at]?.seq ?? 0;
  const texts = numbered.map(({ seq, event }, at) =>
    recordText({ ...event, source, seq, index: head.index + 1 + at }),
  );
  const hashes = chainHashes(head.hash, texts);
  return slicesOf(texts, limits, (at) => seqAt(at) !== seqAt(at - 1) + 1).map(({ from, to }) => ({
    lastIndex: head.index + to,
    source,
    firstSeq: seqAt(from),
    lastSeq: seqAt(to - 1),
    hashes: hashes.subarray(from * HASH_BYTES, to * HASH_BYTES),
    texts: texts.slice(from, to).join("\n"),
  }));
}

/**
 * The records of a row. What was changed in it stays where it was, so that `firstBreak` points at it: a text that is no
 * record's is shown as `audit.unreadable`.
 */
export function recordsOf({ lastIndex, source, firstSeq, hashes, texts }: Omit<Run, "lastSeq">): AuditRecord[] {
  const count = Math.ceil(hashes.length / HASH_BYTES);
  const lines = texts.split("\n");
  return Array.from({ length: count }, (_, at) => {
    const index = lastIndex - count + 1 + at;
    const text = at < count - 1 ? (lines[at] ?? "") : lines.slice(at).join("\n");
    const hash = toHex(hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
    const record = recordOf(text);
    return record?.index === index
      ? { ...record, hash }
      : { ...UNREADABLE, index, source, seq: firstSeq + at, hash };
  });
}

const UNREADABLE: AuditEvent = { atMs: 0, act: "audit.unreadable", who: "system", node: "", detail: {} };
