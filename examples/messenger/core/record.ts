/**
 * What a sealed frame holds. Sessions number what one page says to another: a page that was loaded anew begins anew, and
 * what was meant for the one before is nobody's.
 *
 * | record | bytes after the type |
 * |---|---|
 * | hello | own session, the other's where that has greeted (0: an answer is wanted), 4 each |
 * | data | to session, from session, number, acknowledged, 4 each; the message |
 * | ack | to session, from session, acknowledged, 4 each |
 * | key-please | 16 of the ID of a key that could not be had |
 * | sound | to session, call, number, 4 each; samples |
 */
import { type Bytes, viewOf } from "./bytes.ts";
import { KEY_ID_BYTES, keyIdBytes, keyIdText } from "./key-id.ts";

export type Session = number;

export type SealedRecord =
  | { readonly type: "hello"; readonly from: Session; readonly known: Session }
  | {
      readonly type: "data";
      readonly to: Session;
      readonly from: Session;
      readonly number: number;
      /** All messages of the other direction up to this number have come. */
      readonly acknowledged: number;
      readonly message: Bytes;
    }
  | { readonly type: "ack"; readonly to: Session; readonly from: Session; readonly acknowledged: number }
  | { readonly type: "key-please"; readonly keyId: string }
  | {
      readonly type: "sound";
      readonly to: Session;
      readonly call: number;
      readonly number: number;
      readonly samples: Bytes;
    };

const TYPES = { hello: 1, data: 2, ack: 3, "key-please": 4, sound: 5 } as const;
type Type = keyof typeof TYPES;

function write(type: Type, numbers: readonly number[], rest: Uint8Array = new Uint8Array()): Bytes {
  const bytes = new Uint8Array(1 + 4 * numbers.length + rest.length);
  bytes[0] = TYPES[type];
  numbers.forEach((number, i) => viewOf(bytes).setUint32(1 + 4 * i, number));
  bytes.set(rest, 1 + 4 * numbers.length);
  return bytes;
}

/** What each type is written with. */
const WRITERS: { readonly [T in Type]: (record: Extract<SealedRecord, { type: T }>) => Bytes } = {
  hello: ({ from, known }) => write("hello", [from, known]),
  data: ({ to, from, number, acknowledged, message }) => write("data", [to, from, number, acknowledged], message),
  ack: ({ to, from, acknowledged }) => write("ack", [to, from, acknowledged]),
  "key-please": ({ keyId }) => write("key-please", [], keyIdBytes(keyId) ?? new Uint8Array(KEY_ID_BYTES)),
  sound: ({ to, call, number, samples }) => write("sound", [to, call, number], samples),
};

export const encodeRecord = (record: SealedRecord): Bytes =>
  (WRITERS[record.type] as (record: SealedRecord) => Bytes)(record);

/** Null for what is none. */
export function decodeRecord(bytes: Bytes): SealedRecord | null {
  const view = viewOf(bytes);
  const reads = READERS[bytes[0] ?? 0];
  if (reads === undefined || bytes.length < reads.leastBytes) return null;
  return reads.read((i) => view.getUint32(1 + 4 * i), bytes);
}

interface Reader {
  readonly leastBytes: number;
  read(number: (i: number) => number, bytes: Bytes): SealedRecord;
}

const READERS: Readonly<Record<number, Reader>> = {
  [TYPES.hello]: { leastBytes: 9, read: (n) => ({ type: "hello", from: n(0), known: n(1) }) },
  [TYPES.data]: {
    leastBytes: 17,
    read: (n, bytes) => ({
      type: "data",
      to: n(0),
      from: n(1),
      number: n(2),
      acknowledged: n(3),
      message: bytes.slice(17),
    }),
  },
  [TYPES.ack]: { leastBytes: 13, read: (n) => ({ type: "ack", to: n(0), from: n(1), acknowledged: n(2) }) },
  [TYPES["key-please"]]: {
    leastBytes: 1 + KEY_ID_BYTES,
    read: (_n, bytes) => ({ type: "key-please", keyId: keyIdText(bytes.subarray(1, 1 + KEY_ID_BYTES)) }),
  },
  [TYPES.sound]: {
    leastBytes: 13,
    read: (n, bytes) => ({ type: "sound", to: n(0), call: n(1), number: n(2), samples: bytes.slice(13) }),
  },
};
