/**
 * The load tool, in a process of its own: jobs come as messages, one at a time. N connections are N keep-alive mTLS
 * connections to each KME concerned.
 */
import type { FromLoad, Job, LoadResult } from "./jobs.ts";
import { fetch, take } from "./pending.ts";
import { roundTrips } from "./round-trips.ts";

const JOBS: { readonly [Name in Job["job"]]: (job: Extract<Job, { job: Name }>) => Promise<LoadResult> } = {
  "round-trips": roundTrips,
  take,
  fetch,
};

process.on("message", (job: Job) => {
  const run = JOBS[job.job] as (job: Job) => Promise<LoadResult>;
  void run(job).then((result) => process.send?.({ type: "done", result } satisfies FromLoad));
});
process.on("disconnect", () => process.exit(0));
