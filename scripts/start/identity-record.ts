/** What is kept of the storage's identity, and its anchor: as JSON. Wrong shapes are null. */
import * as v from "valibot";

/** A file in the storage that is none of the engine's. */
export const ANCHOR = "anchor";

const Digits = v.pipe(v.string(), v.regex(/^\d{1,24}$/));
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Token = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));

const FileIdentitySchema = v.object({
  inode: Digits,
  /** Null where the file system has none, or the file has not changed since. */
  birthtimeNs: v.nullable(Digits),
  /** Of its last change before a stop; null while the engine may write it. */
  ctimeNs: v.nullable(Digits),
});

const RecordSchema = v.object({
  generation: Count,
  /** The anchor's content, and the time its inode changed last; null before the first. */
  anchor: v.nullable(v.object({ token: Token, ctimeNs: Digits })),
  /** An anchor that may have taken its place, changed within these times. */
  next: v.nullable(v.object({ token: Token, fromMs: Count, untilMs: Count })),
  /** By path in the storage. */
  files: v.record(v.string(), FileIdentitySchema),
  /** Put back by `npm run restore`, and not started since. */
  restored: v.optional(v.literal(true)),
});

const AnchorSchema = v.object({ generation: Count, token: Token });

export type FileIdentity = v.InferOutput<typeof FileIdentitySchema>;
export type IdentityRecord = v.InferOutput<typeof RecordSchema>;
export interface Anchor extends v.InferOutput<typeof AnchorSchema> {
  readonly ctimeNs: string;
}

export const parseRecord = (text: string): IdentityRecord | null => parsed(RecordSchema, text);

/** A broken anchor is one of no known content. */
export function parseAnchor(text: string, ctimeNs: string): Anchor {
  return { ...(parsed(AnchorSchema, text) ?? { generation: 0, token: "" }), ctimeNs };
}

function parsed<Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> | null {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}
