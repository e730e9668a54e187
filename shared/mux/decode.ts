/** Bytes to frames. Whatever the bytes, it does not throw, and looks at no more of them than the type may have. */
import { type Result, err, ok } from "../result.ts";
import { codeOf } from "./codes.ts";
import {
  FIN,
  FRAME_TYPES,
  type Frame,
  type FrameOf,
  type FrameType,
  HEADER_BYTES,
  flagsOf,
  isWhole,
  readU32,
  slotOf,
  streamOf,
  typeOf,
} from "./frame.ts";

export interface FrameFault {
  readonly kind: "too-short" | "unknown-type" | "bad-flags" | "bad-stream" | "bad-length" | "bad-text" | "bad-number";
  /** As far as they could be read; 0 where not. */
  readonly slot: number;
  readonly stream: number;
}

const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const anyText = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

type Head<T extends FrameType> = { readonly type: T; readonly slot: number; readonly stream: number };
/** @returns the frame, or what is wrong with its payload, whose length has been checked */
type Reader<T extends FrameType> = (
  head: Head<T>,
  payload: Uint8Array,
  flags: number,
) => FrameOf<T> | FrameFault["kind"];

function strictName(bytes: Uint8Array): string | null {
  try {
    return strictText.decode(bytes);
  } catch {
    return null;
  }
}

const credit = <T extends "accept" | "credit">(head: Head<T>, payload: Uint8Array) => ({
  ...head,
  creditBytes: readU32(payload, 0),
});

const ending = <T extends "refuse" | "reset" | "goaway">(head: Head<T>, payload: Uint8Array) => ({
  ...head,
  code: codeOf(readU32(payload, 0) >>> 16),
  reason: anyText.decode(payload.subarray(2)),
});

const READERS: { readonly [T in FrameType]: Reader<T> } = {
  open: (head, payload) => {
    const service = strictName(payload.subarray(4));
    return service === null ? "bad-text" : { ...head, creditBytes: readU32(payload, 0), service };
  },
  accept: credit,
  credit: (head, payload) => (readU32(payload, 0) === 0 ? "bad-number" : credit(head, payload)),
  refuse: ending,
  reset: ending,
  goaway: ending,
  data: ({ slot, stream }, payload, flags) => ({ type: "data", slot, stream, payload, fin: (flags & FIN) !== 0 }),
  fin: (head) => head,
  "peer-gone": (head, token) => {
    if (token.length === 0) return head;
    return token.length === FRAME_TYPES.pong.minBytes ? { ...head, token } : "bad-length";
  },
  ping: (head, token) => ({ ...head, token }),
  pong: (head, token) => ({ ...head, token }),
  mark: (head, token) => ({ ...head, token }),
  ack: (head, token) => ({ ...head, token }),
};

/** @param bytes one frame, as `framesOf` cuts it out. @returns the frame; payload and token are views of `bytes` */
export function decodeFrame(bytes: Uint8Array): Result<Frame, FrameFault> {
  const slot = slotOf(bytes);
  const stream = streamOf(bytes);
  const fault = (kind: FrameFault["kind"]) => err({ kind, slot, stream });
  if (bytes.length < HEADER_BYTES) return fault("too-short");
  const type = typeOf(bytes);
  if (type === undefined) return fault("unknown-type");
  const rule = FRAME_TYPES[type];
  const flags = flagsOf(bytes);
  if ((flags & ~rule.flags) !== 0) return fault("bad-flags");
  if (rule.stream !== (stream !== 0)) return fault("bad-stream");
  const payloadBytes = bytes.length - HEADER_BYTES;
  if (!isWhole(bytes) || payloadBytes < rule.minBytes || payloadBytes > rule.maxBytes) return fault("bad-length");
  const read = READERS[type] as Reader<FrameType>;
  const frame = read({ type, slot, stream }, bytes.subarray(HEADER_BYTES), flags);
  return typeof frame === "string" ? fault(frame) : ok(frame);
}
