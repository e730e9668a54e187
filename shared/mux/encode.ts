/** Frames to bytes. What is encoded comes from this side, so lengths are ours to keep; reasons are cut to fit. */
import { LIMITS } from "../limits.ts";
import { CODES } from "./codes.ts";
import { FIN, FRAME_TYPES, type Frame, type FrameOf, type FrameType, HEADER_BYTES } from "./frame.ts";

const encoder = new TextEncoder();

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** A frame with its header, its payload still zeros. */
function blankFrame(
  head: { readonly type: FrameType; readonly slot: number; readonly stream: number },
  payloadBytes: number,
  flags = 0,
): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payloadBytes);
  frame[0] = head.slot >>> 8;
  frame[1] = head.slot;
  frame[2] = FRAME_TYPES[head.type].wire;
  frame[3] = flags;
  writeU32(frame, 4, head.stream);
  writeU32(frame, 8, payloadBytes);
  return frame;
}

/** The header of a data frame whose payload the caller adds to the message: so that bytes are copied once. */
export function dataHeader(slot: number, stream: number, payloadBytes: number, fin: boolean): Uint8Array {
  const header = blankFrame({ type: "data", slot, stream }, 0, fin ? FIN : 0);
  writeU32(header, 8, payloadBytes);
  return header;
}

function withCredit(frame: FrameOf<"open" | "accept" | "credit">, tail: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = blankFrame(frame, 4 + tail.length);
  writeU32(bytes, HEADER_BYTES, frame.creditBytes);
  bytes.set(tail, HEADER_BYTES + 4);
  return bytes;
}

function withEnding(frame: FrameOf<"refuse" | "reset" | "goaway">): Uint8Array {
  const room = new Uint8Array(LIMITS.tunnelReasonBytes);
  const { written } = encoder.encodeInto(frame.reason, room); // stops at a character's border
  const bytes = blankFrame(frame, 2 + written);
  const { wire } = CODES[frame.code];
  bytes[HEADER_BYTES] = wire >>> 8;
  bytes[HEADER_BYTES + 1] = wire;
  bytes.set(room.subarray(0, written), HEADER_BYTES + 2);
  return bytes;
}

function withBytes(frame: FrameOf<FrameType>, payload: Uint8Array, flags = 0): Uint8Array {
  const bytes = blankFrame(frame, payload.length, flags);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

const WRITERS: { readonly [T in FrameType]: (frame: FrameOf<T>) => Uint8Array } = {
  open: (frame) => withCredit(frame, encoder.encode(frame.service)),
  accept: withCredit,
  credit: withCredit,
  refuse: withEnding,
  reset: withEnding,
  goaway: withEnding,
  data: (frame) => withBytes(frame, frame.payload, frame.fin ? FIN : 0),
  ping: (frame) => withBytes(frame, frame.token),
  pong: (frame) => withBytes(frame, frame.token),
  mark: (frame) => withBytes(frame, frame.token),
  ack: (frame) => withBytes(frame, frame.token),
  fin: (frame) => blankFrame(frame, 0),
  "peer-gone": (frame) => withBytes(frame, frame.token ?? new Uint8Array()),
};

export const encodeFrame = (frame: Frame): Uint8Array => (WRITERS[frame.type] as (frame: Frame) => Uint8Array)(frame);

/** Whether a service's name fits into an `open`. */
export const isServiceName = (service: string): boolean =>
  service !== "" &&
  service.length <= LIMITS.tunnelServiceBytes &&
  encoder.encode(service).length <= LIMITS.tunnelServiceBytes &&
  service.isWellFormed();
