/** The load tool, in a process of its own. */
import { serveJobs } from "../../processes/jobs.ts";
import type { Jobs } from "./jobs.ts";
import { edgeKem, kem } from "./kem.ts";
import { startProbe, stopProbe } from "./probe.ts";
import { few, getKey, sessions } from "./sessions.ts";

serveJobs<Jobs>({
  kem,
  "get-key": getKey,
  sessions,
  few,
  "edge-kem": edgeKem,
  "start-probe": startProbe,
  "stop-probe": stopProbe,
});
