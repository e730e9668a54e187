/**
 * Bodies of the messages of a block, in the order in which they are sent:
 *
 * | from | type | body |
 * |---|---|---|
 * | A | open | parameters; 1 and the slot of authentication key, or 0 for signatures |
 * | B | detections | count, k and bytes of Rice-coded gaps; a bit each for the basis |
 * | A | sifting | 2 bits a detection: 0 for unequal bases, else 1 + intensity; ends with the block's last detection |
 * | B | test-bits | his bits of the detections in the test basis |
 * | A | estimate | errors among them by intensity; Cascade's start rate (in 2^-32) and seed |
 * | both | tag | estimation |
 * | B, A | question, answer | Cascade, as `cascade/` writes it; as often as it takes |
 * | B | corrected | |
 * | A | verification | fresh key and hash of her sifted key |
 * | A | tag | correction |
 * | B | verdict | whether his hash is the same, and the errors he corrected by intensity |
 * | B | tag | correction |
 * | A | amplification | length of the secret key, slots in it, leak; Toeplitz seed |
 * | A | tag | amplification |
 * | B | accepted | |
 * | B | tag | amplification |
 * | A | settlement | a token that only the two can know: see settlement.ts |
 *
 * An `abort`, with its own tag, may stand in place of any that an end owes.
 */
import { LIMITS } from "../../limits.ts";
import { bytesFor } from "../bits.ts";
import type { SlotName } from "../authentication/key-store.ts";
import { HEAD_BYTES, type MessageType } from "./envelope.ts";
import { FieldReader, FieldWriter } from "./fields.ts";
import { decodeGaps, encodeGaps, riceOf } from "./gaps.ts";
import { type BlockParameters, readParameters, writeParameters } from "./parameters.ts";
import { type AbortReason, ABORT_REASONS } from "./outcome.ts";
import { packSymbols, unpackSymbols } from "./symbols.ts";

const SEED_BYTES = 32;
const HASH_BYTES = 16;
export const TOKEN_BYTES = 16;
/** Of the start rate, a share of one. */
const RATE_UNIT = 2 ** -32;

/** A start rate as the message can say it: both ends must take the same, or block sizes differ where one is at a border. */
export const wireRate = (rate: number): number => Math.round(rate / RATE_UNIT) * RATE_UNIT;

export interface Bodies {
  /** `slot` is null for the block that is signed. */
  readonly open: { readonly parameters: BlockParameters; readonly slot: SlotName | null };
  readonly detections: { readonly pulseIndexes: Float64Array; readonly bases: Uint8Array };
  readonly sifting: { readonly symbols: Uint8Array };
  readonly "test-bits": { readonly bits: Uint8Array };
  readonly estimate: { readonly errors: readonly number[]; readonly startRate: number; readonly seed: Uint8Array };
  readonly question: Uint8Array;
  readonly answer: Uint8Array;
  readonly corrected: null;
  readonly verification: { readonly key: Uint8Array; readonly hash: Uint8Array };
  readonly verdict: { readonly equal: boolean; readonly errors: readonly number[] };
  readonly amplification: Amplification;
  readonly accepted: null;
  readonly settlement: { readonly token: Uint8Array };
  readonly tag: { readonly tag: Uint8Array };
  readonly abort: { readonly reason: AbortReason; readonly tag: Uint8Array };
}

export interface Amplification {
  readonly secretBits: number;
  /** Slots of authentication key that the block refills. */
  readonly slots: number;
  readonly leakBits: number;
  readonly seed: Uint8Array;
}

interface Codec<Body> {
  encode(body: Body): Uint8Array;
  /** @returns undefined for bytes that are no such body; views of them otherwise */
  decode(reader: FieldReader, pulses: number): Body | undefined;
}

const write = (): FieldWriter => new FieldWriter();
const rest = (reader: FieldReader): Uint8Array => reader.rest();
const same = (bytes: Uint8Array): Uint8Array => bytes;
const NOTHING: Codec<null> = { encode: () => new Uint8Array(), decode: () => null };

function writeCounts(writer: FieldWriter, counts: readonly number[]): FieldWriter {
  for (let i = 0; i < LIMITS.bb84Intensities; i++) writer.u32(counts[i] ?? 0);
  return writer;
}
const readCounts = (reader: FieldReader): number[] =>
  Array.from({ length: LIMITS.bb84Intensities }, () => reader.u32());

const open: Codec<Bodies["open"]> = {
  encode: ({ parameters, slot }) => {
    const writer = writeParameters(write(), parameters).u8(slot === null ? 0 : 1);
    return (slot === null ? writer : writer.u64(slot.block).u32(slot.index)).finish();
  },
  decode: (reader) => {
    const parameters = readParameters(reader);
    const withSlot = reader.u8();
    if (parameters === null || withSlot > 1) return undefined;
    if (withSlot === 0) return { parameters, slot: null };
    const slot = { block: reader.u64(), index: reader.u32() };
    return Number.isSafeInteger(slot.block) ? { parameters, slot } : undefined;
  },
};

