/** The load tool, in a process of its own. */
import { serveJobs } from "../../processes/jobs.ts";
import { atRate } from "./at-rate.ts";
import { first, many } from "./crowd.ts";
import type { Jobs } from "./jobs.ts";

serveJobs<Jobs>({ "at-rate": atRate, first, many });
