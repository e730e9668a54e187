/** What SAs are to take, with a hybrid key of QKD and ML-KEM-768 for each. */
import type { Goal } from "../../report/goals.ts";

export const IPSEC_GOALS: readonly Goal[] = [
  { figure: "oneSaP50Ms", is: "at most", bound: 60, what: "POST of 1 SA until both hosts have it, p50" },
  { figure: "hundredTunnelsS", is: "at most", bound: 3, what: "POST of 100 tunnels until both hosts have all" },
];
