/** The metered Worker, served, with a network of two nodes. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type OwnEdge, startOwnEdge } from "../own-edge.ts";
import { METER_PATH, type Meter, metered } from "./meter.ts";

/** Pools ship their audit events within a second; a reading that has not changed for longer is final. */
const QUIET_MS = 1500;
const POLL_MS = 100;

export interface MeteredEdge extends Pick<OwnEdge, "call" | "stop"> {
  /** Once all that follows from earlier calls is done. */
  read(): Promise<Meter>;
}

export async function startMeteredEdge(): Promise<MeteredEdge> {
  const edge = await startOwnEdge(join(import.meta.dirname, "worker", "index.ts"), false);
  const read = async (): Promise<Meter> => (await (await fetch(edge.url + METER_PATH)).json()) as Meter;
  return { ...edge, read: () => untilQuiet(read) };
}

async function untilQuiet(read: () => Promise<Meter>): Promise<Meter> {
  let [last, sinceMs] = [await read(), performance.now()];
  while (performance.now() - sinceMs < QUIET_MS) {
    await sleep(POLL_MS);
    const now = await read();
    if (metered(last, now).objectRequests > 0) sinceMs = performance.now();
    last = now;
  }
  return last;
}
