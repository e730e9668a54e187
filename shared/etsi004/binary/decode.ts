/** Frames to messages. Whatever the bytes, it does not throw. */
import { LIMITS } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import { KSID_BYTES, ksidOfBytes } from "../ksid.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import type { Frame } from "./frame-reader.ts";
import {
  FRAME_TYPES,
  type FrameFault,
  type FrameType,
  hasChunk,
  hasNeededSize,
  hasStream,
  type Message,
  type MessageOf,
  OPEN_TAIL_BYTES,
  QOS_BYTES,
  QOS_NUMBERS,
} from "./messages.ts";

const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);

function readText(bytes: Uint8Array): string | null {
  try {
    return strictText.decode(bytes);
  } catch {
    return null;
  }
}

/** As C writes it: up to the first NUL, whatever is behind it. */
function readPadded(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  return readText(end === -1 ? bytes : bytes.subarray(0, end));
}

interface OpenTail {
  readonly qos: Qos;
  readonly ksid: Ksid;
  readonly isNull: boolean;
}

/** QoS and KSID: the same in request and response. */
function readOpenTail(tail: Uint8Array): OpenTail | null {
  const metadataMimetype = readPadded(tail.subarray(4 * QOS_NUMBERS.length, QOS_BYTES));
  if (metadataMimetype === null) return null;
  const numbers = Object.fromEntries(QOS_NUMBERS.map((member, i) => [member, u32(tail, 4 * i)]));
  const ksid = tail.subarray(QOS_BYTES);
  return {
    qos: { ...(numbers as Omit<Qos, "metadataMimetype">), metadataMimetype },
    ksid: ksidOfBytes(ksid),
    isNull: ksid.every((byte) => byte === 0),
  };
}

type Read<T extends FrameType> = MessageOf<T> | FrameFault;

function readUri(bytes: Uint8Array): string | null {
  const text = bytes.length > 4 * LIMITS.streamUriChars ? null : readText(bytes);
  return text === null || text.length > LIMITS.streamUriChars ? null : text;
}

function readOpenRequest(payload: Uint8Array): Read<"open-request"> {
  const tailAt = payload.length - OPEN_TAIL_BYTES;
  const sourceEnd = payload.indexOf(0);
  const destinationEnd = payload.indexOf(0, sourceEnd + 1);
  if (sourceEnd === -1 || destinationEnd + 1 !== tailAt) return "bad-body";
  const source = readUri(payload.subarray(0, sourceEnd));
  const destination = readUri(payload.subarray(sourceEnd + 1, destinationEnd));
  const tail = readOpenTail(payload.subarray(tailAt));
  if (source === null || destination === null || tail === null) return "bad-text";
  return { type: "open-request", source, destination, qos: tail.qos, ksid: tail.isNull ? null : tail.ksid };
}

function readOpenResponse(payload: Uint8Array): Read<"open-response"> {
  const status = u32(payload, 0);
  const type = "open-response";
  if (!hasStream(status)) return payload.length === 4 ? { type, status, stream: null } : "bad-body";
  if (payload.length !== 4 + OPEN_TAIL_BYTES) return "bad-body";
  const tail = readOpenTail(payload.subarray(4));
  return tail === null ? "bad-text" : { type, status, stream: { qos: tail.qos, ksid: tail.ksid } };
}

function readGetKeyResponse(payload: Uint8Array): Read<"get-key-response"> {
  const status = u32(payload, 0);
  const head = { type: "get-key-response", status } as const;
  if (hasNeededSize(status)) {
    return payload.length === 8 ? { ...head, chunk: null, neededSize: u32(payload, 4) } : "bad-body";
  }
  if (!hasChunk(status)) return payload.length === 4 ? { ...head, chunk: null, neededSize: null } : "bad-body";
  if (payload.length < 16) return "bad-body";
  const keyEnd = 12 + u32(payload, 8);
  if (keyEnd + 4 > payload.length || keyEnd + 4 + u32(payload, keyEnd) !== payload.length) return "bad-body";
  const metadata = readText(payload.subarray(keyEnd + 4));
  if (metadata === null) return "bad-text";
  return { ...head, chunk: { index: u32(payload, 4), key: payload.subarray(12, keyEnd), metadata }, neededSize: null };
}

const READERS: { readonly [T in FrameType]: (payload: Uint8Array) => Read<T> } = {
  "open-request": readOpenRequest,
  "open-response": readOpenResponse,
  "get-key-request": (payload) => ({
    type: "get-key-request",
    ksid: ksidOfBytes(payload.subarray(0, KSID_BYTES)),
    index: u32(payload, KSID_BYTES),
    metadataSize: u32(payload, KSID_BYTES + 4),
  }),
  "get-key-response": readGetKeyResponse,
  "close-request": (payload) => ({ type: "close-request", ksid: ksidOfBytes(payload) }),
  "close-response": (payload) => ({ type: "close-response", status: u32(payload, 0) }),
};

/**
 * @param frame of FrameReader, or made by hand
 * @returns the message; a key in it is a view of the payload. After a fault the next frame can still be read
 */
export function decodeMessage<T extends FrameType>(
  frame: Frame & { readonly type: T },
): Result<MessageOf<T>, FrameFault> {
  const { minBytes, maxBytes } = FRAME_TYPES[frame.type];
  if (frame.payload.length < minBytes || frame.payload.length > maxBytes) return err("bad-length");
  const read = READERS[frame.type] as (payload: Uint8Array) => Message | FrameFault;
  const message = read(frame.payload);
  return typeof message === "string" ? err(message) : ok(message as MessageOf<T>);
}
