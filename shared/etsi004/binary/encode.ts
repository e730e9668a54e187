/** Messages to frames. What is encoded comes from this side: what cannot be written is our own mistake, and is thrown. */
import { bytesOfKsid, KSID_BYTES } from "../ksid.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import {
  FRAME_TYPES,
  type FrameType,
  hasChunk,
  hasNeededSize,
  hasStream,
  HEADER_BYTES,
  type Message,
  type MessageOf,
  MIMETYPE_BYTES,
  QOS_NUMBERS,
  VERSION_BYTES,
} from "./messages.ts";

const encoder = new TextEncoder();
const NUL = Uint8Array.of(0);
const NULL_KSID = new Uint8Array(KSID_BYTES);

function u32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError("not a uint32");
    view.setUint32(4 * i, value);
  }
  return bytes;
}

/** Without a NUL, which would end it early. */
function text(value: string): Uint8Array {
  if (value.includes("\0") || !value.isWellFormed()) throw new RangeError("a text that cannot be written");
  return encoder.encode(value);
}

function openTail(qos: Qos, ksid: Ksid | null): Uint8Array[] {
  const mimetype = text(qos.metadataMimetype);
  if (mimetype.length > MIMETYPE_BYTES) throw new RangeError(`a MIME type of more than ${MIMETYPE_BYTES} bytes`);
  const padded = new Uint8Array(MIMETYPE_BYTES);
  padded.set(mimetype);
  const numbers = u32(...QOS_NUMBERS.map((member) => qos[member]));
  return [numbers, padded, ksid === null ? NULL_KSID : bytesOfKsid(ksid)];
}

/** A body where the status has one, and only there. */
function demandBody(has: boolean, body: unknown): void {
  if (has !== (body !== null)) throw new RangeError("a status with a body it cannot have, or without the one it has");
}

const WRITERS: { readonly [T in FrameType]: (message: MessageOf<T>) => readonly Uint8Array[] } = {
  "open-request": ({ source, destination, qos, ksid }) => [
    text(source),
    NUL,
    text(destination),
    NUL,
    ...openTail(qos, ksid),
  ],
  "open-response": ({ status, stream }) => {
    demandBody(hasStream(status), stream);
    return stream === null ? [u32(status)] : [u32(status), ...openTail(stream.qos, stream.ksid)];
  },
  "get-key-request": ({ ksid, index, metadataSize }) => [bytesOfKsid(ksid), u32(index, metadataSize)],
  "get-key-response": ({ status, chunk, neededSize }) => {
    demandBody(hasChunk(status), chunk);
    demandBody(hasNeededSize(status), neededSize);
    if (neededSize !== null) return [u32(status, neededSize)];
    if (chunk === null) return [u32(status)];
    const metadata = encoder.encode(chunk.metadata);
    return [u32(status, chunk.index, chunk.key.length), chunk.key, u32(metadata.length), metadata];
  },
  "close-request": ({ ksid }) => [bytesOfKsid(ksid)],
  "close-response": ({ status }) => [u32(status)],
};

/** @throws RangeError for what the frame has no room for: texts, numbers, more than LIMITS.streamFrameBytes */
export function encodeMessage(message: Message): Uint8Array {
  const parts = (WRITERS[message.type] as (each: Message) => readonly Uint8Array[])(message);
  const payloadBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const { wire, maxBytes } = FRAME_TYPES[message.type];
  if (payloadBytes > maxBytes) throw new RangeError(`a payload of ${payloadBytes} bytes, more than ${maxBytes}`);
  const frame = new Uint8Array(HEADER_BYTES + payloadBytes);
  frame.set([...VERSION_BYTES, wire]);
  frame.set(u32(payloadBytes), 4);
  let at = HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
