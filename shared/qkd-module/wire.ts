/**
 * Messages between the two ends' modules: a byte of version, a byte of kind, a body. Numbers are big-endian.
 *
 * | kind | body |
 * |---|---|
 * | sync | JSON, see `Sync` |
 * | classical | a message of a block's session, as it is |
 * | quantum | block (8), count (4), Rice parameter (1), bytes of gaps (4), gaps, a bit each: bases, bits |
 * | key | block (8), key |
 * | start | block (8) |
 */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { FieldReader, FieldWriter } from "../postprocessing/session/fields.ts";
import { decodeGaps, encodeGaps, riceOf } from "../postprocessing/session/gaps.ts";
import type { Detections } from "../postprocessing/session/sifting.ts";
import { packSymbols, unpackSymbols } from "../postprocessing/session/symbols.ts";
import { SIMULATIONS } from "./settings.ts";

const VERSION = 1;
const KINDS = ["sync", "classical", "quantum", "key", "start"] as const;
type Kind = (typeof KINDS)[number];
const HEAD_BYTES = 2;
const SYNC_BYTES = 16 * 1024;

const blockNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const SyncSchema = v.strictObject({
  link: v.pipe(v.string(), v.maxLength(1024)),
  role: v.picklist(["sender", "receiver"]),
  sim: v.picklist(SIMULATIONS),
  /** The highest number a block has had at this end. */
  last: blockNumber,
  /** Blocks whose settlement this end waits for. */
  unsettled: v.pipe(v.array(blockNumber), v.maxLength(LIMITS.moduleUnsettled)),
  /** Blocks that this end has authentication key for. */
  slots: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** SLH-DSA public key, in hex. */
  public_key: v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}){16,64}$/)),
  /** Made because the other end greeted first: needs no answer. */
  answer: v.boolean(),
});
export type Sync = v.InferOutput<typeof SyncSchema>;

export type ModuleMessage =
  | { readonly kind: "sync"; readonly sync: Sync }
  | { readonly kind: "classical"; readonly message: Uint8Array }
  | { readonly kind: "quantum"; readonly block: number; readonly detections: Detections }
  | { readonly kind: "key"; readonly block: number; readonly bytes: Uint8Array }
  | { readonly kind: "start"; readonly block: number };

const framed = (kind: Kind): FieldWriter => new FieldWriter().u8(VERSION).u8(KINDS.indexOf(kind));

export const syncMessage = (sync: Sync): Uint8Array =>
  framed("sync")
    .bytes(new TextEncoder().encode(JSON.stringify(sync)))
    .finish();

export const classicalMessage = (message: Uint8Array): Uint8Array => framed("classical").bytes(message).finish();

export const startMessage = (block: number): Uint8Array => framed("start").u64(block).finish();

export const keyMessage = (block: number, bytes: Uint8Array): Uint8Array =>
  framed("key").u64(block).bytes(bytes).finish();

export function quantumMessage(block: number, { pulseIndexes, bases, bits }: Detections): Uint8Array {
  const count = pulseIndexes.length;
  const rice = riceOf(count, (pulseIndexes.at(-1) ?? 0) + 1);
  const gaps = encodeGaps(pulseIndexes, rice);
  return framed("quantum")
    .u64(block)
    .u32(count)
    .u8(rice)
    .u32(gaps.length)
    .bytes(gaps)
    .bytes(packSymbols(bases, 1))
    .bytes(packSymbols(bits, 1))
    .finish();
}

const isBlock = (block: number): boolean => Number.isSafeInteger(block) && block >= 1;

/**
 * Nothing is allocated on a sender's word alone.
 * @param detectionsMax of a run; see `detectionsMaxOf`
 * @returns null for bytes that are no message
 */
export function readMessage(bytes: Uint8Array, detectionsMax: number): ModuleMessage | null {
  const kind = KINDS[bytes[1] ?? KINDS.length];
  if (bytes[0] !== VERSION || kind === undefined || bytes.length > LIMITS.moduleMessageBytes) return null;
  return READERS[kind](bytes.subarray(HEAD_BYTES), detectionsMax);
}

const READERS: {
  readonly [K in Kind]: (body: Uint8Array, detectionsMax: number) => Extract<ModuleMessage, { kind: K }> | null;
} = {
  sync(body) {
    if (body.length > SYNC_BYTES) return null;
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(body));
    } catch {
      return null;
    }
    const parsed = v.safeParse(SyncSchema, value);
    return parsed.success ? { kind: "sync", sync: parsed.output } : null;
  },
  classical: (message) => ({ kind: "classical", message }),
  quantum(body, detectionsMax) {
    const reader = new FieldReader(body);
    const [block, count, rice] = [reader.u64(), reader.u32(), reader.u8()];
    if (!isBlock(block) || count > detectionsMax) return null;
    const pulseIndexes = decodeGaps(reader.bytes(reader.u32()), count, rice, LIMITS.bb84Pulses);
    const packedBytes = Math.ceil(count / 8);
    const bases = unpackSymbols(reader.bytes(packedBytes), count, 1);
    const bits = unpackSymbols(reader.bytes(packedBytes), count, 1);
    if (pulseIndexes === null || bases === null || bits === null || !reader.finished) return null;
    return { kind: "quantum", block, detections: { pulseIndexes, bases, bits } };
  },
  key(body) {
    const reader = new FieldReader(body);
    const block = reader.u64();
    const bytes = reader.rest();
    return isBlock(block) && bytes.length >= 1 && bytes.length <= LIMITS.moduleFakeBytes
      ? { kind: "key", block, bytes }
      : null;
  },
  start(body) {
    const reader = new FieldReader(body);
    const block = reader.u64();
    return reader.finished && isBlock(block) ? { kind: "start", block } : null;
  },
};
