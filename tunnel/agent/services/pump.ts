/** Bytes between a stream and a socket, both ways at once: each waits for the other, ends for itself, and breaks it. */
import net from "node:net";
import type { Duplex, Writable } from "node:stream";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { reasonOf } from "../reason.ts";

/** Resolves when both directions are over. */
export async function pump(stream: MuxStream, socket: Duplex): Promise<void> {
  const broken = (error?: unknown): void =>
    stream.reset("service-failed", error === undefined ? "" : reasonOf(error).slice(0, 100));
  socket.on("error", broken);
  socket.once("close", () => (endedInOrder(socket) ? undefined : broken()));
  void stream.closed.then(({ kind }) => (kind === "reset" ? breakSocket(socket) : undefined));
  await Promise.allSettled([fromStream(stream, socket), fromSocket(socket, stream)]);
}

async function fromStream(stream: MuxStream, socket: Duplex): Promise<void> {
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) break;
    if (!socket.write(chunk)) await room(socket);
  }
  socket.end();
}

async function fromSocket(socket: Duplex, stream: MuxStream): Promise<void> {
  // Destroyed at its end, as iterators do on their own, it could not send what is still to come.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    await stream.write(chunk);
  }
  await stream.end();
}

/** Until there is room for more; a socket that has closed takes everything, and says so by its events. */
export function room(socket: Writable): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    socket.off("drain", done);
    socket.off("close", done);
    resolve();
  };
  socket.on("drain", done);
  socket.on("close", done);
  return promise;
}

/** A socket that closes before both directions have ended was broken off, whether it says so or not. */
export const endedInOrder = (socket: Duplex): boolean => socket.readableEnded && socket.writableFinished;

/** With RST where it is TCP, so that the other side does not take it for an end. */
export function breakSocket(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket instanceof net.Socket && !("encrypted" in socket)) socket.resetAndDestroy();
  else socket.destroy();
}
