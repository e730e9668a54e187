/** Round trips that come at a rate, however long those before take, as from people who do not know of each other. */
import { setTimeout as sleep } from "node:timers/promises";
import { checkRepeats } from "../../load/checks.ts";
import { summarise } from "../../statistics.ts";
import { type AtRate, type Jobs, SIZE_BITS } from "./jobs.ts";
import { type Lane, laneOf, makeTrip, wake } from "./trip.ts";

interface Run {
  readonly startMs: number;
  readonly due: number;
  readonly everyMs: number;
  /** Of the next one. */
  number: number;
  readonly timesMs: number[];
  readonly containers: string[];
  /** Answers of 503, by what they begin with. */
  readonly refusals: Map<string, number>;
}

/** @throws Error where anything but 503 came instead of a key, or where a key came twice */
export async function atRate({ perS, forMs, connections, ...ends }: Jobs["at-rate"]["takes"]): Promise<AtRate> {
  const lanes = Array.from({ length: connections }, () => laneOf(ends));
  try {
    for (const lane of lanes) await wake(lane);
    const due = Math.floor((forMs * perS) / 1000);
    const fresh = { number: 0, timesMs: [], containers: [], refusals: new Map<string, number>() };
    const run: Run = { startMs: performance.now(), due, everyMs: 1000 / perS, ...fresh };
    await Promise.all(lanes.map((lane) => serve(run, lane)));
    const tookMs = Math.max(forMs, performance.now() - run.startMs);
    const { timesMs, containers } = run;
    if (timesMs.length === 0) throw new Error("all were refused");
    const problems: string[] = [];
    const checkedKeys = checkRepeats(containers, SIZE_BITS, problems);
    if (problems.length > 0) throw new Error(problems[0]);
    const done = timesMs.length;
    const refused = [...run.refusals.values()].reduce((sum, count) => sum + count, 0);
    const refusals = Object.fromEntries(run.refusals);
    return { ...summarise(timesMs), due, done, refused, refusals, perS: (done * 1000) / tookMs, checkedKeys };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

/** Takes whichever is due next, as long as there are any. */
async function serve(run: Run, lane: Lane): Promise<void> {
  while (run.number < run.due) {
    const dueMs = run.startMs + run.number++ * run.everyMs;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    const trip = await makeTrip(lane);
    if (trip.outcome === "refused") {
      const why = whyOf(trip.answer);
      run.refusals.set(why, (run.refusals.get(why) ?? 0) + 1);
      continue;
    }
    run.timesMs.push(performance.now() - dueMs);
    run.containers.push(trip.container);
  }
}

/** `link-budget: relays may take no more ...`, or all of a message that has no code before it. */
const whyOf = (answer: string): string => /"message":"([^:"]*)/.exec(answer)?.[1] ?? "without a message";
