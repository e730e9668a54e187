/** What the tunnel is to reach. */
import type { Goal } from "../../report/goals.ts";

export const TUNNEL_GOALS: readonly Goal[] = [
  { figure: "bulkUpVsSsh", is: "at least", bound: 1, what: "bulk up, to ssh" },
  { figure: "bulkDownVsSsh", is: "at least", bound: 1, what: "bulk down, to ssh" },
  { figure: "pingInBulkMs", is: "at most", bound: 2, what: "ping during bulk, p50, the slower direction" },
  { figure: "pingInBulkVsSsh", is: "at most", bound: 3, what: "the same to ssh" },
  { figure: "setupVsSsh", is: "at most", bound: 1.5, what: "connection set-up, p50, to ssh's best round" },
  { figure: "h2c16VsSsh", is: "at least", bound: 1.3, what: "h2c requests/s, 16 at once, to ssh" },
  {
    figure: "workerHttp32VsSsh",
    is: "at least",
    bound: 0.6,
    what: "Worker to device, HTTP requests/s, 32 at once, to ssh",
  },
  { figure: "frozenReceiverMB", is: "at most", bound: 16, what: "engine's memory above idle, the worst case" },
];
