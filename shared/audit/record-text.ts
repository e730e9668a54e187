/**
 * The text of an audit record: what its hash covers, and what a log stores. One record, one text: a stored text that is
 * not spelled as `recordText` spells it has been changed.
 */
import * as v from "valibot";
import type { AuditEvent, AuditRecord } from "./event.ts";

export type UnchainedRecord = Omit<AuditRecord, "hash" | "check">;

/** `canonicalJson` of the record, for details named by words. By hand: every event of the deployment passes here. */
export function recordText({ index, source, seq, atMs, act, who, node, detail }: UnchainedRecord): string {
  return JSON.stringify({ act, atMs, detail: sorted(detail), index, node, seq, source, who });
}

function sorted(detail: AuditEvent["detail"]): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const name of Object.keys(detail).sort()) members[name] = detail[name];
  return members;
}

/** The most distant instant of ECMAScript: what a reader can still print. */
const LAST_MS = 8.64e15;
const RecordSchema = v.strictObject({
  index: v.number(),
  source: v.string(),
  seq: v.number(),
  atMs: v.pipe(v.number(), v.minValue(-LAST_MS), v.maxValue(LAST_MS)),
  act: v.string(),
  who: v.string(),
  node: v.string(),
  detail: v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()])),
});

/** Back from the text; null when `recordText` did not write it. */
export function recordOf(text: string): UnchainedRecord | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const record = v.safeParse(RecordSchema, parsed);
  return record.success && recordText(record.output) === text ? record.output : null;
}
