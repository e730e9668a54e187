/** Bodies on their way from a client, bounded as they come. */
import type http from "node:http";
import { type Answer, KME_BUSY, tooLarge } from "./answers.ts";
import type { Visit } from "./load.ts";

const FIRST_BUFFER_BYTES = 1024;

/**
 * Waits for the whole body before the edge hears of the request: a client that is slow to send keeps none of the few
 * connections there from others. Chunks are copied together as they come, for kept as chunks, a body sent byte by byte
 * takes many times its size.
 */
export function collectBody(
  req: http.IncomingMessage,
  maxBytes: number,
  visit: Visit,
  giveUp: (answer: Answer) => void,
  whole: (body: Buffer) => void,
): void {
  let buffer = Buffer.alloc(0);
  let bytes = 0;
  let refused = false;
  const refuseWith = (answer: Answer): void => {
    refused = true;
    buffer = Buffer.alloc(0);
    giveUp(answer);
  };
  req.on("data", (chunk: Buffer) => {
    if (refused) return;
    const needed = bytes + chunk.length;
    if (needed > maxBytes) {
      refuseWith(tooLarge(maxBytes));
      return;
    }
    if (needed > buffer.length) {
      const grown = Math.min(maxBytes, Math.max(needed, 2 * buffer.length, FIRST_BUFFER_BYTES));
      if (!visit.hold(grown - buffer.length)) {
        refuseWith(KME_BUSY);
        return;
      }
      buffer = Buffer.concat([buffer], grown);
    }
    bytes += chunk.copy(buffer, bytes);
  });
  req.on("end", () => {
    if (!refused) whole(buffer.subarray(0, bytes));
  });
}

export function streamBody(
  req: http.IncomingMessage,
  upstream: http.ClientRequest,
  maxBytes: number,
  giveUp: (answer: Answer) => void,
): void {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) giveUp(tooLarge(maxBytes));
  });
  req.on("error", () => upstream.destroy());
  req.pipe(upstream);
}

/** The rest of the body is read and dropped: a client in mid-upload reads no answer. */
export function abandonUpload(req: http.IncomingMessage, upstream: http.ClientRequest | undefined): void {
  req.unpipe();
  req.resume();
  upstream?.destroy();
}
