/** Connections that repeat one step side by side, timed. */
import { summarise } from "../statistics.ts";
import type { LoadResult } from "./jobs.ts";

/** One turn of one connection. @returns what went wrong, or null; `DONE` where nothing is left to do */
export type Step = () => Promise<string | typeof DONE | null>;
export const DONE = Symbol("done");

export interface Worker {
  /** Before the clock starts. */
  readonly prepare?: Step;
  readonly step: Step;
  readonly close: () => void;
}
/** Times of turns; all of them where there is no `measureMs`. */
export interface Timing {
  readonly warmUpMs?: number;
  readonly measureMs?: number;
}
interface Run {
  readonly latenciesMs: number[];
  readonly problems: string[];
  turns: number;
  measuring: boolean;
  stopped: boolean;
}

const PROBLEMS_TOLD = 5;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns rates and latencies of the turns measured; `problems` may still be added to */
export async function runWorkers(
  workers: readonly Worker[],
  { warmUpMs = 0, measureMs }: Timing,
): Promise<Pick<LoadResult, "count" | "p50Ms" | "p99Ms" | "perS" | "turns"> & { problems: string[] }> {
  const run: Run = { latenciesMs: [], problems: [], turns: 0, measuring: measureMs === undefined, stopped: false };
  await Promise.all(workers.map(async ({ prepare }) => prepare === undefined || (await turn(run, prepare))));
  let startMs = performance.now();
  const all = Promise.all(workers.map((worker) => repeat(run, worker)));
  if (measureMs !== undefined) {
    await pause(warmUpMs);
    run.measuring = true;
    startMs = performance.now();
    await pause(measureMs);
    run.measuring = false;
    run.stopped = true;
  } else await all;
  const seconds = (performance.now() - startMs) / 1000;
  await all;
  const { latenciesMs, problems, turns } = run;
  if (latenciesMs.length === 0 && problems.length === 0) problems.push("nothing was completed");
  const summary = summarise(latenciesMs.length === 0 ? [0] : latenciesMs);
  return { ...summary, perS: latenciesMs.length / seconds, turns, problems: problems.slice(0, PROBLEMS_TOLD) };
}

/** Turn after turn. Any fault ends it: a bench of failures means nothing. */
async function repeat(run: Run, { step, close }: Worker): Promise<void> {
  while (!run.stopped && run.problems.length === 0) {
    const startMs = performance.now();
    if (!(await turn(run, step))) break;
    if (run.measuring) run.latenciesMs.push(performance.now() - startMs);
  }
  close();
}

/** @returns whether another one may follow */
async function turn(run: Run, step: Step): Promise<boolean> {
  try {
    const outcome = await step();
    if (outcome === null) run.turns++;
    else if (outcome !== DONE) run.problems.push(outcome);
    return outcome === null;
  } catch (error) {
    run.problems.push(error instanceof Error ? error.message : String(error));
    return false;
  }
}
