/** The load tool, in a process of its own. */
import { serveJobs } from "../../processes/jobs.ts";
import { bulk, startBulk, stopBulk } from "./bulk.ts";
import { flow, freeze, thaw } from "./frozen.ts";
import { h2c } from "./h2c.ts";
import { http } from "./http.ts";
import type { Jobs } from "./jobs.ts";
import { ping, setup } from "./pings.ts";

serveJobs<Jobs>({
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
});
