/** One byte there and back: on one connection, or each on a new one. */
import type { Socket } from "node:net";
import type { LatencySummary } from "../../statistics.ts";
import type { Jobs } from "./jobs.ts";
import { dial } from "./socket.ts";
import { DONE, measure } from "./measure.ts";

const BYTE = Buffer.from("?");
const WARM_UP_MS = 100;

export async function ping({ port, measureMs }: Jobs["ping"]["takes"]): Promise<LatencySummary> {
  const socket = await dial(port);
  return await measure([{ prepare: () => echoed(socket), step: () => echoed(socket), close: () => socket.destroy() }], {
    warmUpMs: WARM_UP_MS,
    measureMs,
  });
}

export async function setup({ port, count }: Jobs["setup"]["takes"]): Promise<LatencySummary> {
  let left = count;
  const once = (): Promise<string | null> => echoOnce(port);
  const step = async () => (left-- > 0 ? await once() : DONE);
  return await measure([{ prepare: once, step, close: () => undefined }], {});
}

/** On a connection of its own. @returns what went wrong, or null */
export async function echoOnce(port: number): Promise<string | null> {
  const socket = await dial(port);
  const problem = await echoed(socket);
  socket.destroy();
  return problem;
}

/** @returns what went wrong, or null */
function echoed(socket: Socket): Promise<string | null> {
  return new Promise((resolve) => {
    const closed = (): void => resolve("the connection ended");
    if (socket.destroyed) closed();
    socket.once("close", closed);
    socket.once("data", (chunk) => {
      socket.off("close", closed);
      resolve(chunk.equals(BYTE) ? null : "another byte came back");
    });
    socket.write(BYTE);
  });
}
