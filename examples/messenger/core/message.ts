/**
 * What people's pages tell each other, inside the seal: a head in JSON and, for what is no text, bytes after it. The names
 * of files, that there is a call and the descriptions of a direct channel are as secret as what is written.
 */
import * as v from "valibot";
import { parseJson } from "../../../shared/bytes/json.ts";
import { BOUNDS } from "./bounds.ts";
import { type Bytes, fromUtf8, utf8, viewOf } from "./bytes.ts";
import { keyIdBytes } from "./key-id.ts";

const whole = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
/** Of a text, a file: made by its sender, at random. */
const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const keyId = v.pipe(
  v.string(),
  v.check((value) => keyIdBytes(value) !== null),
);
const call = whole(0xffff_ffff);

const HeadSchema = v.variant("kind", [
  v.object({ kind: v.literal("text"), id, text: v.pipe(text(BOUNDS.textChars), v.nonEmpty()) }),
  /** The bytes are the sealed text. */
  v.object({ kind: v.literal("pad"), id, keyId }),
  /** A pad that could not be had: the text is to come again, under another. */
  v.object({ kind: v.literal("pad-lost"), id }),
  v.object({
    kind: v.literal("file-offer"),
    id,
    name: v.pipe(text(BOUNDS.fileNameChars), v.nonEmpty()),
    mediaType: text(BOUNDS.fileTypeChars),
    sizeBytes: whole(BOUNDS.fileBytes),
  }),
  v.object({ kind: v.literal("file-answer"), id, accept: v.boolean() }),
  /** The bytes are the file's from `offset` on. */
  v.object({ kind: v.literal("file-chunk"), id, offset: whole(BOUNDS.fileBytes) }),
  /** SHA-256 of the whole file, in hex. */
  v.object({ kind: v.literal("file-end"), id, sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
  v.object({ kind: v.literal("file-result"), id, isWhole: v.boolean() }),
  v.object({ kind: v.literal("file-cancel"), id }),
  v.object({ kind: v.literal("call"), call, step: v.picklist(["ring", "accept", "decline", "busy", "end"]) }),
  /** Who may open a direct channel: `isWanted` false is "room only". */
  v.object({ kind: v.literal("direct"), isWanted: v.boolean() }),
  v.object({ kind: v.literal("description"), type: v.picklist(["offer", "answer"]), sdp: text(BOUNDS.sdpChars) }),
]);

export type MessageHead = v.InferOutput<typeof HeadSchema>;
export type CallStep = Extract<MessageHead, { kind: "call" }>["step"];

export interface Message {
  readonly head: MessageHead;
  readonly body: Bytes;
}

const JSON_DEPTH = 2;

/** @throws RangeError for one that is too large: a fault of the caller's */
export function encodeMessage(head: MessageHead, body: Uint8Array = new Uint8Array()): Bytes {
  const json = utf8(JSON.stringify(head));
  const bytes = new Uint8Array(2 + json.length + body.length);
  if (json.length > BOUNDS.messageHeadBytes || bytes.length > BOUNDS.messageBytes) {
    throw new RangeError(`a message of ${bytes.length} bytes`);
  }
  viewOf(bytes).setUint16(0, json.length);
  bytes.set(json, 2);
  bytes.set(body, 2 + json.length);
  return bytes;
}

/** Null for what is none. */
export function decodeMessage(bytes: Bytes): Message | null {
  if (bytes.length < 2) return null;
  const end = 2 + viewOf(bytes).getUint16(0);
  if (end > bytes.length || end > 2 + BOUNDS.messageHeadBytes) return null;
  const json = fromUtf8(bytes.subarray(2, end));
  const parsed = json === null ? null : parseJson(json, JSON_DEPTH);
  if (parsed === null || !parsed.ok) return null;
  const head = v.safeParse(HeadSchema, parsed.value);
  return head.success ? { head: head.output, body: bytes.slice(end) } : null;
}
