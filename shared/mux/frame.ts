/**
 * The frames of the tunnel: one or more, back to back, are a WebSocket message. Header of 12 bytes, big-endian: slot u16,
 * type u8, flags u8, stream u32, length of the payload u32; then the payload. The slot stands first so that a hub relays
 * a frame by overwriting two bytes in place.
 */
import { LIMITS } from "../limits.ts";
import type { Code } from "./codes.ts";

export const HEADER_BYTES = 12;
const LENGTH_AT = 8;
/** At an owner's socket: the hub itself, on behalf of Workers. */
export const HUB_SLOT = 0xffff;
/** At a peer's socket: the owner. At an owner's: nobody, the socket as such. */
export const SOCKET_SLOT = 0;
/** Flag of `data`: the sender's last. */
export const FIN = 1;
export const STREAM_ID_MAX = 0xffff_ffff;

const ENDING = { flags: 0, minBytes: 2, maxBytes: 2 + LIMITS.tunnelReasonBytes };

/** `stream`: whether it names one (else the field is 0). `relayed`: whether a hub passes it on or is itself meant. */
export const FRAME_TYPES = {
  open: { wire: 1, stream: true, relayed: true, flags: 0, minBytes: 5, maxBytes: 4 + LIMITS.tunnelServiceBytes },
  accept: { wire: 2, stream: true, relayed: true, flags: 0, minBytes: 4, maxBytes: 4 },
  refuse: { wire: 3, stream: true, relayed: true, ...ENDING },
  data: { wire: 4, stream: true, relayed: true, flags: FIN, minBytes: 0, maxBytes: LIMITS.tunnelFrameBytes },
  credit: { wire: 5, stream: true, relayed: true, flags: 0, minBytes: 4, maxBytes: 4 },
  fin: { wire: 6, stream: true, relayed: true, flags: 0, minBytes: 0, maxBytes: 0 },
  reset: { wire: 7, stream: true, relayed: true, ...ENDING },
  ping: { wire: 8, stream: false, relayed: true, flags: 0, minBytes: 8, maxBytes: 8 },
  pong: { wire: 9, stream: false, relayed: true, flags: 0, minBytes: 8, maxBytes: 8 },
  goaway: { wire: 10, stream: false, relayed: true, ...ENDING },
  ack: { wire: 11, stream: false, relayed: false, flags: 0, minBytes: 8, maxBytes: 8 },
  "peer-gone": { wire: 12, stream: false, relayed: false, flags: 0, minBytes: 0, maxBytes: 8 },
  mark: { wire: 13, stream: false, relayed: false, flags: 0, minBytes: 8, maxBytes: 8 },
} as const satisfies Record<string, FrameRule>;

export interface FrameRule {
  readonly wire: number;
  readonly stream: boolean;
  readonly relayed: boolean;
  /** The flags it may carry. */
  readonly flags: number;
  /** Of the payload. */
  readonly minBytes: number;
  readonly maxBytes: number;
}

export type FrameType = keyof typeof FRAME_TYPES;

/** What a frame of each type says beyond slot and stream. */
interface Bodies {
  /** Credit is what the sender of the frame will receive at first. */
  open: { readonly creditBytes: number; readonly service: string };
  accept: { readonly creditBytes: number };
  refuse: { readonly code: Code; readonly reason: string };
  data: { readonly payload: Uint8Array; readonly fin: boolean };
  credit: { readonly creditBytes: number };
  fin: object;
  reset: { readonly code: Code; readonly reason: string };
  ping: { readonly token: Uint8Array };
  pong: { readonly token: Uint8Array };
  goaway: { readonly code: Code; readonly reason: string };
  /** The token of the newest mark: everything up to it has been received. */
  ack: { readonly token: Uint8Array };
  /** The token, if there is one, comes back in a `pong`: what arrives after it belongs to the peer that has the slot next. */
  "peer-gone": { readonly token?: Uint8Array };
  /** The token comes back in an `ack`. It is random, so that only who has received it can know it. */
  mark: { readonly token: Uint8Array };
}

export type FrameOf<T extends FrameType> = T extends FrameType
  ? { readonly type: T; readonly slot: number; readonly stream: number } & Bodies[T]
  : never;
export type Frame = FrameOf<FrameType>;

const TYPE_BY_WIRE: readonly (FrameType | undefined)[] = Object.entries(FRAME_TYPES).reduce<(FrameType | undefined)[]>(
  (types, [type, { wire }]) => {
    types[wire] = type as FrameType;
    return types;
  },
  [],
);

/** The fields below may be asked of any bytes: what is missing reads as 0. */
export const slotOf = (frame: Uint8Array): number => ((frame[0] ?? 0) << 8) | (frame[1] ?? 0);
export const typeOf = (frame: Uint8Array): FrameType | undefined => TYPE_BY_WIRE[frame[2] ?? 0];
export const flagsOf = (frame: Uint8Array): number => frame[3] ?? 0;
export const streamOf = (frame: Uint8Array): number => readU32(frame, 4);

export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

/** Whether the bytes are as long as their header says: one frame, and nothing else. */
export const isWhole = (frame: Uint8Array): boolean =>
  frame.length >= HEADER_BYTES && frame.length === HEADER_BYTES + readU32(frame, LENGTH_AT);

/** The frames of a message, as views of it; the last is not whole where the message is cut short or empty. */
export function* framesOf(message: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  do {
    const end = at + HEADER_BYTES + readU32(message, at + LENGTH_AT);
    yield message.subarray(at, end);
    at = end;
  } while (at < message.length);
}

/** Whether a hub passes a frame on: not those that it is itself meant by, nor what it does not know. */
export function isRelayed(frame: Uint8Array): boolean {
  const type = typeOf(frame);
  return frame.length >= HEADER_BYTES && type !== undefined && FRAME_TYPES[type].relayed;
}

/** The same buffer with another slot: what a hub sends on. */
export function withSlot(frame: Uint8Array, slot: number): Uint8Array {
  frame[0] = slot >>> 8;
  frame[1] = slot & 0xff;
  return frame;
}

/** The same for every frame of a message. */
export function withSlots(message: Uint8Array, slot: number): Uint8Array {
  for (const frame of framesOf(message)) withSlot(frame, slot);
  return message;
}
