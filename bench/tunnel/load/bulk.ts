/** Bulk transfers, timed or in the background. */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type BulkHead, DIGEST_BYTES, encodeHead, ENDLESS, receiveBulk, sendBulk } from "../bulk-wire.ts";
import type { Jobs } from "./jobs.ts";
import { dial } from "./socket.ts";

const MB = 1_000_000;

export async function bulk({ port, ...head }: Jobs["bulk"]["takes"]): Promise<Jobs["bulk"]["gives"]> {
  const socket = await dial(port);
  try {
    const startMs = performance.now();
    socket.write(encodeHead(head));
    const [own, told] = await (head.direction === "up" ? upload(socket, head) : download(socket, head));
    const seconds = (performance.now() - startMs) / 1000;
    if (!own.equals(told)) throw new Error(`${head.direction}: other bytes arrived than were sent`);
    return { mbPerS: head.bytes / MB / seconds };
  } finally {
    socket.destroy();
  }
}

/** Over when the device says that it has all. */
async function upload(socket: Socket, head: BulkHead): Promise<[Buffer, Buffer]> {
  const answer = receiveBulk(socket, { ...head, bytes: 0 }, DIGEST_BYTES);
  const [own, { told }] = await Promise.all([sendBulk(socket, head), answer]);
  return [own, told];
}

async function download(socket: Socket, head: BulkHead): Promise<[Buffer, Buffer]> {
  const { own, told } = await receiveBulk(socket, head, DIGEST_BYTES);
  return [own, told];
}

interface Background {
  readonly socket: Socket;
  readonly startMs: number;
  /** So far. */
  readonly movedBytes: () => number;
}
let background: Background | null = null;
/** Under way, and the slow start over. */
const FLOWING_BYTES = 4 * MB;
const LOOK_MS = 5;

export async function startBulk({ port, direction }: Jobs["start-bulk"]["takes"]): Promise<null> {
  const socket = await dial(port);
  const head: BulkHead = { direction, verified: false, bytes: ENDLESS };
  const movedBytes = (): number =>
    direction === "up" ? socket.bytesWritten - socket.writableLength : socket.bytesRead;
  const startMs = performance.now();
  socket.write(encodeHead(head));
  if (direction === "up") {
    socket.resume();
    sendBulk(socket, head).catch(() => socket.destroy());
  } else socket.on("data", () => undefined);
  while (movedBytes() < FLOWING_BYTES) {
    if (socket.destroyed) throw new Error("the connection ended");
    await sleep(LOOK_MS);
  }
  background = { socket, startMs, movedBytes };
  return null;
}

export async function stopBulk(): Promise<Jobs["stop-bulk"]["gives"]> {
  if (background === null) throw new Error("nothing is under way");
  const { socket, startMs, movedBytes } = background;
  background = null;
  if (socket.destroyed) throw new Error("the connection ended under way");
  const mbPerS = movedBytes() / MB / ((performance.now() - startMs) / 1000);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  return { mbPerS };
}
