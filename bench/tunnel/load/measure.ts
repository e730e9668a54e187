/** Workers of the load tool that must not fail. */
import { type Timing, type Worker, runWorkers } from "../../load/workers.ts";
import type { Rate } from "./jobs.ts";

export { DONE } from "../../load/workers.ts";

/** @throws Error when anything went wrong: a bench of failures means nothing */
export async function measure(workers: readonly Worker[], timing: Timing): Promise<Rate> {
  const { count, p50Ms, p99Ms, perS, problems } = await runWorkers(workers, timing);
  if (problems.length > 0) throw new Error(problems.join("; "));
  return { count, p50Ms, p99Ms, perS };
}
