/**
 * The text of an audit record: what its hash covers, and what a log stores. One record, one text: a stored text that is
 * not spelled as `recordText` spells it has been changed.
 */
import * as v from "valibot";
import { canonicalJson } from "./canonical-json.ts";
import type { AuditRecord } from "./event.ts";

type Unhashed = Omit<AuditRecord, "hash">;

/** `canonicalJson` of the record without its hash: spelled out, because every event of the deployment passes here. */
export function recordText({ index, source, seq, atMs, act, who, node, detail }: Unhashed): string {
  return `{"act":${quoted(act)},"atMs":${atMs},"detail":${canonicalJson(detail)},"index":${index},"node":${quoted(node)},"seq":${seq},"source":${quoted(source)},"who":${quoted(who)}}`;
}

const quoted = (text: string): string => JSON.stringify(text);

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
export function recordOf(text: string): Unhashed | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const record = v.safeParse(RecordSchema, parsed);
  return record.success && recordText(record.output) === text ? record.output : null;
}
