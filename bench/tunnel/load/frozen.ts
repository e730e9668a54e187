/** Many streams at once, towards somebody who reads nothing: the client itself, the device, or an agent. */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type BulkHead, encodeHead, ENDLESS, sendBulk } from "../bulk-wire.ts";
import type { Jobs } from "./jobs.ts";
import { dial } from "./socket.ts";

/** Opened side by side: any forwarder has a bound for connections that it has taken and not yet passed on. */
const AT_ONCE = 50;
/** Nothing more has moved for so long: all is full that can be. */
const STILL_MS = 1500;
const LOOK_MS = 100;

let sockets: Socket[] = [];

export async function freeze(job: Jobs["freeze"]["takes"]): Promise<Jobs["freeze"]["gives"]> {
  await openAll(job, { direction: job.direction, verified: false, bytes: ENDLESS });
  const movedBytes = await untilStill(job);
  const ended = sockets.filter(({ destroyed }) => destroyed).length;
  if (ended > 0) throw new Error(`${ended} of ${job.streams} streams ended`);
  return { movedBytes };
}

export async function flow(job: Jobs["flow"]["takes"]): Promise<null> {
  await openAll(job, { direction: "down", verified: false, bytes: ENDLESS });
  for (const socket of sockets) socket.resume();
  return null;
}

async function openAll({ port, streams }: Jobs["flow"]["takes"], head: BulkHead): Promise<void> {
  while (sockets.length < streams) {
    const more = Math.min(AT_ONCE, streams - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, () => open(port, head)))));
  }
}

/** Resolves with the first byte, which stays unread. */
async function open(port: number, head: BulkHead): Promise<Socket> {
  const socket = await dial(port);
  socket.write(encodeHead(head));
  await new Promise<void>((resolve, reject) => {
    socket.once("readable", resolve);
    socket.once("close", () => reject(new Error("a stream ended before its first byte")));
  });
  if (head.direction === "frozen") sendBulk(socket, head).catch(() => socket.destroy());
  return socket;
}

async function untilStill({ direction, maxMs }: Jobs["freeze"]["takes"]): Promise<number> {
  const moved = (): number =>
    sockets.reduce((sum, { bytesRead, bytesWritten }) => sum + (direction === "down" ? bytesRead : bytesWritten), 0);
  const endMs = performance.now() + maxMs;
  let last = -1;
  for (let stillMs = 0; stillMs < STILL_MS && performance.now() < endMs; stillMs += LOOK_MS) {
    const now = moved();
    if (now !== last) stillMs = 0;
    last = now;
    await sleep(LOOK_MS);
  }
  return last;
}

export async function thaw({ port }: Jobs["thaw"]["takes"]): Promise<null> {
  const last = await open(port, { direction: "thaw", verified: false, bytes: 0 });
  last.destroy();
  const ending = sockets;
  sockets = [];
  const closed = ending
    .filter((socket) => !socket.closed)
    .map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of ending) socket.destroy();
  await Promise.all(closed);
  return null;
}
