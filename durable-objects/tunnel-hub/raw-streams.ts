/** A stream to a site's service as other objects use it: bytes each way, over RPC. */
import type { MuxStream } from "../../shared/mux/stream.ts";
import type { ServiceStream } from "../../shared/tunnel/types.ts";
import { abortWith } from "./http-bodies.ts";

/** @param background goes on as long as bytes do */
export function serviceStream(stream: MuxStream, background: (work: Promise<void>) => void): ServiceStream {
  const [down, up] = [new IdentityTransformStream(), new IdentityTransformStream()];
  background(fromService(stream, down.writable));
  background(toService(up.readable, stream));
  return { readable: down.readable, writable: up.writable };
}

async function fromService(stream: MuxStream, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  void abortWith(stream, writer);
  try {
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) await writer.write(chunk);
    await writer.close();
  } catch {
    stream.reset("cancelled", "who read it has left");
  }
}

async function toService(readable: ReadableStream<Uint8Array>, stream: MuxStream): Promise<void> {
  const reader = readable.getReader();
  // Who writes hears of a reset at the next write, and of nothing before: so that nobody waits here any longer.
  void stream.closed.then((end) => (end.kind === "reset" ? reader.cancel(end.reason).catch(() => {}) : undefined));
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) await stream.write(chunk.value);
    await stream.end();
  } catch (error) {
    stream.reset("cancelled", "who wrote it has left");
    await reader.cancel(error).catch(() => {});
  }
}
