/** The WebSocket to a hub, as the agent opens it and as a mux sends over it. */
import { type ClientOptions, type RawData, WebSocket } from "ws";
import { LIMITS } from "../../../shared/limits.ts";
import type { Transport } from "../../../shared/mux/outbox.ts";
import type { Edge } from "./edge.ts";
import { passed } from "./young-garbage.ts";

const MAX_MESSAGE_BYTES = Math.max(LIMITS.agentMessageBytes, LIMITS.tunnelMessageBytes);

/** Of every WebSocket to a hub. */
export const HUB_SOCKET = {
  perMessageDeflate: false,
  followRedirects: false,
  maxPayload: MAX_MESSAGE_BYTES,
} as const satisfies ClientOptions;

/**
 * Masks (RFC 6455 5.3) protect caches between the two ends from what a page in a browser may send. Where nobody is in
 * between, a mask of zeros spares the work.
 */
export const noMask = (mask: Buffer): void => void mask.fill(0);

export function openWebSocket(
  edge: Edge,
  url: URL,
  handshakeMs: number,
  headers: Readonly<Record<string, string>>,
): WebSocket {
  const options: ClientOptions = {
    ...HUB_SOCKET,
    headers,
    handshakeTimeout: handshakeMs,
    minVersion: "TLSv1.2",
    ...(edge.ca === undefined ? {} : { ca: edge.ca }),
    ...(edge.isPrivate ? { generateMask: noMask } : {}),
  };
  return new WebSocket(url, options);
}

const BINARY = { binary: true } as const;

/**
 * Full while more than a little waits in this process: what waits here nobody overtakes. Large messages are written into
 * buffers that are used again once they have gone: new ones for each would keep the collector busy.
 */
export function transportOf(socket: WebSocket): Transport {
  const spare: Buffer[] = [];
  const gone = (message: Uint8Array): void => {
    if (message.buffer.byteLength === BUFFER_BYTES && spare.length < SPARE_BUFFERS) {
      spare.push(Buffer.from(message.buffer));
    }
  };
  return {
    room: (byteLength) =>
      byteLength < LARGE_BYTES
        ? Buffer.allocUnsafe(byteLength)
        : (spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)).subarray(0, byteLength),
    send(message) {
      if (socket.readyState !== WebSocket.OPEN) throw new Error("the connection is closed");
      passed(message.length);
      if (socket.bufferedAmount < LIMITS.agentSocketBufferBytes) {
        socket.send(message, BINARY, () => gone(message));
        return undefined;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.send(message, BINARY, (error) => {
        gone(message);
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
      return promise;
    },
    abort: () => socket.terminate(),
  };
}

const LARGE_BYTES = 16 * 1024;
/** Of a size that nothing else here has. */
const BUFFER_BYTES = LIMITS.tunnelMessageBytes;
const SPARE_BUFFERS = 8;

/** A message as one piece of memory. */
export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
