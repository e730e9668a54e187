/**
 * What travels in the open, over the room or the data channel: version, kind, direction, key ID and counter, then the
 * ciphertext. The whole head is additional data of the seal; everything else is inside.
 */
import type { Bytes } from "./bytes.ts";
import { viewOf } from "./bytes.ts";
import type { Direction } from "./direction.ts";
import { KEY_ID_BYTES, keyIdBytes, keyIdText } from "./key-id.ts";

export const FRAME_VERSION = 1;
/** `sealed`: AES-256-GCM. `pad`: one-time pad, inside a sealed frame. */
export const FRAME_KINDS = { sealed: 1, pad: 2 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

const KEY_ID_AT = 3;
const COUNTER_AT = KEY_ID_AT + KEY_ID_BYTES;
export const HEAD_BYTES = COUNTER_AT + 8;
export const TAG_BYTES = 16;

export interface FrameHead {
  readonly kind: FrameKind;
  readonly direction: Direction;
  readonly keyId: string;
  /** Of the frames under this key, from 0. */
  readonly counter: number;
}

/** @throws TypeError for a key ID that is none */
export function encodeHead({ kind, direction, keyId, counter }: FrameHead): Bytes {
  const id = keyIdBytes(keyId);
  if (id === null) throw new TypeError("a key ID that is no UUID");
  const head = new Uint8Array(HEAD_BYTES);
  head.set([FRAME_VERSION, FRAME_KINDS[kind], direction]);
  head.set(id, KEY_ID_AT);
  viewOf(head).setBigUint64(COUNTER_AT, BigInt(counter));
  return head;
}

/** Null for what is no frame of this version. */
export function decodeHead(frame: Uint8Array): FrameHead | null {
  if (frame.length < HEAD_BYTES + TAG_BYTES) return null;
  const [version, kindByte, direction] = frame;
  const kind = kindByte === FRAME_KINDS.sealed ? "sealed" : kindByte === FRAME_KINDS.pad ? "pad" : null;
  if (version !== FRAME_VERSION || kind === null || (direction !== 0 && direction !== 1)) return null;
  const counter = viewOf(frame).getBigUint64(COUNTER_AT);
  if (counter > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const keyId = keyIdText(frame.subarray(KEY_ID_AT, COUNTER_AT));
  return { kind, direction, keyId, counter: Number(counter) };
}
