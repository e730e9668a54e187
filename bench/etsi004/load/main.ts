/** The load tool, in a process of its own. */
import { serveJobs } from "../../processes/jobs.ts";
import { binary } from "./binary.ts";
import { getKey } from "./get-key.ts";
import type { Jobs } from "./jobs.ts";
import { opens } from "./opens.ts";

serveJobs<Jobs>({ "get-key": getKey, opens, binary });
