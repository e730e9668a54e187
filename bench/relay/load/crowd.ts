/** Round trips that nothing holds back, and the first of many pairs. None of these may be refused. */
import { setTimeout as sleep } from "node:timers/promises";
import { checkRepeats } from "../../load/checks.ts";
import { measure } from "../../tunnel/load/measure.ts";
import { type Jobs, type Many, SIZE_BITS } from "./jobs.ts";
import { type Lane, laneOf, makeTrip, open, wake } from "./trip.ts";

/** What a pool brings ahead of need, once it is used, shall not be in the way of the next pair's first key. */
const APART_MS = 100;

export async function first({ ends, wakes }: Jobs["first"]["takes"]): Promise<Jobs["first"]["gives"]> {
  const lanes = ends.map(laneOf);
  try {
    const containers: string[] = [];
    const encMs: number[] = [];
    for (const lane of lanes) {
      // Not all before: connections that nobody uses for seconds are closed.
      await (wakes ? wake(lane) : open(lane));
      await sleep(APART_MS);
      encMs.push(await certain(lane, containers));
    }
    checked(containers);
    return { encMs };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export async function many({ connections, warmUpMs, measureMs, ...ends }: Jobs["many"]["takes"]): Promise<Many> {
  const containers: string[] = [];
  const workers = Array.from({ length: connections }, () => {
    const lane = laneOf(ends);
    const trip = async (): Promise<null> => {
      await certain(lane, containers);
      return null;
    };
    return { prepare: trip, step: trip, close: () => lane.close() };
  });
  const { count, p50Ms, p99Ms, perS } = await measure(workers, { warmUpMs, measureMs });
  return { count, p50Ms, p99Ms, perS, checkedKeys: checked(containers) };
}

/** @returns how long enc_keys took */
async function certain(lane: Lane, containers: string[]): Promise<number> {
  const trip = await makeTrip(lane);
  if (trip.outcome === "refused") throw new Error(`enc_keys answered 503: ${trip.answer}`);
  containers.push(trip.container);
  return trip.encMs;
}

/** @throws Error where a key or an ID came twice */
function checked(containers: readonly string[]): number {
  const problems: string[] = [];
  const count = checkRepeats(containers, SIZE_BITS, problems);
  if (problems.length > 0) throw new Error(problems[0]);
  return count;
}
