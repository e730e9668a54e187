/** Bodies of HTTP exchanges: between streams of the platform and of the tunnel, bounded in size and in patience. */
import { LIMITS } from "../../shared/limits.ts";
import type { MuxStream } from "../../shared/mux/stream.ts";
import { Patience } from "./patience.ts";

export class BodyError extends Error {}

const TOO_LARGE = "the body is too large";

/** Sends a request's body on, as fast as the service takes it, and ends this direction. Failures reset the stream. */
export async function sendBody(body: ReadableStream<Uint8Array>, stream: MuxStream): Promise<void> {
  const reader = body.getReader();
  const patience = new Patience(LIMITS.tunnelHttpIdleMs, () => {
    stream.reset("timed-out");
    void reader.cancel().catch(() => {});
  });
  try {
    let leftBytes = LIMITS.tunnelHttpBodyBytes;
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      leftBytes -= chunk.value.length;
      if (leftBytes < 0) throw new BodyError(TOO_LARGE);
      patience.prolong(LIMITS.tunnelHttpIdleMs);
      await stream.write(chunk.value);
    }
    await stream.end();
  } catch (error) {
    stream.reset("cancelled", error instanceof BodyError ? error.message : "the request broke off");
    await reader.cancel().catch(() => {});
  } finally {
    patience.end();
  }
}

/** Hands a response's body on, as fast as the client takes it. @param patience ends with the body */
export async function receiveBody(
  first: Uint8Array,
  stream: MuxStream,
  writable: WritableStream<Uint8Array>,
  patience: Patience,
): Promise<void> {
  const writer = writable.getWriter();
  let chunk: Uint8Array | null = first;
  // Where the patience ends it is the stream that is reset, while it may be the client who takes nothing.
  const cut = abortWith(stream, writer);
  try {
    for (let leftBytes = LIMITS.tunnelHttpBodyBytes; chunk !== null; chunk = await stream.read()) {
      leftBytes -= chunk.length;
      if (leftBytes < 0) throw new BodyError(TOO_LARGE);
      patience.prolong(LIMITS.tunnelHttpIdleMs);
      if (chunk.length > 0) await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    stream.reset("cancelled", error instanceof BodyError ? error.message : "the client has left");
    await cut;
  } finally {
    patience.end();
  }
}

/** What breaks the stream breaks its reader, even while that takes nothing. */
export async function abortWith(stream: MuxStream, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const end = await stream.closed;
  if (end.kind === "reset") await writer.abort(new BodyError("the service broke off")).catch(() => {});
}
