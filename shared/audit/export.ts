/**
 * An audit log as a file, JSON Lines (docs/audit.md): a header, records and checkpoints in their order, an end. Each line
 * has one spelling, so that no byte can be changed unseen.
 */
import * as v from "valibot";
import { PlainIdSchema } from "../network/plain-id.ts";
import { fail, type Fault } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";
import { canonicalJson } from "./canonical-json.ts";
import { AuditKeySchema, type Checkpoint, CheckpointSchema } from "./checkpoint.ts";
import type { AuditRecord } from "./event.ts";
import { recordOf, recordText } from "./record-text.ts";
import type { AuditItem } from "./verify.ts";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const HeaderSchema = v.strictObject({
  qkd_audit_export: v.literal(1),
  node: PlainIdSchema,
  made: v.pipe(v.string(), v.isoTimestamp()),
  /** As the edge told them: to be compared with those that are trusted. */
  keys: v.array(AuditKeySchema),
  /** The chain goes on after this one; null: it begins with record 1. */
  start: v.nullable(CheckpointSchema),
  /** What came before is gone for its age; else it was not asked for. */
  retired: v.boolean(),
});
export type ExportHeader = v.InferOutput<typeof HeaderSchema>;

const EndSchema = v.strictObject({
  end: v.strictObject({ records: count, checkpoints: count, index: count, hash: v.string() }),
});
export type ExportEnd = v.InferOutput<typeof EndSchema>;

const RecordLineSchema = v.strictObject({
  record: v.record(v.string(), v.unknown()),
  hash: v.string(),
  check: v.optional(v.string()),
});
const CheckpointLineSchema = v.strictObject({ checkpoint: CheckpointSchema });

export const headerLine = (header: ExportHeader): string => canonicalJson(header);
export const checkpointLine = (checkpoint: Checkpoint): string => canonicalJson({ checkpoint });
export const endLine = (end: ExportEnd["end"]): string => canonicalJson({ end });
/** With the very text that the hash covers. */
export const recordLine = ({ hash, check, ...record }: AuditRecord): string =>
  `{"record":${recordText(record)},"hash":${JSON.stringify(hash)}${check === undefined ? "" : `,"check":${JSON.stringify(check)}`}}`;

export type ExportLine = AuditItem | ExportEnd;

/** @returns `bad-request` for a line that is no header of an export */
export const readHeader = (line: string): Result<ExportHeader, Fault> => {
  const header = v.safeParse(HeaderSchema, parsed(line));
  if (!header.success) return fail("bad-request", "line 1: shall be the header of an export of an audit log");
  return ok(header.output);
};

/** A line after the header; `bad-request` where nobody wrote it so. */
export function readLine(line: string, number: number): Result<ExportLine, Fault> {
  const read = lineOf(parsed(line));
  if (read === null || spelled(read) !== line) {
    return fail(
      "bad-request",
      `line ${number}: neither a record nor a checkpoint nor the end, as an export spells them`,
    );
  }
  return ok(read);
}

function lineOf(value: unknown): ExportLine | null {
  const record = v.safeParse(RecordLineSchema, value);
  if (record.success) {
    const { record: said, hash, check } = record.output;
    const unchained = recordOf(JSON.stringify(said));
    if (unchained === null) return null;
    return { record: { ...unchained, hash, ...(check !== undefined && { check }) } };
  }
  const checkpoint = v.safeParse(CheckpointLineSchema, value);
  if (checkpoint.success) return checkpoint.output;
  const end = v.safeParse(EndSchema, value);
  return end.success ? end.output : null;
}

function spelled(line: ExportLine): string {
  if ("record" in line) return recordLine(line.record);
  return "checkpoint" in line ? checkpointLine(line.checkpoint) : endLine(line.end);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
