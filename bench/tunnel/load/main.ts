/** The load tool, in a process of its own: jobs come as messages, one at a time. */
import { bulk, startBulk, stopBulk } from "./bulk.ts";
import { flow, freeze, thaw } from "./frozen.ts";
import { h2c } from "./h2c.ts";
import { http } from "./http.ts";
import type { FromLoad, Job, JobName, Jobs } from "./jobs.ts";
import { ping, setup } from "./pings.ts";

const JOBS: { readonly [Name in JobName]: (job: Jobs[Name]["takes"]) => Promise<Jobs[Name]["gives"]> } = {
  bulk,
  "start-bulk": startBulk,
  "stop-bulk": stopBulk,
  ping,
  setup,
  h2c,
  http,
  freeze,
  flow,
  thaw,
};

async function run(job: Job): Promise<FromLoad> {
  try {
    const work = JOBS[job.job] as (job: Job) => Promise<unknown>;
    return { type: "done", result: await work(job) };
  } catch (error) {
    return { type: "failed", problem: `${job.job}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

process.on("message", (job: Job) => void run(job).then((answer) => process.send?.(answer)));
process.on("disconnect", () => process.exit(0));