const detections: Codec<Bodies["detections"]> = {
  encode: ({ pulseIndexes, bases }) => {
    const rice = riceOf(pulseIndexes.length, (pulseIndexes.at(-1) ?? 0) + 1);
    const gaps = encodeGaps(pulseIndexes, rice);
    return write().u32(pulseIndexes.length).u8(rice).u32(gaps.length).bytes(gaps).bytes(packSymbols(bases, 1)).finish();
  },
  decode: (reader, pulses) => {
    const count = reader.u32();
    const rice = reader.u8();
    if (count > LIMITS.bb84Detections) return undefined;
    const pulseIndexes = decodeGaps(reader.bytes(reader.u32()), count, rice, pulses);
    const bases = unpackSymbols(reader.rest(), count, 1);
    return pulseIndexes === null || bases === null ? undefined : { pulseIndexes, bases };
  },
};

/** How many detections such a message tells of: to be looked at before they are decoded. */
export const detectionsIn = (message: Uint8Array): number => new FieldReader(message.subarray(HEAD_BYTES)).u32();

const sifting: Codec<Bodies["sifting"]> = {
  encode: ({ symbols }) => write().u32(symbols.length).bytes(packSymbols(symbols, 2)).finish(),
  decode: (reader) => {
    const symbols = unpackSymbols(...countAndRest(reader), 2);
    return symbols === null ? undefined : { symbols };
  },
};

const testBits: Codec<Bodies["test-bits"]> = {
  encode: ({ bits }) => write().u32(bits.length).bytes(packSymbols(bits, 1)).finish(),
  decode: (reader) => {
    const bits = unpackSymbols(...countAndRest(reader), 1);
    return bits === null ? undefined : { bits };
  },
};

function countAndRest(reader: FieldReader): [bytes: Uint8Array, count: number] {
  const count = reader.u32();
  return [reader.rest(), count];
}

const estimate: Codec<Bodies["estimate"]> = {
  encode: ({ errors, startRate, seed }) =>
    writeCounts(write(), errors)
      .u32(Math.round(startRate / RATE_UNIT))
      .bytes(seed)
      .finish(),
  decode: (reader) => {
    const errors = readCounts(reader);
    const startRate = reader.u32() * RATE_UNIT;
    return startRate > 0.5 ? undefined : { errors, startRate, seed: reader.bytes(SEED_BYTES) };
  },
};

const verdict: Codec<Bodies["verdict"]> = {
  encode: ({ equal, errors }) => writeCounts(write().u8(equal ? 1 : 0), errors).finish(),
  decode: (reader) => {
    const equal = reader.u8();
    return equal > 1 ? undefined : { equal: equal === 1, errors: readCounts(reader) };
  },
};

const amplification: Codec<Amplification> = {
  encode: ({ secretBits, slots, leakBits, seed }) =>
    write().u32(secretBits).u32(slots).u32(leakBits).bytes(seed).finish(),
  decode: (reader) => ({
    secretBits: reader.u32(),
    slots: reader.u32(),
    leakBits: reader.u32(),
    seed: reader.rest(),
  }),
};

const abort: Codec<Bodies["abort"]> = {
  encode: ({ reason, tag }) => write().u8(ABORT_REASONS.indexOf(reason)).bytes(tag).finish(),
  decode: (reader) => {
    const reason = ABORT_REASONS[reader.u8()];
    return reason === undefined ? undefined : { reason, tag: reader.rest() };
  },
};

const CODECS: { readonly [T in MessageType]: Codec<Bodies[T]> } = {
  open,
  detections,
  sifting,
  "test-bits": testBits,
  estimate,
  question: { encode: same, decode: rest },
  answer: { encode: same, decode: rest },
  corrected: NOTHING,
  verification: {
    encode: ({ key, hash }) => write().bytes(key).bytes(hash).finish(),
    decode: (reader) => ({ key: reader.bytes(HASH_BYTES), hash: reader.bytes(HASH_BYTES) }),
  },
  verdict,
  amplification,
  accepted: NOTHING,
  settlement: {
    encode: ({ token }) => token,
    decode: (reader) => ({ token: reader.bytes(TOKEN_BYTES) }),
  },
  tag: { encode: ({ tag }) => tag, decode: (reader) => ({ tag: reader.rest() }) },
  abort,
};

export const encodeBody = <T extends MessageType>(type: T, body: Bodies[T]): Uint8Array => CODECS[type].encode(body);

/** A body as it was decoded; `undefined` where it could not be. */
export function decodeBody<T extends MessageType>(type: T, body: Uint8Array, pulses: number): Bodies[T] | undefined {
  const reader = new FieldReader(body);
  const decoded = CODECS[type].decode(reader, pulses);
  return reader.finished ? decoded : undefined;
}

/** Fresh random bits, packed. */
export function randomBits(bits: number, random: (bytes: number) => Uint8Array): Uint8Array {
  const bytes = random(bytesFor(bits));
  const last = bytes.length - 1;
  if (bits % 8 !== 0) bytes[last] = (bytes[last] as number) & (0xff00 >> (bits % 8));
  return bytes;
}
