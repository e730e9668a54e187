/** Rows of the audit log, each a run of records: from events and to records. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { UNREADABLE } from "../../shared/audit/faults.ts";
import { recordOf, recordText } from "../../shared/audit/record-text.ts";
import { fromHex, toHex } from "../../shared/bytes/hex.ts";
import { slicesOf, type SliceLimits } from "./slices.ts";

/**
 * A run's records are hashed so many at a time: a native hash costs more than all else an event costs here. Rows are
 * read by it, so another number takes another column.
 */
const BUNDLE_RECORDS = 32;
const HASH_BYTES = 32;
const CHECK_BYTES = 4;

export interface Run {
  readonly lastIndex: number;
  readonly source: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** SHA-256 of each bundle, as `chainHash` makes it. */
  readonly hashes: Uint8Array;
  /** CRC-32 of each record's text. */
  readonly checks: Uint8Array;
  /** `recordText` of each record, a line each. */
  readonly texts: string;
}

/** An event under its source's number. */
export interface Numbered {
  readonly seq: number;
  readonly event: AuditEvent;
}

/** The end of the chain. */
export type Head = { readonly index: number; readonly hash: string };

/** The end of the chain behind a run. */
export const headOf = ({ lastIndex, hashes }: Pick<Run, "lastIndex" | "hashes">): Head => ({
  index: lastIndex,
  hash: toHex(hashes.slice(-HASH_BYTES)),
});

/** Chains events on to what is there; a run ends where the numbers jump, or at a bound. */
export function runsOf(head: Head, source: string, numbered: readonly Numbered[], limits: SliceLimits): Run[] {
  const seqAt = (at: number): number => numbered[at]?.seq ?? 0;
  const texts = numbered.map(({ seq, event: { atMs, act, who, node, detail } }, at) =>
    recordText({ index: head.index + 1 + at, source, seq, atMs, act, who, node, detail }),
  );
  let previousHash = head.hash;
  return slicesOf(texts, limits, (at) => seqAt(at) !== seqAt(at - 1) + 1).map(({ from, to }) => {
    const { lastHash, ...sealed } = seal(previousHash, texts.slice(from, to));
    previousHash = lastHash;
    return { lastIndex: head.index + to, source, firstSeq: seqAt(from), lastSeq: seqAt(to - 1), ...sealed };
  });
}

function seal(
  previousHash: string,
  texts: readonly string[],
): Pick<Run, "hashes" | "checks" | "texts"> & { readonly lastHash: string } {
  const checks = new DataView(new ArrayBuffer(texts.length * CHECK_BYTES));
  texts.forEach((text, at) => checks.setUint32(at * CHECK_BYTES, crc32(text)));
  const bundles: string[] = [];
  const hashes: string[] = [];
  let lastHash = previousHash;
  for (let at = 0; at < texts.length; at += BUNDLE_RECORDS) {
    const bundle = texts.slice(at, at + BUNDLE_RECORDS).join("\n");
    lastHash = createHash("sha256")
      .update(lastHash + bundle)
      .digest("hex");
    bundles.push(bundle);
    hashes.push(lastHash);
  }
  return {
    lastHash,
    hashes: fromHex(hashes.join("")) ?? new Uint8Array(),
    checks: new Uint8Array(checks.buffer),
    texts: bundles.join("\n"),
  };
}

/**
 * The records of a row. What was changed in it stays where it was, so that `firstBreak` points at it: a text that is no
 * record's is shown as `UNREADABLE`, and what is too much in a column goes with the last record.
 */
export function recordsOf({ lastIndex, source, firstSeq, hashes, checks, texts }: Omit<Run, "lastSeq">): AuditRecord[] {
  const count = Math.ceil(checks.length / CHECK_BYTES);
  const lines = texts.split("\n");
  const lastBundle = Math.floor((count - 1) / BUNDLE_RECORDS);
  return Array.from({ length: count }, (_, at) => {
    const index = lastIndex - count + 1 + at;
    const record = recordOf(at < count - 1 ? (lines[at] ?? "") : lines.slice(at).join("\n"));
    const bundle = Math.floor(at / BUNDLE_RECORDS);
    const hashEnd = bundle < lastBundle ? (bundle + 1) * HASH_BYTES : hashes.length;
    return {
      ...(record?.index === index ? record : { ...NO_RECORD, index, source, seq: firstSeq + at }),
      hash: toHex(hashes.subarray(bundle * HASH_BYTES, hashEnd)),
      check: toHex(checks.subarray(at * CHECK_BYTES, (at + 1) * CHECK_BYTES)),
    };
  });
}

const NO_RECORD: AuditEvent = { atMs: 0, act: UNREADABLE, who: "system", node: "", detail: {} };
